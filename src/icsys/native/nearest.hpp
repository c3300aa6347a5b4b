// The search for nearest centres, and partitions that follow centres as they move.

#pragma once

#include "points.hpp"

ICS_BEGIN

// Centres as the search reads them: D rows and their squared norms, filled up to whole vectors with a centre that is
// infinitely far away.
template <int D> struct Centers {
    static int64_t padded(int64_t k) { return (k + LANES - 1) / LANES * LANES; }
    static size_t bytes(int64_t k) { return (D + 1) * Room::bytes<float>(padded(k)); }

    Centers(Room &room, int64_t capacity) : k(0), norms(room.take<float>(padded(capacity))) {
        for (int f = 0; f < D; f++) at[f] = room.take<float>(padded(capacity));
    }

    void put(int64_t j, const float *from, int64_t stride) {
        float norm = 0;
        for (int f = 0; f < D; f++) {
            at[f][j] = from[f * stride];
            norm += from[f * stride] * from[f * stride];
        }
        norms[j] = norm;
    }

    // Have the first `n`, which were put.
    void close(int64_t n) {
        k = n;
        for (int64_t j = n; j < padded(n); j++) {
            for (int f = 0; f < D; f++) at[f][j] = 0;
            norms[j] = FLT_MAX;
        }
    }

    void take(const float *from, int64_t stride, int64_t n) {
        for (int64_t j = 0; j < n; j++) put(j, from + j, stride);
        close(n);
    }

    int64_t k;
    float *norms;
    float *at[D];
};

// Which centres of a vector, the first of them j, may be nearest somewhere in a box: all but those to which centre z is nearer by
// more than `slack` in all of the box.
//
// |x-c|^2 - |x-z|^2 is linear in x, so its minimum over the box is at the corner towards c (Kanungo et al. 2002, the
// filtering algorithm). Positive for c: no point of the box has c as its nearest centre.
template <int D>
INLINE Ints within_reach(const float *low, const float *high, const Centers<D> &c, int64_t j, const float *z, float norm,
                           float slack) {
    Floats margin = load<Floats>(c.norms + j) - norm;
    for (int f = 0; f < D; f++) {
        const Floats delta = load<Floats>(c.at[f] + j) - z[f];
        const Floats a = delta * (2 * low[f]), b = delta * (2 * high[f]);
        margin -= a > b ? a : b;
    }
    return margin <= slack;
}

// Whether any of some centres may be nearest somewhere in a box, where centre z of `all` is one that may.
template <int D>
INLINE bool any_within_reach(const float *low, const float *high, const Centers<D> &c, const Centers<D> &all, int64_t z,
                             float slack) {
    float own[D];
    for (int f = 0; f < D; f++) own[f] = all.at[f][z];
    Ints found = {};
    for (int64_t j = 0; j < c.k; j += LANES) found |= within_reach<D>(low, high, c, j, own, all.norms[z], slack);
    int32_t any = 0;
    for (int i = 0; i < LANES; i++) any |= found[i];
    return any != 0;
}

// A centre as points are compared with it: |x-c|^2 - |x|^2 is the norm and minus twice the scalar product.
template <int D> struct Candidate {
    float norm;
    float minus_twice[D];
};

// List the centres that may be nearest somewhere in a box, in order, and return how many.
template <int D>
INLINE int64_t filter_centers(const float *low, const float *high, const Centers<D> &c, int64_t z, float slack,
                              int32_t *listed) {
    float own[D];
    for (int f = 0; f < D; f++) own[f] = c.at[f][z];
    int64_t n = 0;
    for (int64_t j = 0; j < c.k; j += LANES)
        for (uint32_t left = bits_of(within_reach<D>(low, high, c, j, own, c.norms[z], slack)); left; left &= left - 1)
            listed[n++] = static_cast<int32_t>(j) + __builtin_ctz(left);
    return n;
}

