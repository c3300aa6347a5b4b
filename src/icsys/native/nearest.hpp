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
    int32_t index;
};

// Collect the centres that may be nearest somewhere in a box, in order, and return how many.
template <int D>
INLINE int64_t filter_centers(const float *low, const float *high, const Centers<D> &c, int64_t z, float slack,
                              Candidate<D> *candidates) {
    float own[D];
    for (int f = 0; f < D; f++) own[f] = c.at[f][z];
    int64_t n = 0;
    for (int64_t j = 0; j < c.k; j += LANES) {
        const Bytes kept = __builtin_convertvector(within_reach<D>(low, high, c, j, own, c.norms[z], slack), Bytes);
        uint64_t words[(LANES + 7) / 8] = {};
        memcpy(words, &kept, sizeof kept);
        for (int64_t word = 0; word < (LANES + 7) / 8; word++)
            for (uint64_t left = first_lowest(words[word]) & 0x0101010101010101; left; left &= left - 1) {
                const int64_t at = j + 8 * word + __builtin_ctzll(left) / 8;
                Candidate<D> &candidate = candidates[n++];
                candidate.norm = c.norms[at];
                for (int f = 0; f < D; f++) candidate.minus_twice[f] = -2 * c.at[f][at];
                candidate.index = static_cast<int32_t>(at);
            }
    }
    return n;
}

// Find the nearest of n candidates for every point of a block, ties to the first; best is |x-c|^2 - |x|^2.
template <int D>
INLINE void nearest_in_block(const float *x, const Candidate<D> *candidates, int64_t n, float *best, int32_t *found) {
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
            Floats a = Floats{} + candidates[q].norm, b = a;
            for (int f = 0; f < D; f++) {
                a += candidates[q].minus_twice[f] * xa[f];
                b += candidates[q].minus_twice[f] * xb[f];
            }
            const Ints index = Ints{} + candidates[q].index;
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

// Move the points of a block whose label changed to their new clusters, and return how many.
template <int D, bool PRODUCTS>
INLINE int64_t relabel(const float *x, const double *w, const int32_t *found, int32_t *labels, double *sums) {
    constexpr int N = PRODUCTS ? SUMS<D> : 1 + D;
    const int32_t first = labels[0];
    int64_t changed = 0, others = 0;
    for (int i = 0; i < BLOCK; i++) {
        changed += found[i] != labels[i];
        others += labels[i] != first;
    }
    if (changed == 0) return 0;
    if (others == 0) {
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
        return changed;
    }
    for (int i = 0; i < BLOCK; i++) {
        if (found[i] == labels[i]) continue;
        double point[SUMS<D>] = {};
        add_point<D, PRODUCTS>(point, w[i], x + i);
        add_pairs<N>(sums + found[i] * SUMS<D>, point);
        for (int s = 0; s < N; s++) point[s] = -point[s];
        add_pairs<N>(sums + labels[i] * SUMS<D>, point);
        labels[i] = found[i];
    }
    return changed;
}

// What the search for nearest centres needs while it runs, made once for many calls.
template <int D> struct Scratch {
    static size_t bytes(int64_t k) {
        return Centers<D>::bytes(k) + Centers<D>::bytes(2 * k) + Room::bytes<Candidate<D>>(k) + Room::bytes<bool>(k);
    }
    Scratch(Room &room, int64_t k)
        : all(room, k), moved(room, 2 * k), candidates(room.take<Candidate<D>>(k)), still(room.take<bool>(k)) {}

    Centers<D> all;
    Centers<D> moved; // each where it is and where it was
    Candidate<D> *candidates;
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

// Bring a partition up to date with new centres, and return how many points changed cluster.
//
// Only blocks within reach of a centre that moved are looked at, and only points that change cluster touch the sums; a
// partition whose sums are exact stays exact.
template <int D>
int64_t reassign(const Points &points, const Partition &part, const float *centers, int64_t k, Scratch<D> &room) {
    take_moved<D>(centers, part, k, room);
    if (room.moved.k == 0) return 0;
    room.all.take(centers, part.stride, k);
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
        const int64_t n = filter_centers<D>(low, high, room.all, z, slack, room.candidates);
        nearest_in_block<D>(points.x + b * D * BLOCK, room.candidates, n, best, found);
        near = part.owner[b] = found[BLOCK / 2];
        const float *x = points.x + b * D * BLOCK;
        const double *w = points.w + b * BLOCK;
        int32_t *labels = part.labels + b * BLOCK;
        changed += part.products ? relabel<D, true>(x, w, found, labels, part.sums)
                                 : relabel<D, false>(x, w, found, labels, part.sums);
    }
    return changed;
}

// Write the nearest centre of every point, and return the squared error; for colours it is exact, in 64ths.
template <int D, typename Label>
double nearest_centers(const Points &points, const float *centers, int64_t stride, int64_t k, Label *labels,
                       Scratch<D> &room) {
    room.all.take(centers, stride, k);
    const float slack = static_cast<float>(points.slack);
    alignas(64) float best[BLOCK];
    alignas(64) int32_t found[BLOCK];
    double error = 0;
    int32_t z = 0;
    for (int64_t b = 0; b < points.blocks; b++) {
        const float *x = points.x + b * D * BLOCK;
        const double *w = points.w + b * BLOCK;
        const int64_t n =
            filter_centers<D>(points.low + b * D, points.high + b * D, room.all, z, slack, room.candidates);
        nearest_in_block<D>(x, room.candidates, n, best, found);
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
