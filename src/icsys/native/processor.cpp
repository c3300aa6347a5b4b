// The instruction sets of the kernels that this processor and its operating system support.

#include "common.hpp"

// The level of the x86-64 psABI, 2 or 3; 0 on other processors. The fourth was at most a tenth faster.
EXPORT int64_t processor_level() {
#ifdef __x86_64__
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") ? 3 : 2;
#else
    return 0;
#endif
}

// Whether it has shuffles of 128 bytes (AVX-512 VBMI), 0 or 1. Only look-ups in long palettes gain from them.
EXPORT int64_t has_long_shuffles() {
#ifdef __x86_64__
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vbmi");
#else
    return 0;
#endif
}
