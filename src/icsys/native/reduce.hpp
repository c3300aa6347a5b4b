// From the pixels of an image to a palette and indices, in one call.
//
// The steps are those of kmeans.py and strategy_steps.py, which tests compare with.

#pragma once

#include "colors.hpp"
#include "search.hpp"

// How the search goes, see kmeans.py.
struct Plan {
    int64_t k; // colours, at most 256
    double fineness;
    double most_hidden; // share of the error that cells may hide
    double finer;       // how much finer cells are next where they hide more
    double share;       // of growth
    int64_t settle;
    double moved;
    int64_t patience;
    double tolerance;
    int64_t limit;
    int64_t last;
    int64_t polish;
};

ICS_BEGIN

constexpr int64_t MOST_COLORS = 256;
constexpr int LUMA[3] = {299, 587, 114}; // Rec. 601

// Points with their boxes, and their sums as one cluster.
struct Cloud {
    static int64_t blocks_of(int64_t n) { return (n + BLOCK - 1) / BLOCK; }
    static size_t bytes(int64_t n) {
        const int64_t blocks = blocks_of(n);
        return Room::bytes<float>(3 * BLOCK * blocks) + Room::bytes<double>(BLOCK * blocks) +
               2 * Room::bytes<float>(3 * blocks);
    }
    Cloud(Room &room, int64_t size)
        : n(size), blocks(blocks_of(size)), x(room.take<float>(3 * BLOCK * blocks)),
          w(room.take<double>(BLOCK * blocks)), low(room.take<float>(3 * blocks)), high(room.take<float>(3 * blocks)) {}

    void close() {
        bound_points<3>(x, w, blocks, low, high, sums);
        squares = sums[4] + sums[6] + sums[9];
    }
    // The same, without the products of coordinates, for points that are never split.
    void close_unsplit() {
        bound_blocks<3>(x, blocks, low, high);
        memset(sums, 0, sizeof sums);
        squares = sum_unsplit<3>(x, w, blocks, sums);
    }
    Points points() const { return {blocks, 3, x, w, low, high, 0}; }
    // The squared error about the mean of all.
    double error() const {
        return squares - (sums[1] * sums[1] + sums[2] * sums[2] + sums[3] * sums[3]) / sums[0];
    }

    int64_t n, blocks;
    float *x;
    double *w;
    float *low, *high;
    double sums[SUMS<3>];
    double squares; // the weighted squared norms
};

// Memory of a partition of points into at most k clusters; at first all are in one.
struct Clusters {
    static size_t bytes(int64_t blocks, int64_t k) {
        return Room::bytes<int32_t>(BLOCK * blocks) + Room::bytes<int32_t>(blocks) + Room::bytes<double>(SUMS<3> * k) +
               Room::bytes<float>(3 * k);
    }
    Clusters(Room &room, const Cloud &cloud, int64_t k, bool products)
        : part{k,
               room.take<int32_t>(BLOCK * cloud.blocks),
               room.take<int32_t>(cloud.blocks),
               room.take<double>(SUMS<3> * k),
               room.take<float>(3 * k),
               products,
               cloud.squares} {
        memset(part.labels, 0, BLOCK * cloud.blocks * sizeof *part.labels);
        memset(part.owner, 0, cloud.blocks * sizeof *part.owner);
        memset(part.sums, 0, SUMS<3> * k * sizeof *part.sums);
        memset(part.centers, 0, 3 * k * sizeof *part.centers);
        memcpy(part.sums, cloud.sums, sizeof cloud.sums);
        for (int f = 0; f < 3; f++) part.centers[f * k] = static_cast<float>(cloud.sums[1 + f] / cloud.sums[0]);
    }

    Partition part;
};