// Find the nearest of n listed centres for every point of a block, ties to the first; best is |x-c|^2 - |x|^2.
template <int D, bool EXACT>
INLINE void nearest_in_block(const float *x, const Candidate<D> *candidates, const int32_t *listed, int64_t n,
                             float *best, int32_t *found) {
    // Two vectors at a time: one waits for what the other computes.
    for (int i = 0; i < BLOCK; i += 2 * LANES) {
        Floats xa[D], xb[D];
        for (int f = 0; f < D; f++) {
            xa[f] = load<Floats>(x + f * BLOCK + i);
            xb[f] = load<Floats>(x + f * BLOCK + i + LANES);
        }
        Floats best_a = Floats{} + FLT_MAX, best_b = best_a;
        Ints found_a = {}, found_b = {};
        for (int64_t q = 0; q < n; q++) {
            const Candidate<D> &candidate = candidates[listed[q]];
            Floats a = Floats{} + candidate.norm, b = a;
            for (int f = 0; f < D; f++) {
                const Floats factor = Floats{} + candidate.minus_twice[f];
                a = plus_product<EXACT>(a, factor, xa[f]);
                b = plus_product<EXACT>(b, factor, xb[f]);
            }
            const Ints index = Ints{} + listed[q];
            const Ints closer_a = a < best_a, closer_b = b < best_b;
            best_a = closer_a ? a : best_a;
            best_b = closer_b ? b : best_b;
            found_a = closer_a ? index : found_a;
            found_b = closer_b ? index : found_b;
        }
        store(best + i, best_a);
        store(best + i + LANES, best_b);
        store(found + i, found_a);
        store(found + i + LANES, found_b);
    }
}

// Which of the centres a and b is nearer to the middle of a box.
template <int D>
INLINE int32_t nearer(const float *low, const float *high, const Centers<D> &c, int32_t a, int32_t b) {
    float lead = 0;
    for (int f = 0; f < D; f++) {
        const float ca = c.at[f][a], cb = c.at[f][b];
        lead += (cb - ca) * (cb + ca - low[f] - high[f]);
    }
    return lead < 0 ? b : a;
}

// A bit for each label of a block that differs from another: from those of `others`, or from `other`.
INLINE uint64_t differing(const int32_t *labels, const int32_t *others) {
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK; i += LANES)
        bits |= static_cast<uint64_t>(bits_of(load<Ints>(labels + i) != load<Ints>(others + i))) << i;
    return bits;
}

INLINE bool all_equal(const int32_t *labels, int32_t other) {
    Ints differ = {};
    for (int i = 0; i < BLOCK; i += LANES) differ |= load<Ints>(labels + i) != other;
    return bits_of(differ) == 0;
}

// Add up the points of a block, only those of label q if there are labels; in any order, so only for EXACT numbers.
template <int D, int N> INLINE void add_block(const float *x, const double *w, const int32_t *labels, int32_t q, double *sums) {
    Doubles total[SUMS<D>] = {};
    for (int i = 0; i < BLOCK; i += LANES / 2) {
        Doubles weight = load<Doubles>(w + i);
        if (labels) {
            const HalfInts own = load<HalfInts>(labels + i) == q;
            weight = reinterpret_cast<Doubles>(reinterpret_cast<Longs>(weight) & __builtin_convertvector(own, Longs));
        }
        total[0] += weight;
        Doubles at[D];
        for (int f = 0, p = 1 + D; f < D; f++) {
            at[f] = __builtin_convertvector(load<HalfFloats>(x + f * BLOCK + i), Doubles);
            const Doubles v = weight * at[f];
            total[1 + f] += v;
            if constexpr (N > 1 + D)
                for (int g = 0; g <= f; g++) total[p++] += v * at[g];
        }
    }
    for (int s = 0; s < N; s++) {
        sums[s] = 0;
        for (int i = 0; i < LANES / 2; i++) sums[s] += total[s][i];
    }
}

