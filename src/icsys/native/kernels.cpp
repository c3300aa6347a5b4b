// The functions that Python calls: each picks the copy for its number of features and allocates working memory.

#include "colors.hpp"
#include "expand.hpp"
#include "levels.hpp"
#include "pixels.hpp"
#include "reduce.hpp"
#include "similarity.hpp"

using namespace LEVEL;

namespace {

constexpr int64_t OUT_OF_MEMORY = -1;

template <int D> struct Of {};

// Call `function` with the number of features, 3 or 4, as a type.
template <typename F> auto with_features(int64_t d, F function) { return d == 3 ? function(Of<3>()) : function(Of<4>()); }

} // namespace

// Colours ---------------------------------------------------------------------------------------------------------------

EXPORT int64_t KERNEL(mark_colors)(const uint8_t *pixels, int64_t n, uint32_t *codes, uint8_t *groups, uint64_t *bits,
                                   uint32_t *ranks) {
    return mark_colors(pixels, n, codes, groups, bits, ranks);
}

EXPORT int64_t KERNEL(count_colors)(uint32_t *codes, int64_t pixels, const uint64_t *bits, const uint32_t *ranks,
                                    Color *colors, int64_t n, float *x, double *w, float *low, float *high,
                                    double *sums) {
    rank_colors(codes, pixels, bits, ranks, colors, n);
    decode_colors(colors, n, x, w);
    bound_points<3>(x, w, (n + BLOCK - 1) / BLOCK, low, high, sums);
    return n;
}

EXPORT int64_t KERNEL(merge_colors)(const Color *colors, int64_t n, const float *x, const double *w, double threshold,
                                    Cell *cells) {
    return merge_nodes(colors, n, x, w, threshold, cells);
}

EXPORT double KERNEL(place_cells)(const Cell *cells, int64_t n, float *x, double *w, float *low, float *high,
                                  double *sums) {
    const double explained = place_cells(cells, n, x, w);
    bound_points<3>(x, w, (n + BLOCK - 1) / BLOCK, low, high, sums);
    return explained;
}

EXPORT void KERNEL(bound_points)(const float *x, const double *w, int64_t blocks, int64_t d, float *low, float *high,
                                 double *sums) {
    with_features(d, [&]<int D>(Of<D>) { bound_points<D>(x, w, blocks, low, high, sums); });
}

EXPORT void KERNEL(map_ranks)(const uint32_t *ranks, int64_t n, const void *labels, void *out, int64_t bytes) {
    if (bytes == 1)
        for (int64_t i = 0; i < n; i++)
            static_cast<uint8_t *>(out)[i] = static_cast<const uint8_t *>(labels)[ranks[i]];
    else
        for (int64_t i = 0; i < n; i++)
            static_cast<uint16_t *>(out)[i] = static_cast<const uint16_t *>(labels)[ranks[i]];
}

// K-means ---------------------------------------------------------------------------------------------------------------

EXPORT int64_t KERNEL(reassign)(const Points *points, const Partition *part, const float *centers, int64_t k) {
    return with_features(points->d, [&]<int D>(Of<D>) {
        Room room(Scratch<D>::bytes(k));
        if (!room) return OUT_OF_MEMORY;
        Scratch<D> scratch(room, k);
        return reassign<D>(*points, *part, centers, k, scratch);
    });
}

EXPORT int64_t KERNEL(nearest_centers)(const Points *points, const float *centers, int64_t stride, int64_t k,
                                       void *labels, int64_t bytes, double *error) {
    return with_features(points->d, [&]<int D>(Of<D>) {
        Room room(Scratch<D>::bytes(k));
        if (!room) return OUT_OF_MEMORY;
        Scratch<D> scratch(room, k);
        *error = bytes == 2 ? nearest_centers<D>(*points, centers, stride, k, static_cast<uint16_t *>(labels), scratch)
                            : nearest_centers<D>(*points, centers, stride, k, static_cast<int32_t *>(labels), scratch);
        return k;
    });
}