// Grow centres, settle and move them; write them in rows of plan.k, and return how many, or -1 without memory.
INLINE int64_t search(const Cloud &cells, const Plan &plan, float *centers, double *error, Kept &kept) {
    const int64_t most = plan.k;
    Room room(Clusters::bytes(cells.blocks, most) + Scratch<3>::bytes(most) + Room::bytes<double>(most) +
                  2 * Room::bytes<double>(3 * most),
              kept);
    if (!room) return -1;
    const Points points = cells.points();
    const Clusters clusters(room, cells, most, true);
    const Partition &part = clusters.part;
    Scratch<3> scratch(room, most);
    double *gain = room.take<double>(most), *left = room.take<double>(3 * most), *right = room.take<double>(3 * most);
    memcpy(centers, part.centers, 3 * most * sizeof *centers);
    const Rules settle{true, 0, plan.settle}, rules{true, plan.tolerance, plan.limit};
    const int64_t k = grow<3>(points, part, centers, most, plan.share, settle, gain, left, right, scratch);
    *error = lloyd<3>(points, part, centers, k, rules, DBL_MAX, scratch);
    if (k == 1) return k;
    Room more(Prospects<3>::bytes(k) + Best<3>::bytes(cells.blocks, most), kept);
    if (!more) return -1;
    Prospects<3> look(more, k);
    Best<3> best(more, points, most);
    const int64_t size = static_cast<int64_t>(static_cast<double>(k) * plan.moved);
    *error = improve<3>(points, part, centers, k, *error, size > 1 ? size : 1, plan.patience, rules, best, look, scratch);
    memcpy(centers, best.centers, 3 * most * sizeof *centers);
    return k;
}

// Merge colours into cells, finer ones for as long as they hide much of the error, and find centres for them.
INLINE int64_t centers_of_cells(const Color *listed, const Cloud &colors, const Plan &plan, float *centers,
                                Kept &kept) {
    Room room(Room::bytes<Cell>(colors.n + 1), kept);
    if (!room) return -1;
    Cell *cells = room.take<Cell>(colors.n + 1);
    const double k = static_cast<double>(plan.k);
    for (double fineness = plan.fineness;; fineness *= plan.finer) {
        const double threshold = colors.error() / (3 * k * k * fineness);
        const int64_t n = merge_nodes(listed, colors.n, colors.x, colors.w, threshold, cells);
        Room points_room(Cloud::bytes(n), kept);
        if (!points_room) return -1;
        Cloud cloud(points_room, n);
        const double hidden = colors.squares - place_cells(cells, n, cloud.x, cloud.w);
        cloud.close();
        double error = 0;
        const int64_t found = search(cloud, plan, centers, &error, kept);
        if (found < 0 || hidden <= plan.most_hidden * error || BLOCK * cloud.blocks >= colors.n) return found;
    }
}

// A mean in the kernels' units as a level.
INLINE uint8_t level(double mean) { return static_cast<uint8_t>(nearbyint(mean / SCALE + CENTER)); }

INLINE float centered(uint8_t level) { return SCALE * (static_cast<float>(level) - CENTER); }

// Sort a few numbers.
INLINE void sort_few(uint32_t *values, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const uint32_t value = values[i];
        int64_t at = i;
        for (; at > 0 && values[at - 1] > value; at--) values[at] = values[at - 1];
        values[at] = value;
    }
}

// Colours of a palette as R * 2^16 + G * 2^8 + B, distinct and in rising order.
struct Entries {
    int64_t n = 0;
    uint32_t of[MOST_COLORS];

    uint8_t at(int64_t j, int f) const { return static_cast<uint8_t>(of[j] >> (16 - 8 * f)); }
    void tidy() {
        sort_few(of, n);
        int64_t kept = 0;
        for (int64_t j = 0; j < n; j++)
            if (kept == 0 || of[kept - 1] != of[j]) of[kept++] = of[j];
        n = kept;
    }
    void centers(float *to) const {
        for (int f = 0; f < 3; f++)
            for (int64_t j = 0; j < n; j++) to[f * n + j] = centered(at(j, f));
    }
};

// Iterations on all colours, then on whole levels, from given centres: the palette.
INLINE bool finish(const Cloud &colors, const Plan &plan, float *centers, int64_t k, Entries &entries, Kept &kept) {
    Room room(Clusters::bytes(colors.blocks, plan.k) + Scratch<3>::bytes(k), kept);
    if (!room) return false;
    const Points points = colors.points();
    const Clusters clusters(room, colors, plan.k, false);
    const Partition &part = clusters.part;
    Scratch<3> scratch(room, k);
    lloyd<3>(points, part, centers, k, Rules{true, 0, plan.last}, DBL_MAX, scratch);
    for (int64_t step = 0; step < plan.polish; step++) {
        for (int64_t j = 0; j < k; j++) {
            const double *s = part.sums + j * SUMS<3>;
            for (int f = 0; f < 3; f++)
                centers[f * plan.k + j] = s[0] > 0 ? centered(level(s[1 + f] / s[0])) : part.centers[f * plan.k + j];
        }
        reassign<3>(points, part, centers, k, scratch);
    }
    for (int64_t j = 0; j < k; j++) {
        const double *s = part.sums + j * SUMS<3>;
        if (s[0] <= 0) continue;
        entries.of[entries.n++] = level(s[1] / s[0]) << 16 | level(s[2] / s[0]) << 8 | level(s[3] / s[0]);
    }
    entries.tidy();
    return true;
}

