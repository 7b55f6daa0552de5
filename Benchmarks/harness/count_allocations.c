// Preloaded into a program: counts its calls for memory in a file of its own, `PID` in the folder that ALLOCATION_COUNTS
// names. Children that inherit the variables have files of their own.

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

// Until the file is there.
static atomic_ulong early;
static atomic_ulong *count = &early;

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("ALLOCATION_COUNTS");
    char path[4096];
    if (!folder || snprintf(path, sizeof path, "%s/%d", folder, (int)getpid()) >= (int)sizeof path) return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (ftruncate(file, sizeof *count) == 0) {
        void *page = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) count = page;
    }
    close(file);
}

static void one(void) {
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
    one();
    return __libc_malloc(size);
}

void *calloc(size_t members, size_t size) {
    one();
    return __libc_calloc(members, size);
}

void *realloc(void *pointer, size_t size) {
    one();
    return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
    one();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    one();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    one();
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *pointer = memory;
    return 0;
}
