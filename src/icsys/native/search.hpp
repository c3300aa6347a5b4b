// K-means: clusters by their sums, Lloyd's iteration, growth from one centre to many, and moves out of poor optima.

#pragma once

#include "nearest.hpp"

ICS_BEGIN

// Two halves of a normal distribution have their means at sqrt(2/pi) = 0.8 standard deviations, and splitting there takes
// 2/pi = 0.64 of the variance along the axis; of a uniform one 0.87 and 0.75.
constexpr double HALF = 0.8, GAIN = 0.68;
constexpr int POWER_STEPS = 8;
// A trial ends early when even this many times its last gain would leave it worse than what it must beat.
constexpr double HOPE = 4.0;
// An error must fall by this share to be lower: equal partitions add up in different orders.
constexpr double LOWER = 1e-9;
// Single moves are taken from this many cheapest mergers and this many most gainful splits.
constexpr int64_t CHOICES = 16;
// A merger may cost this many times what the split gains: Lloyd's iteration then makes good for much of it.
constexpr double ALLOWED = 2.0;
// How near bisection comes to the floor that it looks for, as a share of the best gain.
constexpr double CLOSE = 1e-3;

INLINE double larger(double a, double b) { return a > b ? a : b; }

// The squared error of the first k clusters about their means: Steiner's theorem.
template <int D> INLINE double total_error(const Partition &part, int64_t k) {
    double error = part.squares;
    for (int64_t j = 0; j < k; j++) {
        const double *s = part.sums + j * SUMS<D>;
        if (s[0] <= 0) continue;
        double square = 0;
        for (int f = 0; f < D; f++) square += s[1 + f] * s[1 + f];
        error -= square / s[0];
    }
    return error;
}

// Set a coordinate of a centre, to the nearest integer where centres live on integers.
INLINE void put(float *center, double value, bool snap) { *center = static_cast<float>(snap ? nearbyint(value) : value); }

// Move centres to the means of their clusters; one without points stays where it is.
template <int D> INLINE void recentre(const double *sums, float *centers, int64_t stride, int64_t k, bool snap) {
    for (int64_t j = 0; j < k; j++) {
        const double *s = sums + j * SUMS<D>;
        if (s[0] <= 0) continue;
        for (int f = 0; f < D; f++) put(centers + f * stride + j, s[1 + f] / s[0], snap);
    }
}

// The scatter matrix of one cluster: its weight times its covariance.
template <int D> INLINE void scatter(const double *sums, double *matrix) {
    const double *product = sums + 1 + D;
    for (int f = 0; f < D; f++)
        for (int g = 0; g <= f; g++) {
            const double value = *product++ - sums[1 + f] * sums[1 + g] / sums[0];
            matrix[f * D + g] = matrix[g * D + f] = value;
        }
}

// Write the unit eigenvector of the largest eigenvalue of a scatter matrix, and return the eigenvalue.
//
// Power iteration from the row of the largest diagonal entry: a few steps give the axis well enough.
template <int D> INLINE double principal_axis(const double *matrix, double *axis) {
    int widest = 0;
    for (int f = 0; f < D; f++)
        if (matrix[f * D + f] > matrix[widest * D + widest]) widest = f;
    double image[D];
    for (int f = 0; f < D; f++) {
        image[f] = matrix[widest * D + f];
        axis[f] = 0;
    }
    double value = 0;
    for (int step = 0; step < POWER_STEPS; step++) {
        double square = 0;
        for (int f = 0; f < D; f++) square += image[f] * image[f];
        if (square <= 0) return 0;
        const double length = sqrt(square);
        for (int f = 0; f < D; f++) axis[f] = image[f] / length;
        value = 0;
        for (int f = 0; f < D; f++) {
            image[f] = 0;
            for (int g = 0; g < D; g++) image[f] += matrix[f * D + g] * axis[g];
            value += image[f] * axis[f];
        }
    }
    return value;
}

// Split one cluster in two across its principal axis: write the two centres, return the decrease of error to expect.
template <int D> INLINE double split(const double *sums, double *left, double *right) {
    if (sums[0] <= 0) return 0;
    double spread[D * D], axis[D];
    scatter<D>(sums, spread);
    const double variance = principal_axis<D>(spread, axis);
    const double half = HALF * sqrt(larger(variance, 0) / sums[0]);
    for (int f = 0; f < D; f++) {
        left[f] = sums[1 + f] / sums[0] - half * axis[f];
        right[f] = sums[1 + f] / sums[0] + half * axis[f];
    }
    return GAIN * variance;
}

