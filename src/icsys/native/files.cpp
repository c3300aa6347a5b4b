// What Linux offers to bring many files onto the disk at once. Other systems have none of it: the results say so.

#include "common.hpp"

#include <cerrno>

#ifdef __linux__
#include <sys/vfs.h>
#include <unistd.h>
#endif

// The number that tells kinds of file systems apart (see statfs(2)) of an open file; 0 where it cannot be had.
EXPORT int64_t file_system_type([[maybe_unused]] int64_t descriptor) {
#ifdef __linux__
    struct statfs found;
    return fstatfs(static_cast<int>(descriptor), &found) ? 0 : static_cast<uint32_t>(found.f_type);
#else
    return 0;
#endif
}

// Syncs the whole file system of an open file to the disk; 0, or the number of the error.
EXPORT int64_t sync_file_system([[maybe_unused]] int64_t descriptor) {
#ifdef __linux__
    return syncfs(static_cast<int>(descriptor)) ? errno : 0;
#else
    return ENOSYS;
#endif
}
