// Weighted points in blocks of 64, and which centre is nearest to each.
//
// A block holds each of its D coordinates in a row of its own, so that one instruction works on many points. Centres lie
// in D rows of `stride` columns, the first k in use.
//
// Colours and their centres are whole eighths of a level, held as integers of at most 2^10 in size: then every distance
// is an integer below 2^24, which float holds exactly, and every weighted sum one below 2^53, which double holds exactly.
// No vector width and no order of summation can change a label or a sum. Other points are compared with the precision of
// float.

#pragma once

#include "common.hpp"

constexpr int BLOCK = 64;

struct Points {
    int64_t blocks;
    int64_t d;
    const float *x;   // blocks, d, BLOCK; neighbours in order should be neighbours in space
    const double *w;  // blocks, BLOCK: weights; the last block is filled up with copies of weight 0
    const float *low; // blocks, d: the box around each block
    const float *high;
    double slack; // what float may get wrong in a difference of squared distances; 0 for colours
};

struct Partition {
    int64_t stride;
    int32_t *labels; // blocks, BLOCK: the nearest centre
    int32_t *owner;  // blocks: a centre near the middle of each block
    double *sums;    // stride, SUMS: see add_point
    float *centers;  // d, stride: what all of this holds for
    int64_t products; // whether sums hold the products of coordinates: nothing is split without them
    double squares;   // the weighted squared norms of all points
};

ICS_BEGIN

// Whether sums are the same in any order, see above.
INLINE bool is_exact(const Points &points) { return points.slack == 0; }

// Sums of a cluster: weight, D weighted coordinates, weighted products of coordinates (lower triangle).
template <int D> constexpr int SUMS = 1 + D + D * (D + 1) / 2;

template <int D, bool PRODUCTS> INLINE void add_point(double *sums, double weight, const float *x) {
    sums[0] += weight;
    double *product = sums + 1 + D;
    for (int f = 0; f < D; f++) {
        const double v = weight * x[f * BLOCK];
        sums[1 + f] += v;
        if constexpr (PRODUCTS)
            for (int g = 0; g <= f; g++) *product++ += v * x[g * BLOCK];
    }
}

// Add N numbers to others, always in the same pairs: a number that is read as it was written needs not wait for memory.
template <int N> INLINE void add_pairs(double *to, const double *from) {
    typedef double Pair __attribute__((vector_size(16)));
    for (int i = 0; i + 1 < N; i += 2) store(to + i, load<Pair>(to + i) + load<Pair>(from + i));
    if constexpr (N % 2) to[N - 1] += from[N - 1];
}

ICS_END
