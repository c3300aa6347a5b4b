// Indices and palettes to pixels: rows of a few bits a pixel become short lines of indices, which are looked up in tables.

#pragma once

#include "common.hpp"
#include "shuffles.hpp"

ICS_BEGIN

// Images of one size, and how their pixels are wished; expand.py has the same structure.
struct Batch {
    const uint8_t *indices; // of the first image of all
    int64_t image_bytes;    // from one image to the next
    int64_t row_bytes, height, width, bits;
    const uint8_t *palettes;
    int64_t palette_bytes, colors;  // from one palette to the next, 0 if there is one for all
    const int64_t *rows;            // the images to take
    const int64_t *palette_rows;    // and their palettes
    const uint8_t *flips;           // of each, whether left and right are exchanged; null for none
    const int64_t *tops, *lefts;    // of each, the corner that is kept; null for none
    const int64_t *downs, *rights;  // of each, how far what is kept is moved, at most by the size of an image; null for none
    int64_t out_height, out_width;
    const void *values; // what each of 256 levels becomes, for R, G and B; null where the indices themselves are wished
    int64_t value_bytes, planar;
    int64_t long_shuffles; // whether the processor has them
    void *out;
};

constexpr int64_t TILE = 2048;      // indices that are looked up at a time
constexpr int64_t PAST_TILE = 64;   // more that may be unpacked
constexpr int64_t ENTRIES = 256;    // of a table
constexpr int64_t FEW_ENTRIES = 16; // what a shuffle of bytes looks up
constexpr int64_t CACHE_LINE = 64, PAGE = 4096; // bytes, on most processors
constexpr int64_t MOST_AHEAD = 16 * PAGE;       // bytes of an image whose pages are asked for before its turn
constexpr int64_t MOST_WRITTEN = 64 * PAGE;     // bytes whose writing leaves in the second cache what was asked for

// The colours of a palette as they are written, in planes or as pixels. Entries past the last colour repeat it, so any
// index has an entry.
template <typename T> struct Tables {
    typedef T Value;
    static constexpr int CHANNELS = 3;
    alignas(64) T planes[3][ENTRIES];
    alignas(64) T pixels[ENTRIES][4];
    int64_t colors;
    bool long_shuffles;
    const uint8_t *palette;
    const T *values;

    void fill(const Batch &batch, const uint8_t *from) {
        palette = from;
        values = static_cast<const T *>(batch.values);
        colors = batch.colors;
        long_shuffles = batch.long_shuffles != 0;
        if (batch.bits > 8) return;
        const int64_t entries = batch.bits < 8 ? FEW_ENTRIES : ENTRIES;
        for (int64_t i = 0; i < entries; i++) {
            const uint8_t *color = palette + 3 * (i < colors ? i : colors - 1);
            for (int c = 0; c < 3; c++) planes[c][i] = pixels[i][c] = values[c * ENTRIES + color[c]];
        }
    }
};

// What stands in place of tables where the indices themselves are wished; those past the palette count as its last colour.
template <typename T> struct NoTables {
    typedef T Value;
    static constexpr int CHANNELS = 1;
    int64_t colors;
};

// Write the indices in `n` bytes of 1, 2 or 4 bits a pixel.
template <int BITS> INLINE void unpack(const uint8_t *packed, int64_t n, uint8_t *indices) {
    constexpr int PIXELS = 8 / BITS;
    for (int64_t i = 0; i < n; i++)
        for (int p = 0; p < PIXELS; p++)
            indices[i * PIXELS + p] = static_cast<uint8_t>(packed[i] >> (8 - BITS * (p + 1)) & ((1 << BITS) - 1));
}

// Return the indices of `n` pixels of a row from the column `from` on, in `room` where they are packed.
INLINE const uint8_t *line_of(const uint8_t *row, int64_t bits, int64_t from, int64_t n, uint8_t *room) {
    if (bits == 8) return row + from;
    const int64_t skipped = from & (8 / bits - 1), bytes = ((skipped + n) * bits + 7) / 8;
    const uint8_t *packed = row + from * bits / 8;
    switch (bits) {
    case 1: unpack<1>(packed, bytes, room); break;
    case 2: unpack<2>(packed, bytes, room); break;
    default: unpack<4>(packed, bytes, room);
    }
    return room + skipped;
}

