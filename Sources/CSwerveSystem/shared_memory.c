#define _GNU_SOURCE
#include "swerve_system.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__) && defined(MFD_ALLOW_SEALING)

static const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// Maps the file behind memory of this process alone, which is one page long.
static void *map(int descriptor, size_t bytes, int flags) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *front = mmap(NULL, page + bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (front == MAP_FAILED) return NULL;
    if (mmap(front + page, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, descriptor, 0) == MAP_FAILED) {
        int reason = errno;
        munmap(front, page + bytes);
        errno = reason;
        return NULL;
    }
    return front + page;
}

void *swerve_segment_make(const char *name, int64_t bytes, swerve_segment_place *place) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return NULL;
    struct stat status;
    void *memory = NULL;
    if (ftruncate(descriptor, bytes) == 0 && fcntl(descriptor, F_ADD_SEALS, seals) == 0 &&
        fstat(descriptor, &status) == 0) {
        memory = map(descriptor, (size_t)bytes, MAP_SHARED);
    }
    if (!memory) {
        int reason = errno;
        close(descriptor);
        errno = reason;
        return NULL;
    }
    *place = (swerve_segment_place){descriptor, (uint64_t)status.st_dev, (uint64_t)status.st_ino, bytes};
    return memory;
}

void *swerve_segment_open(int32_t process, const swerve_segment_place *place) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", process, place->descriptor);
    // Should the number now mean something else, opening it must not wait.
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) return NULL;
    struct stat status;
    void *memory = NULL;
    if (fstat(descriptor, &status) == 0) {
        int found = fcntl(descriptor, F_GET_SEALS);
        if (place->bytes > 0 && status.st_size == place->bytes && (uint64_t)status.st_dev == place->device &&
            (uint64_t)status.st_ino == place->inode && found >= 0 && (found & seals) == seals) {
            memory = map(descriptor, (size_t)place->bytes, MAP_PRIVATE | MAP_NORESERVE);
        } else {
            errno = EINVAL;
        }
    }
    int reason = errno;
    close(descriptor);
    errno = reason;
    return memory;
}

void swerve_segment_discard(void *memory, int64_t bytes) { (void)madvise(memory, (size_t)bytes, MADV_DONTNEED); }

void swerve_segment_unmap(void *memory, int64_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    (void)munmap((char *)memory - page, page + (size_t)bytes);
}

#else

void *swerve_segment_make(const char *name, int64_t bytes, swerve_segment_place *place) {
    (void)name;
    (void)bytes;
    (void)place;
    errno = ENOSYS;
    return NULL;
}
void *swerve_segment_open(int32_t process, const swerve_segment_place *place) {
    (void)process;
    (void)place;
    errno = ENOSYS;
    return NULL;
}
void swerve_segment_discard(void *memory, int64_t bytes) {
    (void)memory;
    (void)bytes;
}
void swerve_segment_unmap(void *memory, int64_t bytes) {
    (void)memory;
    (void)bytes;
}

#endif
