// The functions of shuffles.hpp for 64-bit ARM processors (NEON, which all of them have): sixteen pixels with one
// look-up, whose table may have 16 or 64 entries.

#pragma once

#include <arm_neon.h>

#include "common.hpp"

ICS_BEGIN

constexpr int64_t WIDTH = sizeof(uint8x16_t);
constexpr int64_t LONG_TABLE = 64; // entries
constexpr int MANY = 256;          // colours up to which several look-ups take the place of loads

// Sixteen values of two or four bytes, given by their bytes from the lowest on, are written in order.
INLINE void store_values(uint16_t *to, const uint8x16_t bytes[2]) {
    vst1q_u8(reinterpret_cast<uint8_t *>(to), vzip1q_u8(bytes[0], bytes[1]));
    vst1q_u8(reinterpret_cast<uint8_t *>(to + 8), vzip2q_u8(bytes[0], bytes[1]));
}

INLINE void store_values(uint32_t *to, const uint8x16_t bytes[4]) {
    const uint16x8_t low = vreinterpretq_u16_u8(vzip1q_u8(bytes[0], bytes[1]));
    const uint16x8_t low_end = vreinterpretq_u16_u8(vzip2q_u8(bytes[0], bytes[1]));
    const uint16x8_t high = vreinterpretq_u16_u8(vzip1q_u8(bytes[2], bytes[3]));
    const uint16x8_t high_end = vreinterpretq_u16_u8(vzip2q_u8(bytes[2], bytes[3]));
    vst1q_u32(to, vreinterpretq_u32_u16(vzip1q_u16(low, high)));
    vst1q_u32(to + 4, vreinterpretq_u32_u16(vzip2q_u16(low, high)));
    vst1q_u32(to + 8, vreinterpretq_u32_u16(vzip1q_u16(low_end, high_end)));
    vst1q_u32(to + 12, vreinterpretq_u32_u16(vzip2q_u16(low_end, high_end)));
}

INLINE bool few_planes(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, int64_t plane,
                       uint8_t *out) {
    const uint8x16_t red = vld1q_u8(tables[0]), green = vld1q_u8(tables[1]), blue = vld1q_u8(tables[2]);
    const uint8x16_t most = vdupq_n_u8(static_cast<uint8_t>(last));
    return in_vectors(n, WIDTH, [&](int64_t i) {
        const uint8x16_t at = vminq_u8(vld1q_u8(line + i), most);
        vst1q_u8(out + i, vqtbl1q_u8(red, at));
        vst1q_u8(out + plane + i, vqtbl1q_u8(green, at));
        vst1q_u8(out + 2 * plane + i, vqtbl1q_u8(blue, at));
    });
}

// Larger values are looked up one byte at a time.
template <typename T>
INLINE bool few_planes(const uint8_t *line, int64_t n, const T *const tables[3], int last, int64_t plane, T *out) {
    constexpr int BYTES = sizeof(T);
    const uint8x16_t most = vdupq_n_u8(static_cast<uint8_t>(last));
    for (int c = 0; c < 3; c++) {
        uint8x16_t by_byte[BYTES];
        const uint8_t *const from = reinterpret_cast<const uint8_t *>(tables[c]);
        if constexpr (BYTES == 2) {
            const uint8x16x2_t parts = vld2q_u8(from);
            for (int byte = 0; byte < BYTES; byte++) by_byte[byte] = parts.val[byte];
        } else {
            const uint8x16x4_t parts = vld4q_u8(from);
            for (int byte = 0; byte < BYTES; byte++) by_byte[byte] = parts.val[byte];
        }
        const bool done = in_vectors(n, WIDTH, [&](int64_t i) {
            const uint8x16_t at = vminq_u8(vld1q_u8(line + i), most);
            uint8x16_t found[BYTES];
            for (int byte = 0; byte < BYTES; byte++) found[byte] = vqtbl1q_u8(by_byte[byte], at);
            store_values(out + c * plane + i, found);
        });
        if (!done) return false;
    }
    return true;
}

template <bool FLIPPED, bool SHIFTED>
INLINE bool nibble_planes(const uint8_t *packed, int64_t n, const uint8_t *const tables[3], int64_t plane, uint8_t *out) {
    const uint8x16_t red = vld1q_u8(tables[0]), green = vld1q_u8(tables[1]), blue = vld1q_u8(tables[2]);
    return in_vectors(n, 2 * WIDTH, [&](int64_t i) {
        const uint8_t *const from = packed + (FLIPPED ? n - 2 * WIDTH - i : i) / 2;
        uint8x16_t both = vld1q_u8(from);
        if constexpr (SHIFTED) both = vorrq_u8(vshlq_n_u8(both, 4), vshrq_n_u8(vld1q_u8(from + 1), 4));
        if constexpr (FLIPPED) {
            both = vrev64q_u8(both);
            both = vextq_u8(both, both, 8);
        }
        const uint8x16_t high = vshrq_n_u8(both, 4), low = vandq_u8(both, vdupq_n_u8(15));
        const uint8x16_t even = FLIPPED ? low : high, odd = FLIPPED ? high : low;
        const uint8x16_t at = vzip1q_u8(even, odd), next = vzip2q_u8(even, odd);
        uint8_t *to = out + i;
        vst1q_u8(to, vqtbl1q_u8(red, at));
        vst1q_u8(to + WIDTH, vqtbl1q_u8(red, next));
        vst1q_u8(to + plane, vqtbl1q_u8(green, at));
        vst1q_u8(to + plane + WIDTH, vqtbl1q_u8(green, next));
        vst1q_u8(to + 2 * plane, vqtbl1q_u8(blue, at));
        vst1q_u8(to + 2 * plane + WIDTH, vqtbl1q_u8(blue, next));
    });
}