// Return the index of one pixel of a row of at most 8 bits a pixel.
INLINE int index_of(const uint8_t *row, int64_t bits, int64_t column) {
    const int64_t bit = column * bits;
    return row[bit / 8] >> (8 - bits - bit % 8) & ((1 << bits) - 1);
}

template <typename I> INLINE const I *reversed(const I *line, int64_t n, I *room) {
    for (int64_t i = 0; i < n; i++) room[i] = line[n - 1 - i];
    return room;
}

// Write the pixels of a line of indices as planes that are `plane` values apart.
template <typename T>
INLINE void look_up_planes(const uint8_t *line, int64_t n, const Tables<T> &tables, int64_t plane, T *out) {
    const T *const planes[3] = {tables.planes[0], tables.planes[1], tables.planes[2]};
    const int last = static_cast<int>(tables.colors) - 1;
    if (last < FEW_ENTRIES) {
        if (few_planes(line, n, planes, last, plane, out)) return;
    } else if constexpr (sizeof(T) == 1) {
        if (tables.long_shuffles && long_shuffles<true>(line, n, planes, plane, out)) return;
        if (last < MANY && many_planes(line, n, planes, last, plane, out)) return;
    }
    if (any_planes(line, n, tables.pixels, plane, out)) return;
    for (int c = 0; c < 3; c++)
        for (int64_t i = 0; i < n; i++) out[c * plane + i] = planes[c][line[i]];
}

// Write the pixels of a line of indices as three values each.
template <typename T> INLINE void look_up_pixels(const uint8_t *line, int64_t n, const Tables<T> &tables, T *out) {
    if constexpr (sizeof(T) == 1) {
        const T *const planes[3] = {tables.planes[0], tables.planes[1], tables.planes[2]};
        const int last = static_cast<int>(tables.colors) - 1;
        if (last < FEW_ENTRIES && few_pixels(line, n, planes, last, out)) return;
        if (last >= FEW_ENTRIES && tables.long_shuffles && long_shuffles<false>(line, n, planes, 0, out)) return;
        if (last >= FEW_ENTRIES && last < MANY && many_pixels(line, n, planes, last, out)) return;
    }
    int64_t i = 0;
    for (; i + 8 < n; i += 8)
        for (int p = 0; p < 8; p++) memcpy(out + 3 * (i + p), tables.pixels[line[i + p]], 4 * sizeof(T));
    for (; i + 1 < n; i++) memcpy(out + 3 * i, tables.pixels[line[i]], 4 * sizeof(T));
    if (n) memcpy(out + 3 * (n - 1), tables.pixels[line[n - 1]], 3 * sizeof(T)); // nothing past the line
}

template <typename T>
INLINE void look_up(const uint8_t *line, int64_t n, const Tables<T> &tables, bool planar, int64_t plane, T *out) {
    if (planar)
        look_up_planes(line, n, tables, plane, out);
    else
        look_up_pixels(line, n, tables, out);
}

// The same for indices of 16 bits, whose palettes are too long for a table.
template <typename T>
INLINE void look_up(const uint16_t *line, int64_t n, const Tables<T> &tables, bool planar, int64_t plane, T *out) {
    for (int64_t i = 0; i < n; i++) {
        const int64_t index = line[i] < tables.colors ? line[i] : tables.colors - 1;
        for (int c = 0; c < 3; c++)
            out[planar ? c * plane + i : 3 * i + c] = tables.values[c * ENTRIES + tables.palette[3 * index + c]];
    }
}

// Write the indices of a line.
template <typename T, typename I>
INLINE void look_up(const I *line, int64_t n, const NoTables<T> &tables, bool, int64_t, T *out) {
    const I last = static_cast<I>(tables.colors - 1);
    for (int64_t i = 0; i < n; i++) out[i] = static_cast<T>(line[i] < last ? line[i] : last);
}

