// Tables looked up by shuffles of bytes: sixteen or thirty-two pixels with one instruction.
//
// Functions named for what they write return whether they did: they leave lines shorter than a vector to their caller,
// and all lines where the processor has no shuffles. The last vector of a line overlaps the one before.

#pragma once

#include "common.hpp"

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#define ICS_NEON
#endif

ICS_BEGIN

// Call `step` for the first pixel of each vector.
template <typename F> INLINE bool in_vectors(int64_t n, int64_t width, F step) {
    if (n < width) return false;
    for (int64_t i = 0; i + width <= n; i += width) step(i);
    if (n % width) step(n - width);
    return true;
}

ICS_END

#ifdef ICS_NEON
#include "shuffles_neon.hpp"
#endif

ICS_BEGIN

#if defined(__AVX2__)
typedef __m256i Bytes;
INLINE Bytes load_bytes(const uint8_t *from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)); }
INLINE void store_bytes(void *to, Bytes v) { _mm256_storeu_si256(static_cast<__m256i *>(to), v); }
// Sixteen bytes in each half.
INLINE Bytes table_of(const void *from) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i *>(from)));
}
INLINE Bytes all_bytes(int value) { return _mm256_set1_epi8(static_cast<char>(value)); }
INLINE Bytes pick(Bytes table, Bytes at) { return _mm256_shuffle_epi8(table, at); }
INLINE Bytes lesser(Bytes a, Bytes b) { return _mm256_min_epu8(a, b); }
INLINE Bytes saturated_sum(Bytes a, Bytes b) { return _mm256_adds_epu8(a, b); }
INLINE Bytes right_by_4(Bytes v) { return _mm256_srli_epi16(v, 4); } // in pairs of bytes
INLINE Bytes left_by_4(Bytes v) { return _mm256_slli_epi16(v, 4); }
#elif defined(__SSSE3__)
typedef __m128i Bytes;
INLINE Bytes load_bytes(const uint8_t *from) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(from)); }
INLINE void store_bytes(void *to, Bytes v) { _mm_storeu_si128(static_cast<__m128i *>(to), v); }
INLINE Bytes table_of(const void *from) { return _mm_loadu_si128(static_cast<const __m128i *>(from)); }
INLINE Bytes all_bytes(int value) { return _mm_set1_epi8(static_cast<char>(value)); }
INLINE Bytes pick(Bytes table, Bytes at) { return _mm_shuffle_epi8(table, at); }
INLINE Bytes lesser(Bytes a, Bytes b) { return _mm_min_epu8(a, b); }
INLINE Bytes saturated_sum(Bytes a, Bytes b) { return _mm_adds_epu8(a, b); }
INLINE Bytes right_by_4(Bytes v) { return _mm_srli_epi16(v, 4); } // in pairs of bytes
INLINE Bytes left_by_4(Bytes v) { return _mm_slli_epi16(v, 4); }
#endif

#ifdef __SSSE3__

constexpr int64_t WIDTH = sizeof(Bytes);
constexpr int64_t TABLE = 16; // entries that a shuffle looks up
constexpr int MANY = 64;      // colours up to which several shuffles are faster than loads

// Write the planes of pixels of at most sixteen colours; indices past `last` count as it.
INLINE bool few_planes(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, int64_t plane,
                       uint8_t *out) {
    const Bytes red = table_of(tables[0]), green = table_of(tables[1]), blue = table_of(tables[2]);
    const Bytes most = all_bytes(last);
    const auto step = [&](int64_t i) {
        const Bytes at = lesser(load_bytes(line + i), most), next = lesser(load_bytes(line + i + WIDTH), most);
        store_bytes(out + i, pick(red, at));
        store_bytes(out + i + WIDTH, pick(red, next));
        store_bytes(out + plane + i, pick(green, at));
        store_bytes(out + plane + i + WIDTH, pick(green, next));
        store_bytes(out + 2 * plane + i, pick(blue, at));
        store_bytes(out + 2 * plane + i + WIDTH, pick(blue, next));
    };
    return in_vectors(n, 2 * WIDTH, step);
}

