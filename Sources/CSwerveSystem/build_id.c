#define _GNU_SOURCE
#include "swerve_system.h"
#include <string.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <elf.h>
#include <link.h>

typedef struct {
    uint8_t *id;
    size_t size;
    size_t found;
} search;

static size_t aligned(size_t size) { return (size + 3) & ~(size_t)3; }

// Searches the notes of the first object, which is the program itself.
static int look(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size;
    search *result = data;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[index];
        if (header->p_type != PT_NOTE) continue;
        const uint8_t *note = (const uint8_t *)(object->dlpi_addr + header->p_vaddr);
        const uint8_t *end = note + header->p_memsz;
        while (note + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)note;
            const uint8_t *name = note + sizeof *head;
            const uint8_t *value = name + aligned(head->n_namesz);
            if (value + head->n_descsz > end) break;
            if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                result->found = head->n_descsz < result->size ? head->n_descsz : result->size;
                memcpy(result->id, value, result->found);
                return 1;
            }
            note = value + aligned(head->n_descsz);
        }
    }
    return 1;
}
#endif

size_t swerve_build_id(uint8_t *id, size_t size) {
#if defined(__linux__)
    search result = {id, size, 0};
    dl_iterate_phdr(look, &result);
    return result.found;
#else
    (void)id;
    (void)size;
    return 0;
#endif
}

uint64_t swerve_executable_identity(void) {
    struct stat file;
    if (stat("/proc/self/exe", &file) != 0) return 0;
#if defined(__linux__)
    int64_t parts[] = {file.st_dev, (int64_t)file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
#else
    int64_t parts[] = {file.st_dev, (int64_t)file.st_ino, file.st_size};
#endif
    // FNV-1a.
    uint64_t hash = 0xcbf29ce484222325;
    const uint8_t *bytes = (const uint8_t *)parts;
    for (size_t index = 0; index < sizeof parts; index++) hash = (hash ^ bytes[index]) * 0x100000001b3;
    return hash;
}