// As relabel, for a block of one label all whose points are found anew among n listed centres: sums in any order.
template <int D, int N>
INLINE void distribute(const float *x, const double *w, const int32_t *found, const int32_t *listed, int64_t n,
                       int32_t from, double *sums) {
    double all[N];
    add_block<D, N>(x, w, nullptr, 0, all);
    for (int s = 0; s < N; s++) sums[from * SUMS<D> + s] -= all[s];
    for (int64_t q = 0; q + 1 < n; q++) {
        double part[N];
        add_block<D, N>(x, w, found, listed[q], part);
        add_pairs<N>(sums + listed[q] * SUMS<D>, part);
        for (int s = 0; s < N; s++) all[s] -= part[s];
    }
    add_pairs<N>(sums + listed[n - 1] * SUMS<D>, all);
}

// With more centres in reach than this, points are faster moved one by one.
constexpr int64_t MOST_DISTRIBUTED = 4;

// Move the points of a block whose label changed to their new clusters, and return how many.
template <int D, bool PRODUCTS, bool EXACT>
INLINE int64_t relabel(const float *x, const double *w, const int32_t *found, const int32_t *listed, int64_t n,
                       int32_t *labels, double *sums) {
    constexpr int N = PRODUCTS ? SUMS<D> : 1 + D;
    uint64_t changed = differing(labels, found);
    if (changed == 0) return 0;
    const int64_t count = __builtin_popcountll(changed);
    const int32_t first = labels[0];
    if (EXACT && count > BLOCK / 4 && n <= MOST_DISTRIBUTED && all_equal(labels, first)) {
        distribute<D, N>(x, w, found, listed, n, first, sums);
        memcpy(labels, found, BLOCK * sizeof *labels);
        return count;
    }
    if (all_equal(labels, first)) {
        // As in the first pass of all. Points that stay weigh nothing: no branch, which would often be foretold wrongly.
        double moved[N] = {};
        for (int i = 0; i < BLOCK; i++) {
            double point[SUMS<D>] = {};
            add_point<D, PRODUCTS>(point, found[i] == first ? 0 : w[i], x + i);
            add_pairs<N>(moved, point);
            add_pairs<N>(sums + found[i] * SUMS<D>, point);
        }
        for (int s = 0; s < N; s++) moved[s] = -moved[s];
        add_pairs<N>(sums + first * SUMS<D>, moved);
        memcpy(labels, found, BLOCK * sizeof *labels);
        return count;
    }
    for (; changed; changed &= changed - 1) {
        const int i = __builtin_ctzll(changed);
        double point[SUMS<D>] = {};
        add_point<D, PRODUCTS>(point, w[i], x + i);
        add_pairs<N>(sums + found[i] * SUMS<D>, point);
        for (int s = 0; s < N; s++) point[s] = -point[s];
        add_pairs<N>(sums + labels[i] * SUMS<D>, point);
        labels[i] = found[i];
    }
    return count;
}

// What the search for nearest centres needs while it runs, made once for many calls.
template <int D> struct Scratch {
    static size_t bytes(int64_t k) {
        return Centers<D>::bytes(k) + Centers<D>::bytes(2 * k) + Room::bytes<Candidate<D>>(k) +
               Room::bytes<int32_t>(k) + Room::bytes<bool>(k);
    }
    Scratch(Room &room, int64_t k)
        : all(room, k), moved(room, 2 * k), candidates(room.take<Candidate<D>>(k)), listed(room.take<int32_t>(k)),
          still(room.take<bool>(k)) {}

    // Have k centres to search among.
    void take(const float *centers, int64_t stride, int64_t k) {
        all.take(centers, stride, k);
        for (int64_t j = 0; j < k; j++) {
            candidates[j].norm = all.norms[j];
            for (int f = 0; f < D; f++) candidates[j].minus_twice[f] = -2 * all.at[f][j];
        }
    }

    Centers<D> all;
    Centers<D> moved; // each where it is and where it was
    Candidate<D> *candidates; // all, by index
    int32_t *listed;          // those within reach of a block
    bool *still;
};