// The same from an even number of indices packed in 4 bits, the first in the lower bits of a byte if SHIFTED, from left to
// right or FLIPPED. This is where most time goes, so there is no line of indices between.
template <bool FLIPPED, bool SHIFTED>
INLINE bool nibble_planes(const uint8_t *packed, int64_t n, const uint8_t *const tables[3], int64_t plane, uint8_t *out) {
    const Bytes red = table_of(tables[0]), green = table_of(tables[1]), blue = table_of(tables[2]);
    const Bytes nibble = all_bytes(15);
    return in_vectors(n, 2 * WIDTH, [&](int64_t i) {
        const uint8_t *const from = packed + (FLIPPED ? n - 2 * WIDTH - i : i) / 2;
        Bytes both = load_bytes(from);
        if constexpr (SHIFTED) both = (left_by_4(both) & ~nibble) | (right_by_4(load_bytes(from + 1)) & nibble);
#ifdef __AVX2__
        // Halves are interleaved apart, so the middle quarters change places before.
        if constexpr (FLIPPED) {
            const __m128i backwards = _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
            both = _mm256_permute4x64_epi64(pick(both, table_of(&backwards)), 0x27);
        } else {
            both = _mm256_permute4x64_epi64(both, 0xD8);
        }
        const Bytes high = right_by_4(both) & nibble, low = both & nibble;
        const Bytes even = FLIPPED ? low : high, odd = FLIPPED ? high : low;
        const Bytes at = _mm256_unpacklo_epi8(even, odd), next = _mm256_unpackhi_epi8(even, odd);
#else
        if constexpr (FLIPPED)
            both = pick(both, _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
        const Bytes high = right_by_4(both) & nibble, low = both & nibble;
        const Bytes even = FLIPPED ? low : high, odd = FLIPPED ? high : low;
        const Bytes at = _mm_unpacklo_epi8(even, odd), next = _mm_unpackhi_epi8(even, odd);
#endif
        uint8_t *to = out + i;
        store_bytes(to, pick(red, at));
        store_bytes(to + WIDTH, pick(red, next));
        store_bytes(to + plane, pick(green, at));
        store_bytes(to + plane + WIDTH, pick(green, next));
        store_bytes(to + 2 * plane, pick(blue, at));
        store_bytes(to + 2 * plane + WIDTH, pick(blue, next));
    });
}

// The same for values of two bytes, which are looked up one byte at a time.
INLINE bool few_planes(const uint8_t *line, int64_t n, const uint16_t *const tables[3], int last, int64_t plane,
                       uint16_t *out) {
    const Bytes most = all_bytes(last);
    for (int c = 0; c < 3; c++) {
        const __m128i *const from = reinterpret_cast<const __m128i *>(tables[c]);
        const __m128i one = _mm_loadu_si128(from), other = _mm_loadu_si128(from + 1), byte = _mm_set1_epi16(255);
        const __m128i lows = _mm_packus_epi16(_mm_and_si128(one, byte), _mm_and_si128(other, byte));
        const __m128i highs = _mm_packus_epi16(_mm_srli_epi16(one, 8), _mm_srli_epi16(other, 8));
        const Bytes low = table_of(&lows), high = table_of(&highs);
        const bool done = in_vectors(n, WIDTH, [&](int64_t i) {
            const Bytes at = lesser(load_bytes(line + i), most), first = pick(low, at), second = pick(high, at);
            uint16_t *to = out + c * plane + i;
#ifdef __AVX2__
            const Bytes even = _mm256_unpacklo_epi8(first, second), odd = _mm256_unpackhi_epi8(first, second);
            store_bytes(to, _mm256_permute2x128_si256(even, odd, 0x20));
            store_bytes(to + WIDTH / 2, _mm256_permute2x128_si256(even, odd, 0x31));
#else
            store_bytes(to, _mm_unpacklo_epi8(first, second));
            store_bytes(to + WIDTH / 2, _mm_unpackhi_epi8(first, second));
#endif
        });
        if (!done) return false;
    }
    return true;
}

// The same for values of four bytes.
INLINE bool few_planes(const uint8_t *line, int64_t n, const uint32_t *const tables[3], int last, int64_t plane,
                       uint32_t *out) {
#ifdef __AVX2__
    constexpr int64_t VALUES = 8;
    __m256 low[3], high[3];
    for (int c = 0; c < 3; c++) {
        low[c] = _mm256_loadu_ps(reinterpret_cast<const float *>(tables[c]));
        high[c] = _mm256_loadu_ps(reinterpret_cast<const float *>(tables[c] + VALUES));
    }
    const __m128i most = _mm_set1_epi8(static_cast<char>(last));
    return in_vectors(n, VALUES, [&](int64_t i) {
        const __m128i packed = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(line + i));
        const __m256i at = _mm256_cvtepu8_epi32(_mm_min_epu8(packed, most));
        const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(at, 28)); // the sign is bit 3 of the index
        for (int c = 0; c < 3; c++) {
            const __m256 values = _mm256_blendv_ps(_mm256_permutevar8x32_ps(low[c], at),
                                                   _mm256_permutevar8x32_ps(high[c], at), upper);
            _mm256_storeu_ps(reinterpret_cast<float *>(out + c * plane + i), values);
        }
    });