// Write the nearest entry of every colour, blocks filled up, and the squared error of all in 64ths.
INLINE bool label_colors(const Cloud &colors, const Entries &entries, uint16_t *labels, double *error, Kept &kept) {
    Room room(Scratch<3>::bytes(entries.n) + Room::bytes<float>(3 * entries.n), kept);
    if (!room) return false;
    Scratch<3> scratch(room, entries.n);
    float *centers = room.take<float>(3 * entries.n);
    entries.centers(centers);
    *error = nearest_centers<3>(colors.points(), centers, entries.n, entries.n, labels, scratch);
    return true;
}

// Fill up a palette of fewer than k entries with the colours of the largest error, the first of equals.
INLINE void fill(const Cloud &colors, int64_t k, Entries &entries, const uint16_t *labels) {
    const int64_t room = k - entries.n;
    double errors[MOST_COLORS];
    uint32_t worst[MOST_COLORS];
    int64_t n = 0;
    for (int64_t i = 0; i < colors.n; i++) {
        const float *x = colors.x + i / BLOCK * 3 * BLOCK + i % BLOCK;
        double square = 0;
        uint32_t color = 0;
        for (int f = 0; f < 3; f++) {
            const double delta = x[f * BLOCK] - centered(entries.at(labels[i], f));
            square += delta * delta;
            color = color << 8 | level(x[f * BLOCK]);
        }
        const double error = square * colors.w[i];
        if (error <= 0 || (n == room && error <= errors[n - 1])) continue;
        int64_t at = n < room ? n++ : n - 1;
        for (; at > 0 && errors[at - 1] < error; at--) {
            errors[at] = errors[at - 1];
            worst[at] = worst[at - 1];
        }
        errors[at] = error;
        worst[at] = color;
    }
    memcpy(entries.of + entries.n, worst, n * sizeof *worst);
    entries.n += n;
    entries.tidy();
}

// Drop entries without points and order the others from dark to light; write them and their new numbers.
INLINE int64_t order_entries(const Entries &entries, const bool *used, uint8_t *palette, uint8_t *number) {
    uint32_t keys[MOST_COLORS];
    int64_t n = 0;
    for (int64_t j = 0; j < entries.n; j++) {
        if (!used[j]) continue;
        uint32_t luma = 0;
        for (int f = 0; f < 3; f++) luma += LUMA[f] * entries.at(j, f);
        keys[n++] = luma << 8 | static_cast<uint32_t>(j);
    }
    sort_few(keys, n);
    for (int64_t p = 0; p < n; p++) {
        const uint32_t j = keys[p] & 0xFF;
        for (int f = 0; f < 3; f++) palette[3 * p + f] = entries.at(j, f);
        number[j] = static_cast<uint8_t>(p);
    }
    return n;
}

// Call `function` with the rank of every pixel's colour, the colours and their number; return what it returns, or -1 without
// memory.
template <typename F> INLINE int64_t with_colors(const uint8_t *pixels, int64_t n, Kept &kept, F function) {
    Room room(Room::bytes<uint32_t>(n), kept);
    if (!room) return -1;
    uint32_t *inverse = room.take<uint32_t>(n);
    if (n <= MOST_SORTED) {
        Room more(Room::bytes<Color>(n) + Room::bytes<uint64_t>(2 * n), kept);
        if (!more) return -1;
        Color *colors = more.take<Color>(n);
        return function(inverse, colors, sort_colors(pixels, n, inverse, colors, more.take<uint64_t>(2 * n)));
    }
    Room table(Room::bytes<uint8_t>(GROUPS) + Room::bytes<uint64_t>(WORDS) + Room::bytes<uint32_t>(WORDS), kept);
    if (!table) return -1;
    uint8_t *groups = table.take<uint8_t>(GROUPS);
    uint64_t *bits = table.take<uint64_t>(WORDS);
    uint32_t *ranks = table.take<uint32_t>(WORDS);
    const int64_t found = mark_colors(pixels, n, inverse, groups, bits, ranks);
    Room more(Room::bytes<Color>(found), kept);
    if (!more) return -1;
    Color *colors = more.take<Color>(found);
    rank_colors(inverse, n, bits, ranks, colors, found);
    return function(inverse, colors, found);
}