// Write the planes of `n` pixels of a row of 4 bits a pixel from the column `left` on, and return whether that was done: a
// line may be too short.
INLINE bool expand_nibbles(const uint8_t *row, int64_t left, int64_t n, bool flip, const Tables<uint8_t> &tables,
                           int64_t plane, uint8_t *out) {
    const uint8_t *const planes[3] = {tables.planes[0], tables.planes[1], tables.planes[2]};
    const int64_t odd = n & 1, even = n - odd, from = flip ? left + odd : left;
    const uint8_t *packed = row + from / 2;
    const bool done = from & 1 ? (flip ? nibble_planes<true, true>(packed, even, planes, plane, out)
                                       : nibble_planes<false, true>(packed, even, planes, plane, out))
                               : (flip ? nibble_planes<true, false>(packed, even, planes, plane, out)
                                       : nibble_planes<false, false>(packed, even, planes, plane, out));
    if (done && odd) {
        const int index = index_of(row, 4, flip ? left : left + even);
        for (int c = 0; c < 3; c++) out[c * plane + even] = planes[c][index];
    }
    return done;
}

template <typename T>
INLINE bool expand_nibbles(const uint8_t *, int64_t, int64_t, bool, const NoTables<T> &, int64_t, T *) {
    return false;
}

// Ask for the cache lines of `bytes` bytes: into the second cache, since what is written meanwhile fills the first.
INLINE void fetch_lines(const uint8_t *from, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += CACHE_LINE) __builtin_prefetch(from + i, 0, 2);
}

// Write the pixels of `length` columns of a row from the column `left` on, which all exist. The same columns `ahead` bytes
// further on are asked for, unless that is 0.
template <typename L, typename T = typename L::Value>
INLINE void expand_columns(const uint8_t *row, int64_t left, int64_t length, bool flip, const L &tables,
                           const Batch &batch, int64_t ahead, int64_t plane, T *out) {
    const int64_t bits = batch.bits;
    const bool planar = batch.planar != 0;
    alignas(64) uint8_t room[TILE + PAST_TILE], mirrored[TILE];
    uint16_t wide[TILE];
    for (int64_t x = 0; x < length; x += TILE) {
        const int64_t n = length - x < TILE ? length - x : TILE, from = left + (flip ? length - x - n : x);
        T *to = out + x * (planar ? 1 : L::CHANNELS);
        if (ahead) fetch_lines(row + ahead + from * bits / 8, (n * bits + 7) / 8);
        if constexpr (sizeof(T) == 1)
            if (bits == 4 && planar && expand_nibbles(row, from, n, flip, tables, plane, to)) continue;
        if (bits > 8) {
            const uint16_t *line = reinterpret_cast<const uint16_t *>(row) + from;
            look_up(flip ? reversed(line, n, wide) : line, n, tables, planar, plane, to);
        } else {
            const uint8_t *line = line_of(row, bits, from, n, room);
            look_up(flip ? reversed(line, n, mirrored) : line, n, tables, planar, plane, to);
        }
    }
}

// Write what one index becomes.
template <typename T> INLINE void look_up_one(int index, const Tables<T> &tables, T *value) {
    memcpy(value, tables.pixels[index], 3 * sizeof(T));
}
template <typename T> INLINE void look_up_one(int index, const NoTables<T> &tables, T *value) {
    *value = static_cast<T>(index < tables.colors ? index : tables.colors - 1);
}

// Write the pixel of one column of a row `n` times.
template <typename L, typename T = typename L::Value>
INLINE void repeat_column(const uint8_t *row, int64_t column, int64_t n, const L &tables, const Batch &batch,
                          int64_t plane, T *out) {
    if (n <= 0) return;
    T value[L::CHANNELS];
    if (batch.bits > 8)
        look_up(reinterpret_cast<const uint16_t *>(row) + column, 1, tables, false, 0, value);
    else
        look_up_one(index_of(row, batch.bits, column), tables, value);
    if (batch.planar)
        for (int c = 0; c < L::CHANNELS; c++)
            for (int64_t i = 0; i < n; i++) out[c * plane + i] = value[c];
    else
        for (int64_t i = 0; i < n; i++) memcpy(out + L::CHANNELS * i, value, sizeof value);
}