INLINE bool few_pixels(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, uint8_t *out) {
    const uint8x16_t red = vld1q_u8(tables[0]), green = vld1q_u8(tables[1]), blue = vld1q_u8(tables[2]);
    const uint8x16_t most = vdupq_n_u8(static_cast<uint8_t>(last));
    return in_vectors(n, WIDTH, [&](int64_t i) {
        const uint8x16_t at = vminq_u8(vld1q_u8(line + i), most);
        const uint8x16x3_t found{{vqtbl1q_u8(red, at), vqtbl1q_u8(green, at), vqtbl1q_u8(blue, at)}};
        vst3q_u8(out + 3 * i, found);
    });
}

// Write planes or pixels of at most 256 colours: a look-up for every 64 of them, which leaves other indices alone.
template <bool PLANAR, int VECTORS>
INLINE bool in_long_tables(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, int64_t plane,
                           uint8_t *out) {
    const uint8x16_t most = vdupq_n_u8(static_cast<uint8_t>(last));
    return in_vectors(n, VECTORS * WIDTH, [&](int64_t i) {
        uint8x16_t at[VECTORS], found[3][VECTORS];
        for (int v = 0; v < VECTORS; v++) at[v] = vminq_u8(vld1q_u8(line + i + v * WIDTH), most);
        for (int c = 0; c < 3; c++)
            for (int v = 0; v < VECTORS; v++) found[c][v] = vdupq_n_u8(0);
        for (int64_t entry = 0; entry <= last; entry += LONG_TABLE) {
            for (int c = 0; c < 3; c++) {
                const uint8_t *const from = tables[c] + entry;
                const uint8x16x4_t table{
                    {vld1q_u8(from), vld1q_u8(from + 16), vld1q_u8(from + 32), vld1q_u8(from + 48)}};
                for (int v = 0; v < VECTORS; v++) found[c][v] = vqtbx4q_u8(found[c][v], table, at[v]);
            }
            for (int v = 0; v < VECTORS; v++) at[v] = vsubq_u8(at[v], vdupq_n_u8(LONG_TABLE));
        }
        for (int v = 0; v < VECTORS; v++) {
            if constexpr (PLANAR) {
                for (int c = 0; c < 3; c++) vst1q_u8(out + c * plane + i + v * WIDTH, found[c][v]);
            } else {
                const uint8x16x3_t pixels{{found[0][v], found[1][v], found[2][v]}};
                vst3q_u8(out + 3 * (i + v * WIDTH), pixels);
            }
        }
    });
}

INLINE bool many_planes(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, int64_t plane,
                        uint8_t *out) {
    return in_long_tables<true, 4>(line, n, tables, last, plane, out) ||
           in_long_tables<true, 1>(line, n, tables, last, plane, out);
}

INLINE bool many_pixels(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, uint8_t *out) {
    return in_long_tables<false, 4>(line, n, tables, last, 0, out) ||
           in_long_tables<false, 1>(line, n, tables, last, 0, out);
}

// Bytes of any palette are looked up by many_planes.
INLINE bool any_planes(const uint8_t *, int64_t, const uint8_t[][4], int64_t, uint8_t *) { return false; }

INLINE bool any_planes(const uint8_t *line, int64_t n, const uint16_t pixels[][4], int64_t plane, uint16_t *out) {
    return in_vectors(n, 8, [&](int64_t i) {
        uint16x8_t pairs[4]; // of pixels p and p + 4
        for (int p = 0; p < 4; p++) {
            const uint16x4_t one = vld1_u16(pixels[line[i + p]]), other = vld1_u16(pixels[line[i + p + 4]]);
            pairs[p] = vcombine_u16(vzip1_u16(one, other), vzip2_u16(one, other));
        }
        // Pixels 0 2 4 6 and 1 3 5 7 of each channel, then all of them in order.
        const uint16x8_t even = vzip1q_u16(pairs[0], pairs[2]), even_high = vzip2q_u16(pairs[0], pairs[2]);
        const uint16x8_t odd = vzip1q_u16(pairs[1], pairs[3]), odd_high = vzip2q_u16(pairs[1], pairs[3]);
        vst1q_u16(out + i, vzip1q_u16(even, odd));
        vst1q_u16(out + plane + i, vzip2q_u16(even, odd));
        vst1q_u16(out + 2 * plane + i, vzip1q_u16(even_high, odd_high));
    });
}

INLINE bool any_planes(const uint8_t *line, int64_t n, const uint32_t pixels[][4], int64_t plane, uint32_t *out) {
    return in_vectors(n, 4, [&](int64_t i) {
        uint32x4_t rows[4];
        for (int p = 0; p < 4; p++) rows[p] = vld1q_u32(pixels[line[i + p]]);
        const uint32x4_t even = vzip1q_u32(rows[0], rows[2]), odd = vzip1q_u32(rows[1], rows[3]);
        const uint32x4_t even_high = vzip2q_u32(rows[0], rows[2]), odd_high = vzip2q_u32(rows[1], rows[3]);
        vst1q_u32(out + i, vzip1q_u32(even, odd));
        vst1q_u32(out + plane + i, vzip2q_u32(even, odd));
        vst1q_u32(out + 2 * plane + i, vzip1q_u32(even_high, odd_high));
    });
}

ICS_END
