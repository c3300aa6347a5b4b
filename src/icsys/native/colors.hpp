// The distinct colours of an image, and cells that merge near ones.
//
// A colour's Morton code interleaves the bits of R, G and B. In its order the colours of every octree node, and so of every
// cell, are neighbours, and any 64 in a row fill a small box.

#pragma once

#include "points.hpp"

ICS_BEGIN

constexpr int LEVELS = 8, CHILDREN = 8;
constexpr int64_t WORDS = 1 << 18; // of 64 bits, one for each Morton code
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

// Replace the code of every pixel by its rank among the distinct codes, and count pixels by rank.
INLINE void rank_pixels(uint32_t *codes, int64_t n, const uint64_t *bits, const uint32_t *ranks, uint32_t *counts) {
    for (int64_t i = 0; i < n; i++) {
        const uint32_t code = codes[i], word = code >> 6;
        const uint64_t below = (uint64_t{1} << (code & 63)) - 1;
        const uint32_t rank = ranks[word] + static_cast<uint32_t>(__builtin_popcountll(bits[word] & below));
        counts[rank]++;
        codes[i] = rank;
    }
}

// List the codes that occur, in rising order.
INLINE void list_codes(const uint8_t *groups, const uint64_t *bits, uint32_t *distinct) {
    for (uint32_t group = 0; group < GROUPS; group++) {
        if (!groups[group]) continue;
        for (uint32_t word = group * GROUP; word < (group + 1) * GROUP; word++)
            for (uint64_t left = bits[word]; left; left &= left - 1)
                *distinct++ = word << 6 | static_cast<uint32_t>(__builtin_ctzll(left));
    }
}

// Write the colours of codes with their counts as points, the last colour repeated to fill the last block.
INLINE void decode_colors(const uint32_t *codes, const uint32_t *counts, int64_t n, float *x, double *w) {
    const int64_t blocks = (n + BLOCK - 1) / BLOCK;
    for (int64_t b = 0; b < blocks; b++) {
        uint32_t block[BLOCK];
        for (int i = 0; i < BLOCK; i++) {
            const int64_t at = b * BLOCK + i;
            block[i] = codes[at < n ? at : n - 1];
            w[at] = at < n ? counts[at] : 0;
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

// What follows from points: the box around each block, and their sums as one cluster.
template <int D>
INLINE void bound_points(const float *x, const double *w, int64_t blocks, float *low, float *high, double *sums) {
    bound_blocks<D>(x, blocks, low, high);
    sum_points<D>(x, w, blocks, sums);
}

// What a cell adds up: its weight, weighted coordinates and weighted squared norm.
struct Cell {
    double weight, sum[3], square;

    double error() const {
        return square - (sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]) / weight;
    }
};

// Merge the colours of every octree node whose squared error about its mean is within `threshold`; return how many cells.
INLINE int64_t merge_nodes(const uint32_t *codes, int64_t colors, const float *x, const double *w, double threshold,
                           Cell *cells) {
    int64_t start[LEVELS] = {}, n = 0;
    for (int64_t i = 0; i < colors; i++) {
        const float *at = x + i / BLOCK * 3 * BLOCK + i % BLOCK;
        Cell cell = {w[i], {}, 0};
        for (int f = 0; f < 3; f++) {
            const double v = at[f * BLOCK];
            cell.sum[f] = cell.weight * v;
            cell.square += cell.weight * v * v;
        }
        cells[n++] = cell;
        // The nodes that end here, from the smallest: those in which the next colour is not.
        const uint32_t differ = i + 1 < colors ? codes[i] ^ codes[i + 1] : ~uint32_t{0};
        int level = LEVELS - 1;
        for (; level >= 0 && differ >> (24 - 3 * level); level--) {
            // More cells than children: a child is not one cell, so its parent cannot be one either.
            const int64_t first = start[level];
            if (n - first <= 1 || n - first > CHILDREN) continue;
            Cell total = cells[first];
            for (int64_t c = first + 1; c < n; c++) {
                total.weight += cells[c].weight;
                for (int f = 0; f < 3; f++) total.sum[f] += cells[c].sum[f];
                total.square += cells[c].square;
            }
            if (total.error() > threshold) continue;
            cells[first] = total;
            n = first + 1;
        }
        for (int ended = level + 1; ended < LEVELS; ended++) start[ended] = n;
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
