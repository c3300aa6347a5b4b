// Shared by all kernels: one name for each instruction set, and short vectors.
//
// Every kernel is compiled once for each instruction set that pays (see hatch_build.py), with its name ending in that of
// the set; library.py picks one when it loads. Kernels take arrays only, check nothing and keep no state.

#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

#ifndef LEVEL
#define LEVEL base
#endif
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define KERNEL(name) JOIN(name, LEVEL)
#define INLINE static inline __attribute__((always_inline))

// Nothing here may be seen from a copy that was compiled for another instruction set.
#define ICS_BEGIN namespace LEVEL {
#define ICS_END }

ICS_BEGIN

// As wide as registers are: wider ones are taken apart badly.
#ifdef __AVX2__
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
// Half as many, of twice the bytes.
typedef double Doubles __attribute__((vector_size(4 * LANES)));
typedef int64_t Longs __attribute__((vector_size(4 * LANES)));
typedef float HalfFloats __attribute__((vector_size(2 * LANES)));
typedef int32_t HalfInts __attribute__((vector_size(2 * LANES)));

template <typename V, typename T> INLINE V load(const T *from) {
    V v;
    memcpy(&v, from, sizeof v);
    return v;
}

template <typename V, typename T> INLINE void store(T *to, V v) { memcpy(to, &v, sizeof v); }

// A bit for each lane of a comparison that holds, the first of them lowest.
INLINE uint32_t bits_of(Ints lanes) {
#if defined(__AVX2__)
    return static_cast<uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(lanes)));
#elif defined(__SSE2__)
    return static_cast<uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(lanes)));
#else
    uint32_t bits = 0;
    for (int i = 0; i < LANES; i++) bits |= static_cast<uint32_t>(lanes[i] & 1) << i;
    return bits;
#endif
}

// a + b * c, rounded once or twice: where numbers are EXACT, both are the same.
template <bool EXACT> INLINE Floats plus_product(Floats a, Floats b, Floats c) {
#if defined(__AVX2__) && defined(__FMA__)
    if constexpr (EXACT) return _mm256_fmadd_ps(b, c, a);
#endif
    return a + b * c;
}

// Memory that a caller keeps from one call to the next, as far as it is free.
struct Kept {
    Kept(void *from, size_t size) : start(static_cast<char *>(from)), left(size) {
        const size_t skipped = (64 - reinterpret_cast<uintptr_t>(from) % 64) % 64;
        start += skipped;
        left -= skipped;
    }

    char *start;
    size_t left; // bytes
};

// Working memory of a kernel, allocated all at once or not at all: kept memory where it is enough, else new.
class Room {
  public:
    explicit Room(size_t bytes) : kept_(nullptr), start_(static_cast<char *>(malloc(bytes))), next_(start_) {}
    Room(size_t bytes, Kept &kept) : kept_(bytes <= kept.left ? &kept : nullptr), bytes_(bytes) {
        if (kept_) {
            start_ = kept.start;
            kept.start += bytes;
            kept.left -= bytes;
        } else {
            start_ = static_cast<char *>(malloc(bytes));
        }
        next_ = start_;
    }
    // Rooms of kept memory end in the reverse order of their start.
    ~Room() {
        if (kept_) {
            kept_->start -= bytes_;
            kept_->left += bytes_;
        } else {
            free(start_);
        }
    }
    Room(const Room &) = delete;
    Room &operator=(const Room &) = delete;
    explicit operator bool() const { return start_ != nullptr; }

    template <typename T> T *take(int64_t n) {
        T *taken = reinterpret_cast<T *>(next_);
        next_ += bytes<T>(n);
        return taken;
    }
    // Every part begins on a cache line.
    template <typename T> static size_t bytes(int64_t n) { return (n * sizeof(T) + 63) / 64 * 64; }

  private:
    Kept *kept_;
    size_t bytes_ = 0;
    char *start_;
    char *next_;
};

ICS_END