// For each of k clusters the least increase of error that merging it with another brings, and that other.
//
// Merging i and j adds w_i w_j / (w_i + w_j) |m_i - m_j|^2 (Ward 1963): at most what removing centre j and moving the
// others adds. `room` holds D + 2 rows of k.
template <int D> INLINE void merge_costs(const double *sums, int64_t k, double *cost, int64_t *partner, double *room) {
    double *weight = room, *row = room + k, *mean = room + 2 * k;
    for (int64_t j = 0; j < k; j++) {
        const double *s = sums + j * SUMS<D>;
        weight[j] = larger(s[0], 1e-300);
        for (int f = 0; f < D; f++) mean[f * k + j] = s[1 + f] / weight[j];
    }
    for (int64_t j = 0; j < k; j++) {
        for (int64_t i = 0; i < k; i++) {
            double square = 0;
            for (int f = 0; f < D; f++) {
                const double delta = mean[f * k + i] - mean[f * k + j];
                square += delta * delta;
            }
            row[i] = square * (weight[i] * weight[j] / (weight[i] + weight[j]));
        }
        row[j] = DBL_MAX;
        cost[j] = DBL_MAX;
        for (int64_t i = 0; i < k; i++)
            if (row[i] < cost[j]) {
                cost[j] = row[i];
                partner[j] = i;
            }
    }
}

// How centres are stored, and when an iteration ends.
struct Rules {
    bool snap; // on integers
    double tolerance;
    int64_t limit;
};

// Alternate nearest centres and means, at most `limit` times, and return the squared error.
//
// Ends when the error falls by no more than the share `tolerance` or has no chance to fall below `goal`. `centers` holds the
// means, `part` the partition that they are the means of.
template <int D>
double lloyd(const Points &points, const Partition &part, float *centers, int64_t k, const Rules &rules, double goal,
             Scratch<D> &room) {
    double last = DBL_MAX, error = DBL_MAX;
    for (int64_t i = 0; i < rules.limit; i++) {
        reassign<D>(points, part, centers, k, room);
        error = total_error<D>(part, k);
        recentre<D>(part.sums, centers, part.stride, k, rules.snap);
        if (last - error <= rules.tolerance * error || error - HOPE * (last - error) > goal) break;
        last = error;
    }
    return error;
}

// Raise a floor by bisection for as long as more than `room` of n values reach it.
INLINE double selective(const double *values, int64_t n, double floor, double most, int64_t room) {
    double ceiling = most;
    while (ceiling - floor > CLOSE * most) {
        const double middle = (floor + ceiling) / 2;
        int64_t reaching = 0;
        for (int64_t j = 0; j < n; j++) reaching += values[j] >= middle;
        (reaching < room ? ceiling : floor) = middle;
    }
    return floor;
}

// From one cluster to k: split all that gain at least `share` of the best, settle, and again.
//
// Returns how many there are: fewer than k if nothing is left to split.
template <int D>
int64_t grow(const Points &points, const Partition &part, float *centers, int64_t k, double share, const Rules &settle,
             double *gain, double *left, double *right, Scratch<D> &room) {
    const int64_t stride = part.stride;
    int64_t n = 1;
    while (n < k) {
        double most = 0;
        for (int64_t j = 0; j < n; j++) {
            gain[j] = split<D>(part.sums + j * SUMS<D>, left + j * D, right + j * D);
            most = larger(most, gain[j]);
        }
        if (most <= 0) break;
        const double floor = selective(gain, n, share * most, most, k - n);
        int64_t grown = n;
        for (int64_t j = 0; j < n && grown < k; j++) {
            if (gain[j] < floor) continue;
            for (int f = 0; f < D; f++) {
                part.centers[f * stride + grown] = part.centers[f * stride + j];
                put(centers + f * stride + j, left[j * D + f], settle.snap);
                put(centers + f * stride + grown, right[j * D + f], settle.snap);
            }
            grown++;
        }
        n = grown;
        lloyd<D>(points, part, centers, n, settle, DBL_MAX, room);
    }
    return n;
}