// Collect the centres that moved and mark the others; remember the new places of all.
template <int D> INLINE void take_moved(const float *centers, const Partition &part, int64_t k, Scratch<D> &room) {
    int64_t n = 0;
    for (int64_t j = 0; j < k; j++) {
        bool still = true;
        for (int f = 0; f < D; f++) still &= centers[f * part.stride + j] == part.centers[f * part.stride + j];
        room.still[j] = still;
        if (still) continue;
        room.moved.put(n++, centers + j, part.stride);
        room.moved.put(n++, part.centers + j, part.stride);
        for (int f = 0; f < D; f++) part.centers[f * part.stride + j] = centers[f * part.stride + j];
    }
    room.moved.close(n);
}

// Bring the blocks of a partition up to date; see reassign.
template <int D, bool PRODUCTS, bool EXACT>
INLINE int64_t reassign_blocks(const Points &points, const Partition &part, int64_t k, Scratch<D> &room) {
    const bool few = 2 * room.moved.k < k;
    const float slack = static_cast<float>(points.slack);
    alignas(64) float best[BLOCK];
    alignas(64) int32_t found[BLOCK];
    int64_t changed = 0;
    int32_t near = part.owner[0];
    for (int64_t b = 0; b < points.blocks; b++) {
        const float *low = points.low + b * D, *high = points.high + b * D;
        int32_t z = part.owner[b];
        if (few && room.still[z] && !any_within_reach<D>(low, high, room.moved, room.all, z, slack)) continue;
        // The block before is next in space: where centres moved far, its owner is the better start.
        z = nearer<D>(low, high, room.all, z, near);
        const int64_t n = filter_centers<D>(low, high, room.all, z, slack, room.listed);
        const float *x = points.x + b * D * BLOCK;
        int32_t *labels = part.labels + b * BLOCK;
        if (n == 1 && all_equal(labels, room.listed[0])) {
            near = part.owner[b] = room.listed[0];
            continue;
        }
        nearest_in_block<D, EXACT>(x, room.candidates, room.listed, n, best, found);
        near = part.owner[b] = found[BLOCK / 2];
        changed += relabel<D, PRODUCTS, EXACT>(x, points.w + b * BLOCK, found, room.listed, n, labels, part.sums);
    }
    return changed;
}

// Bring a partition up to date with new centres, and return how many points changed cluster.
//
// Only blocks within reach of a centre that moved are looked at, and only points that change cluster touch the sums; a
// partition whose sums are exact stays exact.
template <int D>
int64_t reassign(const Points &points, const Partition &part, const float *centers, int64_t k, Scratch<D> &room) {
    take_moved<D>(centers, part, k, room);
    if (room.moved.k == 0) return 0;
    room.take(centers, part.stride, k);
    if (!is_exact(points))
        return part.products ? reassign_blocks<D, true, false>(points, part, k, room)
                             : reassign_blocks<D, false, false>(points, part, k, room);
    return part.products ? reassign_blocks<D, true, true>(points, part, k, room)
                         : reassign_blocks<D, false, true>(points, part, k, room);
}

// Write the nearest centre of every point, and return the squared error; for colours it is exact, in 64ths.
template <int D, typename Label>
double nearest_centers(const Points &points, const float *centers, int64_t stride, int64_t k, Label *labels,
                       Scratch<D> &room) {
    room.take(centers, stride, k);
    const float slack = static_cast<float>(points.slack);
    alignas(64) float best[BLOCK];
    alignas(64) int32_t found[BLOCK];
    double error = 0;
    int32_t z = 0;
    for (int64_t b = 0; b < points.blocks; b++) {
        const float *x = points.x + b * D * BLOCK;
        const double *w = points.w + b * BLOCK;
        const int64_t n = filter_centers<D>(points.low + b * D, points.high + b * D, room.all, z, slack, room.listed);
        nearest_in_block<D, false>(x, room.candidates, room.listed, n, best, found);
        z = found[BLOCK / 2];
        for (int i = 0; i < BLOCK; i++) {
            double distance = best[i];
            for (int f = 0; f < D; f++) distance += static_cast<double>(x[f * BLOCK + i]) * x[f * BLOCK + i];
            error += w[i] * distance;
            labels[b * BLOCK + i] = static_cast<Label>(found[i]);
        }
    }
    return error;
}

ICS_END