// All colours of an image as its entries, in the order of their codes.
INLINE void keep_all(const Color *listed, int64_t n, Entries &entries, uint16_t *labels) {
    for (int64_t i = 0; i < n; i++) {
        const uint32_t code = listed[i].code;
        entries.of[i] = compact(code >> 2) << 16 | compact(code >> 1) << 8 | compact(code);
        labels[i] = static_cast<uint16_t>(i);
    }
    entries.n = n;
}

// Find entries for more than plan.k colours, and the nearest of each colour; false without memory.
INLINE bool find_entries(const Color *listed, int64_t n, const Plan &plan, Entries &entries, uint16_t *labels,
                         double *error, Kept &kept) {
    Room room(Cloud::bytes(n) + Room::bytes<float>(3 * plan.k), kept);
    if (!room) return false;
    Cloud colors(room, n);
    float *centers = room.take<float>(3 * plan.k);
    decode_colors(listed, n, colors.x, colors.w);
    colors.close_unsplit();
    const int64_t k = centers_of_cells(listed, colors, plan, centers, kept);
    if (k < 0 || !finish(colors, plan, centers, k, entries, kept)) return false;
    if (entries.n < plan.k) {
        if (!label_colors(colors, entries, labels, error, kept)) return false;
        fill(colors, plan.k, entries, labels);
    }
    if (!label_colors(colors, entries, labels, error, kept)) return false;
    *error /= SCALE * SCALE;
    return true;
}

// Give every pixel the byte of its colour; `of_color` has room for all colours.
INLINE void map_pixels(const uint32_t *inverse, int64_t n, const uint8_t *of_color, uint8_t *indices) {
    for (int64_t i = 0; i < n; i++) indices[i] = of_color[inverse[i]];
}

// Reduce pixels to at most plan.k colours: write the palette, the index of every pixel and the squared error; return the
// number of colours, or -1 without memory.
INLINE int64_t reduce(const uint8_t *pixels, int64_t n, const Plan &plan, uint8_t *palette, uint8_t *indices,
                      double *error, Kept &kept) {
    return with_colors(pixels, n, kept, [&](const uint32_t *inverse, Color *listed, int64_t colors) -> int64_t {
        Room room(Room::bytes<uint16_t>(colors + BLOCK), kept);
        if (!room) return -1;
        uint16_t *labels = room.take<uint16_t>(colors + BLOCK);
        Entries entries;
        *error = 0;
        if (colors <= plan.k)
            keep_all(listed, colors, entries, labels);
        else if (!find_entries(listed, colors, plan, entries, labels, error, kept))
            return -1;
        bool used[MOST_COLORS] = {};
        for (int64_t i = 0; i < colors; i++) used[labels[i]] = true;
        uint8_t number[MOST_COLORS];
        const int64_t k = order_entries(entries, used, palette, number);
        uint8_t *of_color = reinterpret_cast<uint8_t *>(listed); // not needed any more
        for (int64_t i = 0; i < colors; i++) of_color[i] = number[labels[i]];
        map_pixels(inverse, n, of_color, indices);
        return k;
    });
}

// Write the nearest of k given entries, at most 256, for every pixel, and the squared error; return k, or -1 without memory.
INLINE int64_t map_to(const uint8_t *pixels, int64_t n, const uint8_t *palette, int64_t k, uint8_t *indices,
                      double *error, Kept &kept) {
    return with_colors(pixels, n, kept, [&](const uint32_t *inverse, const Color *listed, int64_t found) -> int64_t {
        Room room(Cloud::bytes(found) + Scratch<3>::bytes(k) + Room::bytes<float>(3 * k) +
                      Room::bytes<uint8_t>(found + BLOCK),
                  kept);
        if (!room) return -1;
        Cloud colors(room, found);
        Scratch<3> scratch(room, k);
        float *centers = room.take<float>(3 * k);
        uint8_t *labels = room.take<uint8_t>(found + BLOCK);
        decode_colors(listed, found, colors.x, colors.w);
        bound_blocks<3>(colors.x, colors.blocks, colors.low, colors.high);
        for (int64_t j = 0; j < k; j++)
            for (int f = 0; f < 3; f++) centers[f * k + j] = centered(palette[3 * j + f]);
        *error = nearest_centers<3>(colors.points(), centers, k, k, labels, scratch) / (SCALE * SCALE);
        map_pixels(inverse, n, labels, indices);
        return k;
    });
}

ICS_END