// What mergers and splits of k clusters promise.
template <int D> struct Prospects {
    static size_t bytes(int64_t k) {
        return 2 * Room::bytes<double>(k) + Room::bytes<int64_t>(k) + 2 * Room::bytes<double>(D * k) +
               Room::bytes<double>((D + 2) * k) + Room::bytes<double>(SUMS<D> * k) +
               2 * Room::bytes<int64_t>(CHOICES) + Room::bytes<bool>(CHOICES * CHOICES) + Room::bytes<bool>(k);
    }
    Prospects(Room &room, int64_t clusters)
        : k(clusters), choices(clusters < CHOICES ? clusters : CHOICES), cost(room.take<double>(k)),
          gain(room.take<double>(k)), partner(room.take<int64_t>(k)), left(room.take<double>(D * k)),
          right(room.take<double>(D * k)), rows(room.take<double>((D + 2) * k)),
          weighed(room.take<double>(SUMS<D> * k)), cheap(room.take<int64_t>(CHOICES)), gainful(room.take<int64_t>(CHOICES)),
          tried(room.take<bool>(CHOICES * CHOICES)), busy(room.take<bool>(k)) {
        memset(weighed, 0, SUMS<D> * k * sizeof *weighed);
        // What holds for a cluster without points.
        memset(gain, 0, k * sizeof *gain);
        memset(left, 0, D * k * sizeof *left);
        memset(right, 0, D * k * sizeof *right);
    }

    int64_t k, choices;
    double *cost;     // what merging each with its cheapest partner adds to the error
    double *gain;     // what a split takes away
    int64_t *partner; // the cheapest to merge with
    double *left, *right;
    double *rows;
    double *weighed;          // the sums that the splits follow from
    int64_t *cheap, *gainful; // clusters of least cost and of most gain, in order
    bool *tried;              // which pairs of those two were tried since the last success
    bool *busy;

    // The largest sign * value among the ones that are not busy; -1 if all are busy.
    INLINE int64_t best_of(const double *values, double sign, const bool *busy, int64_t k) {
        int64_t best = -1;
        for (int64_t j = 0; j < k; j++)
            if (!busy[j] && (best < 0 || sign * values[j] > sign * values[best])) best = j;
        return best;
    }

    // The clusters of the largest sign * value, in order, the first of equals first.
    void rank(const double *values, double sign, int64_t *order) {
        int64_t n = 0;
        for (int64_t j = 0; j < k; j++) {
            if (n == choices && sign * values[j] <= sign * values[order[n - 1]]) continue;
            int64_t at = n < choices ? n++ : n - 1;
            for (; at > 0 && sign * values[j] > sign * values[order[at - 1]]; at--) order[at] = order[at - 1];
            order[at] = j;
        }
    }

    void weigh(const double *sums) {
        merge_costs<D>(sums, k, cost, partner, rows);
        for (int64_t j = 0; j < k; j++) {
            const double *own = sums + j * SUMS<D>;
            if (!memcmp(own, weighed + j * SUMS<D>, SUMS<D> * sizeof *own)) continue;
            gain[j] = split<D>(own, left + j * D, right + j * D);
        }
        memcpy(weighed, sums, SUMS<D> * k * sizeof *sums);
        rank(cost, -1, cheap);
        rank(gain, 1, gainful);
        memset(tried, 0, CHOICES * CHOICES);
    }

    // Take centre j away and split cluster i with it.
    void move(float *centers, int64_t stride, int64_t j, int64_t i, bool snap) const {
        for (int f = 0; f < D; f++) {
            put(centers + f * stride + i, left[i * D + f], snap);
            put(centers + f * stride + j, right[i * D + f], snap);
        }
    }

    // Move up to `size` centres, cheapest to most gainful, no two of them close; return how many.
    int64_t move_many(float *centers, int64_t stride, int64_t size, bool snap) {
        memset(busy, 0, k);
        int64_t n = 0;
        while (n < size) {
            const int64_t j = best_of(cost, -1, busy, k);
            if (j < 0) break;
            busy[j] = true;
            const int64_t i = best_of(gain, 1, busy, k);
            if (i < 0 || cost[j] >= ALLOWED * gain[i]) break;
            busy[i] = true;
            busy[partner[j]] = true; // it takes over the points of j, so it must stay
            move(centers, stride, j, i, snap);
            n++;
        }
        return n;
    }

    // Move the one centre that promises most and was not tried; return whether there was one.
    bool move_one(float *centers, int64_t stride, bool snap) {
        double lowest = DBL_MAX;
        int64_t chosen = -1;
        for (int64_t p = 0; p < choices; p++)
            for (int64_t q = 0; q < choices; q++) {
                const double change = cost[cheap[p]] - gain[gainful[q]];
                if (change < lowest && !tried[p * CHOICES + q] && cheap[p] != gainful[q]) {
                    lowest = change;
                    chosen = p * CHOICES + q;
                }
            }
        if (chosen < 0) return false;
        tried[chosen] = true;
        move(centers, stride, cheap[chosen / CHOICES], gainful[chosen % CHOICES], snap);
        return true;
    }
};

