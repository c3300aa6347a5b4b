// K-means on a line, solved exactly; see grey_levels.py.

#pragma once

#include "common.hpp"

ICS_BEGIN

// Sums over the levels before each: pixels, and these times their level and times its square. All are whole numbers that
// double holds exactly.
struct LevelSums {
    double weight, first, second;
};

// Write the squared error of every interval [i, j) of n levels about its rounded mean, in rows of n + 1 from i.
INLINE void interval_costs(const LevelSums *sums, int64_t n, double *cost) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j <= n; j++) {
            const double weight = sums[j].weight - sums[i].weight, first = sums[j].first - sums[i].first;
            const double center = nearbyint(first / weight);
            cost[i * (n + 1) + j] = sums[j].second - sums[i].second - center * (2 * first - center * weight);
        }
}

// Divide n levels into k intervals of the least error, k below n, and write their rounded means in rising order.
//
// `cost` has room for (n + 1)^2 errors, `error` and `least` for n + 1 each, `start` for k (n + 1).
INLINE void best_levels(const LevelSums *sums, int64_t n, int64_t k, double *cost, double *error, double *least,
                        int64_t *start, uint8_t *levels) {
    interval_costs(sums, n, cost);
    const int64_t columns = n + 1;
    for (int64_t j = 1; j <= n; j++) error[j] = cost[j];
    for (int64_t t = 1; t < k; t++) { // from t intervals to one more
        int64_t *from = start + t * columns;
        for (int64_t j = t + 1; j <= n; j++) {
            least[j] = DBL_MAX;
            from[j] = 0;
        }
        for (int64_t i = t; i < n; i++) {
            const double *row = cost + i * columns;
            const double before = error[i];
            for (int64_t j = i + 1; j <= n; j++) {
                const double total = before + row[j];
                from[j] = total < least[j] ? i : from[j];
                least[j] = total < least[j] ? total : least[j];
            }
        }
        for (int64_t j = t + 1; j <= n; j++) error[j] = least[j];
    }
    int64_t end = n;
    for (int64_t t = k - 1; t >= 0; t--) {
        const int64_t begin = t > 0 ? start[t * columns + end] : 0;
        const double first = sums[end].first - sums[begin].first;
        levels[t] = static_cast<uint8_t>(nearbyint(first / (sums[end].weight - sums[begin].weight)));
        end = begin;
    }
}

ICS_END