EXPORT int64_t KERNEL(lloyd)(const Points *points, const Partition *part, float *centers, int64_t k, int64_t snap,
                             double tolerance, int64_t limit, double goal, double *error) {
    return with_features(points->d, [&]<int D>(Of<D>) {
        Room room(Scratch<D>::bytes(k));
        if (!room) return OUT_OF_MEMORY;
        Scratch<D> scratch(room, k);
        *error = lloyd<D>(*points, *part, centers, k, Rules{snap != 0, tolerance, limit}, goal, scratch);
        return k;
    });
}

EXPORT int64_t KERNEL(grow)(const Points *points, const Partition *part, float *centers, int64_t k, int64_t snap,
                            double share, int64_t limit) {
    return with_features(points->d, [&]<int D>(Of<D>) {
        Room room(Scratch<D>::bytes(k) + Room::bytes<double>(k) + 2 * Room::bytes<double>(D * k));
        if (!room) return OUT_OF_MEMORY;
        Scratch<D> scratch(room, k);
        double *gain = room.take<double>(k), *left = room.take<double>(D * k), *right = room.take<double>(D * k);
        return grow<D>(*points, *part, centers, k, share, Rules{snap != 0, 0, limit}, gain, left, right, scratch);
    });
}

EXPORT int64_t KERNEL(improve)(const Points *points, const Partition *part, float *centers, int64_t k, int64_t snap,
                               double tolerance, int64_t limit, int64_t size, int64_t patience, double *error) {
    return with_features(points->d, [&]<int D>(Of<D>) {
        Room room(Scratch<D>::bytes(k) + Prospects<D>::bytes(k) + Best<D>::bytes(points->blocks, part->stride));
        if (!room) return OUT_OF_MEMORY;
        Scratch<D> scratch(room, k);
        Prospects<D> look(room, k);
        Best<D> best(room, *points, part->stride);
        *error = improve<D>(*points, *part, centers, k, *error, size, patience, Rules{snap != 0, tolerance, limit}, best,
                            look, scratch);
        return k;
    });
}

EXPORT int64_t KERNEL(best_levels)(const double *sums, int64_t n, int64_t k, uint8_t *levels) {
    const int64_t columns = n + 1;
    Room room(Room::bytes<double>(columns * columns) + 2 * Room::bytes<double>(columns) +
              Room::bytes<int64_t>(k * columns));
    if (!room) return OUT_OF_MEMORY;
    double *cost = room.take<double>(columns * columns), *error = room.take<double>(columns);
    double *least = room.take<double>(columns);
    int64_t *start = room.take<int64_t>(k * columns);
    best_levels(reinterpret_cast<const LevelSums *>(sums), n, k, cost, error, least, start, levels);
    return k;
}

EXPORT double KERNEL(principal_axis)(const double *sums, int64_t d, double *axis) {
    return with_features(d, [&]<int D>(Of<D>) {
        double matrix[D * D];
        scatter<D>(sums, matrix);
        return principal_axis<D>(matrix, axis);
    });
}

EXPORT double KERNEL(split)(const double *sums, int64_t d, double *left, double *right) {
    return with_features(d, [&]<int D>(Of<D>) { return split<D>(sums, left, right); });
}

EXPORT int64_t KERNEL(merge_costs)(const double *sums, int64_t k, int64_t d, double *cost, int64_t *partner) {
    return with_features(d, [&]<int D>(Of<D>) {
        Room room(Room::bytes<double>((D + 2) * k));
        if (!room) return OUT_OF_MEMORY;
        merge_costs<D>(sums, k, cost, partner, room.take<double>((D + 2) * k));
        return k;
    });
}

// All of it -------------------------------------------------------------------------------------------------------------

EXPORT int64_t KERNEL(reduce)(const uint8_t *pixels, int64_t n, const Plan *plan, void *kept, int64_t kept_bytes,
                              uint8_t *palette, uint8_t *indices, double *error) {
    Kept memory(kept, kept_bytes);
    return reduce(pixels, n, *plan, palette, indices, error, memory);
}

