// Compares the look-ups of expand.hpp with one pixel after another, in random batches between guard pages. Prints what
// differs and ends with 1, or the number of batches. Arguments: batches, seed.

#include <cstdio>
#include <random>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "expand.hpp"

using namespace LEVEL;

// Memory of exactly so many bytes: what lies before it or past it cannot be read or written.
struct Guarded {
    uint8_t *start;
    size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), mapped;
    char *map;

    Guarded(size_t bytes, bool at_end) {
        const size_t whole = (bytes + page - 1) / page * page;
        mapped = whole + 2 * page;
        map = static_cast<char *>(mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (whole) mprotect(map + page, whole, PROT_READ | PROT_WRITE);
        start = reinterpret_cast<uint8_t *>(map + page + (at_end ? whole - bytes : 0));
    }
    ~Guarded() { munmap(map, mapped); }
    Guarded(const Guarded &) = delete;
};

template <typename T> bool holds(std::mt19937 &random, int number) {
    const auto any = [&](int64_t low, int64_t high) {
        return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
    };
    const int64_t bits = int64_t{1} << any(0, 4), images = any(1, 2), n = 2, height = any(1, 4);
    const int64_t width = any(0, 9) ? any(1, 150) : any(2040, 2060), most = bits == 16 ? 300 : int64_t{1} << bits;
    const int64_t colors = any(1, most), row_bytes = (width * bits + 7) / 8, image_bytes = height * row_bytes;
    const bool is_whole = any(0, 2) == 0, at_end = any(0, 1) != 0, planar = any(0, 1) != 0;
    const int64_t out_height = is_whole ? height : any(1, height), out_width = is_whole ? width : any(1, width);
    Guarded indices(images * image_bytes, at_end), palettes(n * colors * 3, at_end);
    Guarded out(n * 3 * out_height * out_width * sizeof(T), at_end);
    for (int64_t i = 0; i < images * image_bytes; i++) indices.start[i] = static_cast<uint8_t>(random());
    for (int64_t i = 0; i < n * colors * 3; i++) palettes.start[i] = static_cast<uint8_t>(random());
    std::vector<T> values(3 * ENTRIES);
    for (T &value : values) value = static_cast<T>(random());
    int64_t rows[n], own[n] = {0, 1}, tops[n], lefts[n], downs[n], rights[n];
    uint8_t flips[n];
    for (int64_t k = 0; k < n; k++) {
        rows[k] = any(0, images - 1);
        tops[k] = any(0, height - out_height), lefts[k] = any(0, width - out_width);
        downs[k] = any(-height, height), rights[k] = any(0, 1) ? any(-width, width) : any(-2, 2);
        flips[k] = any(0, 1) != 0;
    }
    const bool crops = !is_whole || any(0, 1), shifts = any(0, 1), flipped = any(0, 1);
    const Batch batch = {indices.start, image_bytes, row_bytes, height, width, bits, palettes.start, colors * 3, colors,
                         rows, own, flipped ? flips : nullptr, crops ? tops : nullptr, crops ? lefts : nullptr,
                         shifts ? downs : nullptr, shifts ? rights : nullptr, out_height, out_width, values.data(),
                         sizeof(T), planar, 0, out.start};
    expand<T>(batch, 0, n);
    const T *shown = reinterpret_cast<const T *>(out.start);
    for (int64_t k = 0; k < n; k++)
        for (int64_t y = 0; y < out_height; y++)
            for (int64_t x = 0; x < out_width; x++) {
                int64_t row = (crops ? tops[k] : 0) + y - (shifts ? downs[k] : 0);
                int64_t column = (crops ? lefts[k] : 0) + (flipped && flips[k] ? out_width - 1 - x : x);
                column -= shifts ? rights[k] : 0;
                row = row < 0 ? 0 : row >= height ? height - 1 : row;
                column = column < 0 ? 0 : column >= width ? width - 1 : column;
                const uint8_t *from = indices.start + rows[k] * image_bytes + row * row_bytes;
                int64_t index = 0; // the bits of a pixel from the highest on; two bytes lie as the processor has them
                for (int64_t bit = column * bits; bit < (column + 1) * bits; bit++)
                    index = 2 * index + (from[bit / 8] >> (7 - bit % 8) & 1);
                if (bits == 16) memcpy(&index, from + 2 * column, 2), index &= 0xFFFF;
                index = index < colors ? index : colors - 1;
                for (int64_t c = 0; c < 3; c++) {
                    const T expected = values[c * ENTRIES + palettes.start[(k * colors + index) * 3 + c]];
                    const int64_t place = planar ? ((k * 3 + c) * out_height + y) * out_width + x
                                                 : ((k * out_height + y) * out_width + x) * 3 + c;
                    if (shown[place] == expected) continue;
                    printf("batch %d: %d bytes, %d bits, %d colours, %dx%d of %dx%d, planar %d, shifted %d: image %d, "
                           "row %d, column %d, channel %d\n", number, int(sizeof(T)), int(bits), int(colors),
                           int(out_width), int(out_height), int(width), int(height), planar, shifts, int(k), int(y),
                           int(x), int(c));
                    return false;
                }
            }
    return true;
}

int main(int, char **arguments) {
    const int batches = atoi(arguments[1]);
    std::mt19937 random(static_cast<uint32_t>(atoi(arguments[2])));
    for (int number = 0; number < batches; number++)
        if (!holds<uint8_t>(random, number) || !holds<uint16_t>(random, number) || !holds<uint32_t>(random, number))
            return 1;
    printf("%d\n", batches);
}
