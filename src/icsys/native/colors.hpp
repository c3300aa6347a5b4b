// The distinct colours of an image, and cells that merge near ones.
//
// A colour's Morton code interleaves the bits of R, G and B. In its order the colours of every octree node, and so of every
// cell, are neighbours, and any 64 in a row fill a small box.

#pragma once

#include "points.hpp"

ICS_BEGIN

constexpr int LEVELS = 8, CHILDREN = 8;
constexpr int64_t CODES = 1 << 24; // Morton codes
constexpr int64_t WORDS = CODES / 64; // of 64 bits, one for each code
// Colours are held as eighths of a level about mid-grey.
constexpr float SCALE = 8, CENTER = 128;

// Every byte with two zero bits put between its bits.
struct Spread {
    uint32_t of[256];
    constexpr Spread() : of() {
        for (uint32_t value = 0; value < 256; value++)
            for (int bit = 0; bit < 8; bit++) of[value] |= (value >> bit & 1) << 3 * bit;
    }
};

// Every third bit of a 24-bit number as a byte: the inverse of spreading.
INLINE uint32_t compact(uint32_t v) {
    v &= 0x249249;
    v = (v | v >> 2) & 0x0C30C3;
    v = (v | v >> 4) & 0x00F00F;
    return (v | v >> 8) & 0xFF;
}

// A distinct colour as its Morton code, and how many pixels it has.
struct Color {
    uint32_t code, count;
};

constexpr int64_t GROUP = 64; // words: the codes of a box of 16 levels a side
constexpr int64_t GROUPS = WORDS / GROUP;

// Write the Morton code of every pixel, which groups of codes occur and in these which codes, with how many before each
// word; return how many in all. A photo has few colours, and they lie close together: memory of other groups is never touched.
INLINE int64_t mark_colors(const uint8_t *pixels, int64_t n, uint32_t *codes, uint8_t *groups, uint64_t *bits,
                           uint32_t *ranks) {
    static constexpr Spread spread;
    memset(groups, 0, GROUPS);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *p = pixels + 3 * i;
        const uint32_t code = spread.of[p[0]] << 2 | spread.of[p[1]] << 1 | spread.of[p[2]];
        codes[i] = code;
        const uint32_t word = code >> 6, group = word / GROUP;
        if (!groups[group]) {
            groups[group] = 1;
            memset(bits + group * GROUP, 0, GROUP * sizeof *bits);
        }
        bits[word] |= uint64_t{1} << (code & 63);
    }
    uint32_t count = 0;
    for (int64_t group = 0; group < GROUPS; group++) {
        if (!groups[group]) continue;
        for (int64_t word = group * GROUP; word < (group + 1) * GROUP; word++) {
            ranks[word] = count;
            count += static_cast<uint32_t>(__builtin_popcountll(bits[word]));
        }
    }
    return count;
}

// Replace the code of every pixel by its rank among the distinct codes, and list the colours by rank.
INLINE void rank_colors(uint32_t *codes, int64_t n, const uint64_t *bits, const uint32_t *ranks, Color *colors,
                        int64_t distinct) {
    memset(colors, 0, distinct * sizeof *colors);
    for (int64_t i = 0; i < n; i++) {
        const uint32_t code = codes[i], word = code >> 6;
        const uint64_t below = (uint64_t{1} << (code & 63)) - 1;
        const uint32_t rank = ranks[word] + static_cast<uint32_t>(__builtin_popcountll(bits[word] & below));
        colors[rank].code = code;
        colors[rank].count++;
        codes[i] = rank;
    }
}

// Up to so many pixels are sorted.
constexpr int64_t MOST_SORTED = 1 << 14;

// Sort Morton codes with the numbers of their pixels, by the bytes of the codes from the lowest. `to` ends up sorted.
INLINE void sort_codes(uint64_t *from, uint64_t *to, int64_t n) {
    uint32_t places[3][256] = {};
    for (int64_t i = 0; i < n; i++)
        for (int byte = 0; byte < 3; byte++) places[byte][from[i] >> (32 + 8 * byte) & 0xFF]++;
    for (int byte = 0; byte < 3; byte++) {
        uint32_t place = 0;
        for (int v = 0; v < 256; v++) {
            const uint32_t count = places[byte][v];
            places[byte][v] = place;
            place += count;
        }
        for (int64_t i = 0; i < n; i++) to[places[byte][from[i] >> (32 + 8 * byte) & 0xFF]++] = from[i];
        uint64_t *done = from;
        from = to;
        to = done;
    }
}