#else
    (void)line, (void)n, (void)tables, (void)last, (void)plane, (void)out;
    return false;
#endif
}

// Write pixels of at most sixteen colours, three bytes each.
INLINE bool few_pixels(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, uint8_t *out) {
    // For each third of the bytes of sixteen pixels and each channel, the pixel that a byte comes from; -1 for none.
    int8_t sources[3][3][TABLE];
    for (int third = 0; third < 3; third++)
        for (int i = 0; i < TABLE; i++)
            for (int c = 0; c < 3; c++) {
                const int byte = third * TABLE + i;
                sources[third][c][i] = static_cast<int8_t>(byte % 3 == c ? byte / 3 : -1);
            }
    Bytes from[3][3], table[3];
    for (int c = 0; c < 3; c++) {
        table[c] = table_of(tables[c]);
        for (int third = 0; third < 3; third++) from[third][c] = table_of(sources[third][c]);
    }
    const Bytes most = all_bytes(last);
    return in_vectors(n, WIDTH, [&](int64_t i) {
        const Bytes at = lesser(load_bytes(line + i), most);
        const Bytes red = pick(table[0], at), green = pick(table[1], at), blue = pick(table[2], at);
        Bytes thirds[3];
        for (int third = 0; third < 3; third++)
            thirds[third] = pick(red, from[third][0]) | pick(green, from[third][1]) | pick(blue, from[third][2]);
        uint8_t *to = out + 3 * i;
#ifdef __AVX2__
        store_bytes(to, _mm256_permute2x128_si256(thirds[0], thirds[1], 0x20));
        store_bytes(to + WIDTH, _mm256_permute2x128_si256(thirds[2], thirds[0], 0x30));
        store_bytes(to + 2 * WIDTH, _mm256_permute2x128_si256(thirds[1], thirds[2], 0x31));
#else
        for (int third = 0; third < 3; third++) store_bytes(to + third * WIDTH, thirds[third]);
#endif
    });
}

// Write the planes of pixels of at most 256 colours: a shuffle for every sixteen of them, which gives 0 for other indices.
INLINE bool many_planes(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int last, int64_t plane,
                        uint8_t *out) {
    const Bytes most = all_bytes(last), others = all_bytes(0x70); // sixteen and more get the highest bit
    return in_vectors(n, 2 * WIDTH, [&](int64_t i) {
        const Bytes first = lesser(load_bytes(line + i), most), second = lesser(load_bytes(line + i + WIDTH), most);
        Bytes found[3][2] = {};
        for (int64_t entry = 0; entry <= last; entry += TABLE) {
            const Bytes block = all_bytes(static_cast<int>(entry));
            const Bytes at[2] = {saturated_sum(first ^ block, others), saturated_sum(second ^ block, others)};
            for (int c = 0; c < 3; c++) {
                const Bytes table = table_of(tables[c] + entry);
                for (int half = 0; half < 2; half++) found[c][half] |= pick(table, at[half]);
            }
        }
        for (int c = 0; c < 3; c++)
            for (int half = 0; half < 2; half++) store_bytes(out + c * plane + i + half * WIDTH, found[c][half]);
    });
}

// Their pixels are written by loads.
INLINE bool many_pixels(const uint8_t *, int64_t, const uint8_t *const[3], int, uint8_t *) { return false; }

