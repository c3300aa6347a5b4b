// The structural similarity of two pictures, in one pass over their rows.

#pragma once

#include "common.hpp"

ICS_BEGIN

constexpr int MOMENTS = 5; // of the first picture, x, and the difference d of the second from it: x, xx, d, dd, xd

// Weighted means of 2 R + 1 neighbours, from the one R places on.
template <int R> INLINE float weighted(const float *at, const float *weights) {
    float total = weights[0] * at[R];
    for (int t = 1; t <= R; t++) total += weights[t] * (at[R - t] + at[R + t]);
    return total;
}

// Add up SSIM over the windows of each column that lie inside, `width` - 2 R columns in all. `line` has room for the moments
// of a row, `ring` for those of 2 R + 1 rows. The variance of the difference d is used, because x and y are similar:
// 1 - var(d) / (var(x) + var(y) + c2) keeps digits in float that the covariance would lose.
template <int R>
void similarity(const float *x, const float *y, int64_t height, int64_t width, const float *weights, float middle,
                float c1, float c2, double *__restrict sums, float *line, float *ring) {
    const int64_t columns = width - 2 * R;
    for (int64_t c = 0; c < columns; c++) sums[c] = 0;
    for (int64_t row = 0; row < height; row++, x += width, y += width) {
        for (int64_t i = 0; i < width; i++) {
            const float a = x[i] - middle, d = y[i] - x[i];
            line[i] = a;
            line[width + i] = a * a;
            line[2 * width + i] = d;
            line[3 * width + i] = d * d;
            line[4 * width + i] = a * d;
        }
        float *to = ring + row % (2 * R + 1) * MOMENTS * columns;
        for (int m = 0; m < MOMENTS; m++)
            for (int64_t c = 0; c < columns; c++) to[m * columns + c] = weighted<R>(line + m * width + c, weights);
        if (row < 2 * R) continue;
        const float *rows[2 * R + 1]; // the one in the middle, then pairs of equal weight
        for (int t = 0; t <= 2 * R; t++) {
            const int64_t away = (t + 1) / 2, at = row - R + (t % 2 ? -away : away);
            rows[t] = ring + at % (2 * R + 1) * MOMENTS * columns;
        }
        for (int64_t c = 0; c < columns; c++) {
            float mean[MOMENTS];
            for (int m = 0; m < MOMENTS; m++) {
                const int64_t at = m * columns + c;
                mean[m] = weights[0] * rows[0][at];
                for (int t = 1; t <= R; t++) mean[m] += weights[t] * (rows[2 * t - 1][at] + rows[2 * t][at]);
            }
            const float square = mean[2] * mean[2], apart = mean[3] - square;
            const float both = 2 * (mean[1] - mean[0] * mean[0] + mean[4] - mean[0] * mean[2]) + apart;
            const float first = mean[0] + middle, second = first + mean[2];
            const float light = 1 - square / (first * first + second * second + c1);
            sums[c] += static_cast<double>(light * (1 - apart / (both + c2)));
        }
    }
}

ICS_END