// Write the rank of every pixel's colour, and list the colours by rank; return how many. `keys` has room for two numbers a
// pixel.
INLINE int64_t sort_colors(const uint8_t *pixels, int64_t n, uint32_t *inverse, Color *colors, uint64_t *keys) {
    static constexpr Spread spread;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *p = pixels + 3 * i;
        const uint32_t code = spread.of[p[0]] << 2 | spread.of[p[1]] << 1 | spread.of[p[2]];
        keys[i] = static_cast<uint64_t>(code) << 32 | static_cast<uint64_t>(i);
    }
    sort_codes(keys, keys + n, n);
    const uint64_t *sorted = keys + n;
    int64_t rank = -1;
    uint32_t last = UINT32_MAX;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t code = static_cast<uint32_t>(sorted[i] >> 32);
        rank += code != last;
        last = code;
        inverse[static_cast<uint32_t>(sorted[i])] = static_cast<uint32_t>(rank);
        colors[rank] = {code, static_cast<uint32_t>(i + 1)};
    }
    for (int64_t r = rank; r > 0; r--) colors[r].count -= colors[r - 1].count;
    return rank + 1;
}

// Write colours as points, the last colour repeated to fill the last block.
INLINE void decode_colors(const Color *colors, int64_t n, float *x, double *w) {
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    for (int64_t b = 0; b < blocks; b++) {
        uint32_t block[BLOCK];
        for (int i = 0; i < BLOCK; i++) {
            const int64_t at = b * BLOCK + i;
            block[i] = colors[at < n ? at : n - 1].code;
            w[at] = at < n ? colors[at].count : 0;
        }
        for (int f = 0; f < 3; f++)
            for (int i = 0; i < BLOCK; i++) {
                const int32_t level = static_cast<int32_t>(compact(block[i] >> (2 - f)));
                x[(b * 3 + f) * BLOCK + i] = SCALE * (static_cast<float>(level) - CENTER);
            }
    }
}

// The box around each block.
template <int D> INLINE void bound_blocks(const float *x, int64_t blocks, float *low, float *high) {
    for (int64_t row = 0; row < blocks * D; row++) {
        float least = x[row * BLOCK], most = least;
        for (int i = 1; i < BLOCK; i++) {
            const float v = x[row * BLOCK + i];
            least = v < least ? v : least;
            most = v > most ? v : most;
        }
        low[row] = least;
        high[row] = most;
    }
}

// All points as one cluster.
template <int D> INLINE void sum_points(const float *x, const double *w, int64_t blocks, double *sums) {
    // Four sums that add up to one, for any width of registers: a sum need not wait for the one before.
    double total[SUMS<D>][4] = {};
    for (int64_t b = 0; b < blocks; b++)
        for (int i = 0; i < BLOCK; i += 4)
            for (int lane = 0; lane < 4; lane++) {
                const double weight = w[b * BLOCK + i + lane];
                const float *at = x + b * D * BLOCK + i + lane;
                total[0][lane] += weight;
                for (int f = 0, p = 1 + D; f < D; f++) {
                    const double v = weight * at[f * BLOCK];
                    total[1 + f][lane] += v;
                    for (int g = 0; g <= f; g++) total[p++][lane] += v * at[g * BLOCK];
                }
            }
    for (int s = 0; s < SUMS<D>; s++) sums[s] = (total[s][0] + total[s][1]) + (total[s][2] + total[s][3]);
}

// All points as one cluster without products of coordinates; return their weighted squared norms. In any order: for numbers
// whose sums are exact.
template <int D> INLINE double sum_unsplit(const float *x, const double *w, int64_t blocks, double *sums) {
    Doubles total[D + 2] = {};
    for (int64_t b = 0; b < blocks; b++)
        for (int i = 0; i < BLOCK; i += LANES / 2) {
            const Doubles weight = load<Doubles>(w + b * BLOCK + i);
            total[D + 1] += weight;
            for (int f = 0; f < D; f++) {
                const Doubles at =
                    __builtin_convertvector(load<HalfFloats>(x + (b * D + f) * BLOCK + i), Doubles);
                const Doubles v = weight * at;
                total[f] += v;
                total[D] += v * at;
            }
        }
    double squares = 0;
    for (int f = 0; f <= D; f++) sums[f] = 0;
    for (int lane = 0; lane < LANES / 2; lane++) {
        sums[0] += total[D + 1][lane];
        for (int f = 0; f < D; f++) sums[1 + f] += total[f][lane];
        squares += total[D][lane];
    }
    return squares;
}

// What follows from points: the box around each block, and their sums as one cluster.
template <int D>
INLINE void bound_points(const float *x, const double *w, int64_t blocks, float *low, float *high, double *sums) {
    bound_blocks<D>(x, blocks, low, high);
    sum_points<D>(x, w, blocks, sums);
}

// Colours that a node holds at least, where it pays to add them up at once.
constexpr double FEW_COLORS = 48;

// What a cell adds up: its weight, weighted coordinates and weighted squared norm.
struct Cell {
    double weight, sum[3], square;