// Write the planes of pixels of any palette: sixteen pixels are loaded as entries of `pixels`, and transposed.
INLINE bool any_planes(const uint8_t *line, int64_t n, const uint8_t pixels[][4], int64_t plane, uint8_t *out) {
    const __m128i by_channel = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return in_vectors(n, 16, [&](int64_t i) {
        __m128i fours[4];
        for (int four = 0; four < 4; four++) {
            uint32_t entries[4];
            for (int p = 0; p < 4; p++) memcpy(entries + p, pixels[line[i + 4 * four + p]], 4);
            fours[four] = _mm_shuffle_epi8(_mm_setr_epi32(static_cast<int>(entries[0]), static_cast<int>(entries[1]),
                                                          static_cast<int>(entries[2]), static_cast<int>(entries[3])),
                                           by_channel);
        }
        const __m128i first = _mm_unpacklo_epi32(fours[0], fours[1]), second = _mm_unpacklo_epi32(fours[2], fours[3]);
        const __m128i third = _mm_unpackhi_epi32(fours[0], fours[1]), fourth = _mm_unpackhi_epi32(fours[2], fours[3]);
        uint8_t *to = out + i;
        _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm_unpacklo_epi64(first, second));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(to + plane), _mm_unpackhi_epi64(first, second));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(to + 2 * plane), _mm_unpacklo_epi64(third, fourth));
    });
}

// The same for values of two bytes, eight pixels at a time.
INLINE bool any_planes(const uint8_t *line, int64_t n, const uint16_t pixels[][4], int64_t plane, uint16_t *out) {
    return in_vectors(n, 8, [&](int64_t i) {
        __m128i pairs[4]; // of pixels p and p + 4
        for (int p = 0; p < 4; p++)
            pairs[p] = _mm_unpacklo_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(pixels[line[i + p]])),
                                          _mm_loadl_epi64(reinterpret_cast<const __m128i *>(pixels[line[i + p + 4]])));
        // Pixels 0 4 2 6 and 1 5 3 7 of each channel, then all of them in order.
        const __m128i even = _mm_unpacklo_epi16(pairs[0], pairs[2]), even_high = _mm_unpackhi_epi16(pairs[0], pairs[2]);
        const __m128i odd = _mm_unpacklo_epi16(pairs[1], pairs[3]), odd_high = _mm_unpackhi_epi16(pairs[1], pairs[3]);
        uint16_t *to = out + i;
        _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm_unpacklo_epi16(even, odd));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(to + plane), _mm_unpackhi_epi16(even, odd));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(to + 2 * plane), _mm_unpacklo_epi16(even_high, odd_high));
    });
}

// The same for values of four bytes, four or eight pixels at a time.
INLINE bool any_planes(const uint8_t *line, int64_t n, const uint32_t pixels[][4], int64_t plane, uint32_t *out) {
    const auto entry = [&](int64_t i) { return _mm_loadu_ps(reinterpret_cast<const float *>(pixels[line[i]])); };
    float *const to = reinterpret_cast<float *>(out);
#ifdef __AVX2__
    return in_vectors(n, 8, [&](int64_t i) {
        __m256 rows[4]; // pixels p and p + 4
        for (int p = 0; p < 4; p++)
            rows[p] = _mm256_insertf128_ps(_mm256_castps128_ps256(entry(i + p)), entry(i + p + 4), 1);
        const __m256 first = _mm256_unpacklo_ps(rows[0], rows[1]), second = _mm256_unpacklo_ps(rows[2], rows[3]);
        const __m256 third = _mm256_unpackhi_ps(rows[0], rows[1]), fourth = _mm256_unpackhi_ps(rows[2], rows[3]);
        _mm256_storeu_ps(to + i, _mm256_shuffle_ps(first, second, 0x44));
        _mm256_storeu_ps(to + plane + i, _mm256_shuffle_ps(first, second, 0xEE));
        _mm256_storeu_ps(to + 2 * plane + i, _mm256_shuffle_ps(third, fourth, 0x44));
    });
#else
    return in_vectors(n, 4, [&](int64_t i) {
        const __m128 rows[4] = {entry(i), entry(i + 1), entry(i + 2), entry(i + 3)};
        const __m128 first = _mm_unpacklo_ps(rows[0], rows[1]), second = _mm_unpacklo_ps(rows[2], rows[3]);
        const __m128 third = _mm_unpackhi_ps(rows[0], rows[1]), fourth = _mm_unpackhi_ps(rows[2], rows[3]);
        _mm_storeu_ps(to + i, _mm_movelh_ps(first, second));
        _mm_storeu_ps(to + plane + i, _mm_movehl_ps(second, first));
        _mm_storeu_ps(to + 2 * plane + i, _mm_movelh_ps(third, fourth));
    });
#endif
}

