// Rows of bytes: pixels averaged over areas, and the row filters of PNG.

#pragma once

#include "common.hpp"

ICS_BEGIN

typedef float f32x4 __attribute__((vector_size(16)));

// Which source pixels an output pixel covers along one axis, and how much of the first and of the last.
struct Span {
    int64_t first, last;
    float head, tail;

    Span(const double *edges, int64_t i) {
        const double low = edges[i], high = edges[i + 1];
        first = static_cast<int64_t>(low);
        last = static_cast<int64_t>(ceil(high)) - 1;
        head = static_cast<float>((last > first ? static_cast<double>(first + 1) : high) - low);
        tail = static_cast<float>(high - static_cast<double>(last));
    }
    float cover(int64_t at) const { return at == first ? head : at == last ? tail : 1.0f; }
};

// Average a picture over the rectangles between edges; `line` has room for the floats of a source row and 4 more, `sum`
// for those of an output row and 4 more, `area` for those of an output row, and `spans` for its pixels.
template <int C>
void average(const uint8_t *pixels, int64_t row_bytes, int64_t columns, const double *x_edges, int64_t width,
             const double *y_edges, int64_t height, uint8_t *out, float *line, float *sum, float *area, Span *spans) {
    const int64_t n = columns * C;
    for (int64_t x = 0; x < width; x++) {
        spans[x] = Span(x_edges, x);
        const float covered = static_cast<float>(x_edges[x + 1] - x_edges[x]);
        for (int c = 0; c < C; c++) area[x * C + c] = covered;
    }
    for (int c = 0; c < 4; c++) line[n + c] = 0; // read along with the last pixel
    for (int64_t y = 0; y < height; y++) {
        const Span rows(y_edges, y);
        const uint8_t *row = pixels + rows.first * row_bytes;
        for (int64_t i = 0; i < n; i++) line[i] = rows.head * row[i];
        for (int64_t r = rows.first + 1; r <= rows.last; r++) {
            const float weight = rows.cover(r);
            row = pixels + r * row_bytes;
            for (int64_t i = 0; i < n; i++) line[i] += weight * row[i];
        }
        for (int64_t x = 0; x < width; x++) {
            const Span span = spans[x];
            const float *at = line + span.first * C;
            f32x4 total = span.head * load<f32x4>(at);
            for (int64_t s = span.first + 1; s < span.last; s++) total += load<f32x4>(at += C);
            if (span.last > span.first) total += span.tail * load<f32x4>(at += C);
            store(sum + x * C, total); // what it writes beyond C is written over by the next
        }
        const float covered = static_cast<float>(y_edges[y + 1] - y_edges[y]);
        uint8_t *to = out + y * width * C;
        for (int64_t i = 0; i < width * C; i++) to[i] = static_cast<uint8_t>(sum[i] / (covered * area[i]) + 0.5f);
    }
}

enum Filter { NONE, SUB, UP, AVERAGE, PAETH, FILTERS };

// The predictor of PNG specification 9.4, whichever of left, above and corner is nearest to left + above - corner.
INLINE uint8_t paeth(int left, int above, int corner) {
    const int to_left = abs(above - corner), to_above = abs(left - corner), to_corner = abs(left + above - 2 * corner);
    const int other = to_above <= to_corner ? above : corner;
    return static_cast<uint8_t>(to_left <= to_above && to_left <= to_corner ? left : other);
}

// Write what a filter leaves of a row. `row` and `above` have `step` readable bytes before them, zero at the left edge.
INLINE void residuals(int kind, const uint8_t *row, const uint8_t *above, int64_t n, int64_t step, uint8_t *out) {
    const uint8_t *left = row - step, *corner = above - step;
    switch (kind) {
    case NONE: memcpy(out, row, n); break;
    case SUB: for (int64_t i = 0; i < n; i++) out[i] = row[i] - left[i]; break;
    case UP: for (int64_t i = 0; i < n; i++) out[i] = row[i] - above[i]; break;
    case AVERAGE: for (int64_t i = 0; i < n; i++) out[i] = static_cast<uint8_t>(row[i] - (left[i] + above[i]) / 2); break;
    default: for (int64_t i = 0; i < n; i++) out[i] = row[i] - paeth(left[i], above[i], corner[i]);
    }
}

// Residuals as signed bytes, their absolute values added up: the heuristic of PNG specification 12.7.
INLINE uint32_t cost(const uint8_t *line, int64_t n) {
    uint32_t total = 0;
    for (int64_t i = 0; i < n; i++) total += static_cast<uint32_t>(abs(static_cast<int8_t>(line[i])));
    return total;
}

// Write for every row of bytes the number of its filter and its residuals. Where `kind` is negative, each row gets the
// filter of least cost. `room` holds two framed rows and a line for each filter.
INLINE void filter_rows(const uint8_t *rows, int64_t height, int64_t n, int64_t step, int kind, uint8_t *out,
                        uint8_t *room) {
    const int64_t framed = n + step;
    uint8_t *above = room, *row = room + framed, *trial = room + 2 * framed;
    memset(room, 0, 2 * framed);
    for (int64_t y = 0; y < height; y++, out += n + 1) {
        memcpy(row + step, rows + y * n, n);
        int chosen = kind;
        if (kind < 0) {
            uint32_t least = UINT32_MAX;
            for (int f = NONE; f < FILTERS; f++) {
                residuals(f, row + step, above + step, n, step, trial + f * n);
                const uint32_t found = cost(trial + f * n, n);
                if (found < least) {
                    least = found;
                    chosen = f;
                }
            }
            memcpy(out + 1, trial + chosen * n, n);
        } else {
            residuals(kind, row + step, above + step, n, step, out + 1);
        }
        out[0] = static_cast<uint8_t>(chosen);
        uint8_t *done = above;
        above = row;
        row = done;
    }
}

// Pack `depth` bits of every index into bytes, the leftmost pixel in the highest bits.
template <int DEPTH> INLINE void pack_row(const uint8_t *indices, int64_t width, uint8_t *out) {
    constexpr int64_t PIXELS = 8 / DEPTH;
    const int64_t whole = width / PIXELS;
    for (int64_t i = 0; i < whole; i++) {
        int packed = 0;
        for (int p = 0; p < PIXELS; p++) packed = packed << DEPTH | indices[i * PIXELS + p];
        out[i] = static_cast<uint8_t>(packed);
    }
    if (whole * PIXELS == width) return;
    int packed = 0;
    for (int64_t p = whole * PIXELS; p < (whole + 1) * PIXELS; p++)
        packed = packed << DEPTH | (p < width ? indices[p] : 0);
    out[whole] = static_cast<uint8_t>(packed);
}

// Write the rows of an indexed picture packed and unfiltered, and packed and filtered by `kind`, each after the number of
// its filter. `room` holds two framed rows.
template <int DEPTH>
INLINE void pack_rows(const uint8_t *indices, int64_t height, int64_t width, int kind, uint8_t *plain, uint8_t *filtered,
                      uint8_t *room) {
    const int64_t n = (width * DEPTH + 7) / 8;
    uint8_t *above = room + 1, *row = above + n + 1;
    memset(room, 0, 2 * (n + 1));
    for (int64_t y = 0; y < height; y++, plain += n + 1, filtered += n + 1) {
        pack_row<DEPTH>(indices + y * width, width, row);
        plain[0] = NONE;
        memcpy(plain + 1, row, n);
        filtered[0] = static_cast<uint8_t>(kind);
        residuals(kind, row, above, n, 1, filtered + 1);
        uint8_t *done = above;
        above = row;
        row = done;
    }
}

ICS_END