    double error() const {
        return square - (sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]) / weight;
    }
    Cell operator-(const Cell &other) const {
        return {weight - other.weight,
                {sum[0] - other.sum[0], sum[1] - other.sum[1], sum[2] - other.sum[2]},
                square - other.square};
    }
};

// Sums over colours in order.
struct Adder {
    const float *x;
    const double *w;
    Cell all = {};

    void add(int64_t i) {
        const float *at = x + i / BLOCK * 3 * BLOCK + i % BLOCK;
        all.weight += w[i];
        for (int f = 0; f < 3; f++) {
            const double v = w[i] * at[f * BLOCK];
            all.sum[f] += v;
            all.square += v * at[f * BLOCK];
        }
    }
};

// The level of the smallest octree node that holds two colours, from 0 for the root.
INLINE int common_level(uint32_t a, uint32_t b) { return (__builtin_clz(a ^ b) - 8) / 3; }

// The largest squared error about the mean that a pixel can have in a node of a level.
INLINE double most_square(int level) {
    const double half = SCALE / 2 * static_cast<double>((1 << (LEVELS - level)) - 1);
    return 3 * half * half;
}

// The level of nodes that are as a rule merged for their few pixels alone, and hold many colours.
INLINE int sure_level(double allowed, double pixels_per_color) {
    int level = LEVELS;
    while (level > 1 && allowed >= FEW_COLORS * pixels_per_color * most_square(level - 1)) level--;
    return level;
}

// Merge the colours of every octree node whose squared error about its mean is within `threshold`; return how many cells.
//
// While nodes are open, cells holds sums over all colours before each cell: what a node adds up is a difference, exact as
// all sums are.
INLINE int64_t merge_nodes(const Color *listed, int64_t colors, const float *x, const double *w, double threshold,
                           Cell *cells) {
    double pixels = 0;
    for (int64_t i = 0; i < colors; i++) pixels += w[i];
    // So much less than the threshold that no rounding counts.
    const double allowed = threshold * (1 - 1e-6);
    const int coarsest = sure_level(allowed, pixels / static_cast<double>(colors));
    double most[LEVELS + 1]; // pixels of a node of each level that is merged for sure
    uint32_t failed[LEVELS + 1]; // the node of each level that had more
    for (int level = coarsest; level < LEVELS; level++) {
        most[level] = allowed / most_square(level);
        failed[level] = UINT32_MAX;
    }
    int32_t start[LEVELS] = {};
    Adder adder{x, w};
    cells[0] = adder.all;
    int64_t n = 0;
    int before = -1; // the smallest node that holds the colour before, too
    for (int64_t i = 0; i < colors;) {
        int level = coarsest;
        const Cell held = adder.all;
        const int64_t first = i;
        for (; level < LEVELS; level++) {
            const int shift = 3 * (LEVELS - level);
            const uint32_t node = listed[i].code >> shift;
            if (failed[level] == node) continue;
            const double full = held.weight + most[level];
            do adder.add(i++);
            while (i < colors && listed[i].code >> shift == node && adder.all.weight <= full);
            if (adder.all.weight <= full) break;
            failed[level] = node;
            adder.all = held;
            i = first;
        }
        if (level == LEVELS) adder.add(i++);
        cells[++n] = adder.all;
        // The nodes that end here, from the smallest that holds more than this: those in which the next colour is not.
        const int after = i < colors ? common_level(listed[i - 1].code, listed[i].code) : -1;
        for (int level = before; level > after; level--) {
            // More cells than children: a child is not one cell, so its parent cannot be one either.
            const int64_t first = start[level];
            if (n - first <= 1 || n - first > CHILDREN) continue;
            if ((adder.all - cells[first]).error() > threshold) continue;
            n = first + 1;
            cells[n] = adder.all;
        }
        for (int level = 0; level < LEVELS; level++)
            start[level] = level > after ? static_cast<int32_t>(n) : start[level];
        before = after;
    }
    Cell last = cells[0];
    for (int64_t c = 0; c < n; c++) {
        const Cell next = cells[c + 1];
        cells[c] = next - last;
        last = next;
    }
    return n;
}

// Write the means of cells, on the integers, as points; return the sum of |sum|^2 / weight.
INLINE double place_cells(const Cell *cells, int64_t n, float *x, double *w) {
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    double explained = 0;
    for (int64_t b = 0; b < blocks; b++)
        for (int i = 0; i < BLOCK; i++) {
            const int64_t at = b * BLOCK + i;
            const Cell &cell = cells[at < n ? at : n - 1];
            w[at] = at < n ? cell.weight : 0;
            for (int f = 0; f < 3; f++)
                x[(b * 3 + f) * BLOCK + i] = static_cast<float>(nearbyint(cell.sum[f] / cell.weight));
            if (at < n) explained += cell.square - cell.error();
        }
    return explained;
}

ICS_END