#endif

// Shuffles of 128 entries, which some processors of the third level have; compiled for them alone. The highest bit of an
// index chooses between two of them.
#if defined(__AVX2__) && defined(__x86_64__)
#define LONG_SHUFFLES __attribute__((noinline, target("avx512f,avx512bw,avx512vbmi")))

constexpr int64_t LONG_WIDTH = 64;

// For each third of the bytes of 64 pixels: where they come from among 64 of R and 64 of G, and in B, and which those are.
struct ThirdsOfPixels {
    alignas(64) uint8_t red_green[3][LONG_WIDTH] = {}, blue[3][LONG_WIDTH] = {};
    uint64_t is_blue[3] = {};

    constexpr ThirdsOfPixels() {
        for (int third = 0; third < 3; third++)
            for (int i = 0; i < LONG_WIDTH; i++) {
                const int byte = third * static_cast<int>(LONG_WIDTH) + i, pixel = byte / 3, channel = byte % 3;
                red_green[third][i] = static_cast<uint8_t>(pixel + (channel == 1 ? LONG_WIDTH : 0));
                blue[third][i] = static_cast<uint8_t>(pixel);
                is_blue[third] |= static_cast<uint64_t>(channel == 2) << i;
            }
    }
};
static constexpr ThirdsOfPixels THIRDS;

// Write pixels of at most 256 colours, as planes or as three bytes each; each table has 256 entries.
template <bool PLANAR>
LONG_SHUFFLES bool long_shuffles(const uint8_t *line, int64_t n, const uint8_t *const tables[3], int64_t plane,
                                 uint8_t *out) {
    if (n < LONG_WIDTH) return false;
    __m512i parts[3][4], red_green[3], blue[3];
    for (int c = 0; c < 3; c++) {
        for (int part = 0; part < 4; part++) parts[c][part] = _mm512_loadu_si512(tables[c] + part * LONG_WIDTH);
        red_green[c] = _mm512_load_si512(THIRDS.red_green[c]);
        blue[c] = _mm512_load_si512(THIRDS.blue[c]);
    }
    for (int64_t i = 0;; i = i + 2 * LONG_WIDTH <= n ? i + LONG_WIDTH : n - LONG_WIDTH) {
        const __m512i at = _mm512_loadu_si512(line + i);
        const __mmask64 upper = _mm512_movepi8_mask(at);
        __m512i found[3];
        for (int c = 0; c < 3; c++)
            found[c] = _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(parts[c][0], at, parts[c][1]),
                                              _mm512_permutex2var_epi8(parts[c][2], at, parts[c][3]));
        for (int c = 0; c < 3; c++)
            if constexpr (PLANAR)
                _mm512_storeu_si512(out + c * plane + i, found[c]);
            else
                _mm512_storeu_si512(out + 3 * i + c * LONG_WIDTH,
                                    _mm512_mask_permutexvar_epi8(
                                        _mm512_permutex2var_epi8(found[0], red_green[c], found[1]), THIRDS.is_blue[c],
                                        blue[c], found[2]));
        if (i + LONG_WIDTH >= n) return true;
    }
}
#else
template <bool> INLINE bool long_shuffles(const uint8_t *, int64_t, const uint8_t *const[3], int64_t, uint8_t *) {
    return false;
}
#endif

#if !defined(__SSSE3__) && !defined(ICS_NEON)
constexpr int MANY = 0;

template <typename T>
INLINE bool few_planes(const uint8_t *, int64_t, const T *const[3], int, int64_t, T *) {
    return false;
}
template <bool, bool> INLINE bool nibble_planes(const uint8_t *, int64_t, const uint8_t *const[3], int64_t, uint8_t *) {
    return false;
}
INLINE bool few_pixels(const uint8_t *, int64_t, const uint8_t *const[3], int, uint8_t *) { return false; }
INLINE bool many_planes(const uint8_t *, int64_t, const uint8_t *const[3], int, int64_t, uint8_t *) { return false; }
INLINE bool many_pixels(const uint8_t *, int64_t, const uint8_t *const[3], int, uint8_t *) { return false; }
template <typename T> INLINE bool any_planes(const uint8_t *, int64_t, const T[][4], int64_t, T *) { return false; }
#endif

ICS_END