EXPORT int64_t KERNEL(map_to)(const uint8_t *pixels, int64_t n, const uint8_t *palette, int64_t k, void *kept,
                              int64_t kept_bytes, uint8_t *indices, double *error) {
    Kept memory(kept, kept_bytes);
    return map_to(pixels, n, palette, k, indices, error, memory);
}

// Pixels ----------------------------------------------------------------------------------------------------------------

EXPORT int64_t KERNEL(average_area)(const uint8_t *pixels, int64_t row_bytes, int64_t columns, int64_t channels,
                                    const double *x_edges, int64_t width, const double *y_edges, int64_t height,
                                    uint8_t *out) {
    const int64_t line = columns * channels + 4, sum = width * channels + 4;
    Room room(Room::bytes<float>(line) + 2 * Room::bytes<float>(sum) + Room::bytes<Span>(width));
    if (!room) return OUT_OF_MEMORY;
    float *line_room = room.take<float>(line), *sum_room = room.take<float>(sum), *area = room.take<float>(sum);
    Span *spans = room.take<Span>(width);
    const auto run = [&]<int C>(Of<C>) {
        average<C>(pixels, row_bytes, columns, x_edges, width, y_edges, height, out, line_room, sum_room, area, spans);
    };
    switch (channels) {
    case 1: run(Of<1>()); break;
    case 2: run(Of<2>()); break;
    case 3: run(Of<3>()); break;
    default: run(Of<4>());
    }
    return height;
}

EXPORT int64_t KERNEL(filter_rows)(const uint8_t *rows, int64_t height, int64_t n, int64_t step, int64_t kind,
                                   uint8_t *out) {
    Room room(Room::bytes<uint8_t>(2 * (n + step) + FILTERS * n));
    if (!room) return OUT_OF_MEMORY;
    filter_rows(rows, height, n, step, static_cast<int>(kind), out, room.take<uint8_t>(1));
    return height;
}

EXPORT int64_t KERNEL(pack_rows)(const uint8_t *indices, int64_t height, int64_t width, int64_t depth, int64_t kind,
                                 uint8_t *plain, uint8_t *filtered) {
    Room room(Room::bytes<uint8_t>(2 * (width + 1)));
    if (!room) return OUT_OF_MEMORY;
    uint8_t *rows = room.take<uint8_t>(2 * (width + 1));
    const auto run = [&]<int D>(Of<D>) {
        pack_rows<D>(indices, height, width, static_cast<int>(kind), plain, filtered, rows);
    };
    switch (depth) {
    case 1: run(Of<1>()); break;
    case 2: run(Of<2>()); break;
    case 4: run(Of<4>()); break;
    default: run(Of<8>());
    }
    return height;
}

EXPORT int64_t KERNEL(similarity)(const float *x, const float *y, int64_t height, int64_t width, int64_t radius,
                                  const float *weights, double middle, double c1, double c2, double *sums) {
    Room room(Room::bytes<float>(MOMENTS * width) + Room::bytes<float>(MOMENTS * width * (2 * radius + 1)));
    if (!room) return OUT_OF_MEMORY;
    float *line = room.take<float>(MOMENTS * width), *ring = room.take<float>(MOMENTS * width * (2 * radius + 1));
    const auto run = [&]<int R>(Of<R>) {
        similarity<R>(x, y, height, width, weights, static_cast<float>(middle), static_cast<float>(c1),
                      static_cast<float>(c2), sums, line, ring);
    };
    switch (radius) {
    case 0: run(Of<0>()); break;
    case 1: run(Of<1>()); break;
    case 2: run(Of<2>()); break;
    case 3: run(Of<3>()); break;
    case 4: run(Of<4>()); break;
    default: run(Of<5>());
    }
    return height;
}

// Arrays ----------------------------------------------------------------------------------------------------------------

EXPORT void KERNEL(expand)(const Batch *batch, int64_t first, int64_t last) {
    switch (batch->value_bytes) { // floats are copied as their bits
    case 1: expand<uint8_t>(*batch, first, last); break;
    case 2: expand<uint16_t>(*batch, first, last); break;
    default: expand<uint32_t>(*batch, first, last);
    }
}