// The best centres so far, and what brings a partition back to them.
template <int D> struct Best {
    static size_t bytes(int64_t blocks, int64_t stride) {
        return 2 * Room::bytes<float>(D * stride) + Room::bytes<double>(SUMS<D> * stride) +
               Room::bytes<int32_t>(BLOCK * blocks) + Room::bytes<int32_t>(blocks);
    }
    Best(Room &room, const Points &of, int64_t stride)
        : points(of), centers(room.take<float>(D * stride)), held(room.take<float>(D * stride)),
          sums(room.take<double>(SUMS<D> * stride)), labels(room.take<int32_t>(BLOCK * of.blocks)),
          owner(room.take<int32_t>(of.blocks)) {}

    void keep(const float *found, const Partition &part) {
        memcpy(centers, found, D * part.stride * sizeof *centers);
        memcpy(held, part.centers, D * part.stride * sizeof *held);
        if (!is_exact(points)) return;
        memcpy(sums, part.sums, SUMS<D> * part.stride * sizeof *sums);
        memcpy(labels, part.labels, BLOCK * points.blocks * sizeof *labels);
        memcpy(owner, part.owner, points.blocks * sizeof *owner);
    }

    void bring_back(const Partition &part, int64_t k, Scratch<D> &room) const {
        if (!is_exact(points)) {
            reassign<D>(points, part, held, k, room); // other sums may have rounded differently
            return;
        }
        memcpy(part.centers, held, D * part.stride * sizeof *held);
        memcpy(part.sums, sums, SUMS<D> * part.stride * sizeof *sums);
        memcpy(part.labels, labels, BLOCK * points.blocks * sizeof *labels);
        memcpy(part.owner, owner, points.blocks * sizeof *owner);
    }

    const Points &points;
    float *centers;
    float *held;    // the centres of the partition
    double *sums;   // these and the following: only where sums are exact
    int32_t *labels;
    int32_t *owner;
};

// Make moves and keep each one that lowers the error; return the error reached.
//
// A move of many that fails is followed by one of half as many; single moves are made in the order of what they promise,
// until `patience` in a row have failed.
template <int D>
double improve(const Points &points, const Partition &part, float *centers, int64_t k, double error, int64_t size,
               int64_t patience, const Rules &rules, Best<D> &best, Prospects<D> &look, Scratch<D> &room) {
    const int64_t stride = part.stride;
    const size_t bytes = D * stride * sizeof(float);
    look.weigh(part.sums);
    best.keep(centers, part);
    int64_t fails = 0;
    while (fails < patience && error > 0) { // rounded, it can be less
        if (size > 1) size = look.move_many(centers, stride, size, rules.snap);
        if (size <= 1) {
            size = 1;
            memcpy(centers, best.centers, bytes);
            if (!look.move_one(centers, stride, rules.snap)) break;
        }
        const double reached = lloyd<D>(points, part, centers, k, rules, error, room);
        if (reached < error * (1 - LOWER)) {
            error = reached;
            fails = 0;
            best.keep(centers, part);
            look.weigh(part.sums);
        } else {
            if (size > 1)
                size /= 2;
            else
                fails++;
            memcpy(centers, best.centers, bytes);
            best.bring_back(part, k, room);
        }
    }
    return error;
}

ICS_END