INLINE int64_t between(int64_t low, int64_t value, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

// Write the pixels of image k of a batch. Past an edge of the image, its outermost pixels are repeated. What lies `ahead`
// bytes further on is asked for, unless that is 0.
template <typename L> INLINE void expand_image(const Batch &batch, int64_t k, int64_t ahead, const L &tables) {
    typedef typename L::Value T;
    const int64_t top = (batch.tops ? batch.tops[k] : 0) - (batch.downs ? batch.downs[k] : 0);
    const int64_t left = (batch.lefts ? batch.lefts[k] : 0) - (batch.rights ? batch.rights[k] : 0);
    const int64_t width = batch.width, plane = batch.out_height * batch.out_width;
    const int64_t step = batch.planar ? 1 : L::CHANNELS;
    const bool flip = batch.flips && batch.flips[k];
    const uint8_t *const image = batch.indices + batch.rows[k] * batch.image_bytes;
    T *out = static_cast<T *>(batch.out) + k * L::CHANNELS * plane;
    int64_t lines = batch.out_height, length = batch.out_width;
    // Columns that lie before the image and past it; both, only where the other is 0.
    const int64_t before = between(0, -left, length), past = between(0, left + length - width, length);
    const int64_t inner = length - before - past;
    if (!flip && inner == width && width * batch.bits == 8 * batch.row_bytes && top >= 0 &&
        top + lines <= batch.height) { // whole rows are one long line
        if (lines)
            expand_columns(image + top * batch.row_bytes, 0, lines * length, false, tables, batch, ahead, plane, out);
        return;
    }
    for (int64_t y = 0; y < lines; y++, out += length * step) {
        const uint8_t *const row = image + between(0, top + y, batch.height - 1) * batch.row_bytes;
        if (inner)
            expand_columns(row, left + before, inner, flip, tables, batch, ahead, plane,
                           out + (flip ? past : before) * step);
        if (inner == length) continue;
        repeat_column(row, 0, before, tables, batch, plane, out + (flip ? length - before : 0) * step);
        repeat_column(row, width - 1, past, tables, batch, plane, out + (flip ? 0 : length - past) * step);
    }
}

// Ask for the first line of each page of the image after image k, and for its palette, while image k is written: in a shuffled
// order the processor foresees none of them, and finding a page takes longer than reading it. Nothing is asked for where that
// image is next in memory. Return how many bytes it lies further on, if its other lines are to be asked for too, otherwise 0.
template <typename L> INLINE int64_t fetch_ahead(const Batch &batch, int64_t k, int64_t last) {
    if (k + 1 == last || batch.rows[k + 1] == batch.rows[k] + 1) return 0;
    const uint8_t *const image = batch.indices + batch.rows[k + 1] * batch.image_bytes;
    const int64_t bytes = batch.height * batch.row_bytes, end = bytes < MOST_AHEAD ? bytes : MOST_AHEAD;
    __builtin_prefetch(image);
    for (int64_t i = PAGE - static_cast<int64_t>(reinterpret_cast<uintptr_t>(image) % PAGE); i < end; i += PAGE)
        __builtin_prefetch(image + i);
    if (batch.palette_bytes) {
        const uint8_t *const palette = batch.palettes + batch.palette_rows[k + 1] * batch.palette_bytes;
        for (int64_t i = 0; i < batch.palette_bytes && i < 3 * ENTRIES; i += CACHE_LINE) __builtin_prefetch(palette + i);
    }
    const int64_t written = batch.out_height * batch.out_width * L::CHANNELS * static_cast<int64_t>(sizeof(typename L::Value));
    return written > MOST_WRITTEN ? 0 : (batch.rows[k + 1] - batch.rows[k]) * batch.image_bytes;
}

// Write the pixels, or the indices, of the images from `first` to before `last` of a batch.
template <typename T> INLINE void expand(const Batch &batch, int64_t first, int64_t last) {
    if (!batch.values) {
        const NoTables<T> tables = {batch.colors};
        for (int64_t k = first; k < last; k++) expand_image(batch, k, fetch_ahead<NoTables<T>>(batch, k, last), tables);
        return;
    }
    Tables<T> tables;
    for (int64_t k = first; k < last; k++) {
        if (batch.palette_bytes || k == first)
            tables.fill(batch, batch.palettes + batch.palette_rows[k] * batch.palette_bytes);
        expand_image(batch, k, fetch_ahead<Tables<T>>(batch, k, last), tables);
    }
}

ICS_END
