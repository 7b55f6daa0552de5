// Reads how much memory a GPU has through NVML, the management library of the NVIDIA driver. Loaded at run time.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

typedef struct {
    unsigned long long total, unused, used;
} gpu_memory;

typedef struct {
    int (*begin)(void);
    int (*end)(void);
    int (*count)(unsigned int *count);
    int (*by_index)(unsigned int index, void **device);
    int (*by_name)(const char *name, void **device);
    int (*name)(void *device, char *name, unsigned int size);
    int (*memory)(void *device, gpu_memory *memory);
    const char *(*message)(int code);
    // Of GPUs that can be divided. Old drivers lack these.
    int (*part_mode)(void *device, unsigned int *current, unsigned int *pending);
    int (*part_limit)(void *device, unsigned int *count);
    int (*part)(void *device, unsigned int index, void **part);
    int (*gpu_instance)(void *device, unsigned int *id);
    int (*compute_instance)(void *device, unsigned int *id);
} driver;

enum { NOT_FOUND = 6, NAME_SIZE = 96 };

static bool find_calls(void *handle, driver *d) {
#define FIND(field, symbol) *(void **)&d->field = dlsym(handle, symbol)
    FIND(begin, "nvmlInit_v2");
    FIND(end, "nvmlShutdown");
    FIND(count, "nvmlDeviceGetCount_v2");
    FIND(by_index, "nvmlDeviceGetHandleByIndex_v2");
    FIND(by_name, "nvmlDeviceGetHandleByUUID");
    FIND(name, "nvmlDeviceGetUUID");
    FIND(memory, "nvmlDeviceGetMemoryInfo");
    FIND(message, "nvmlErrorString");
    FIND(part_mode, "nvmlDeviceGetMigMode");
    FIND(part_limit, "nvmlDeviceGetMaxMigDeviceCount");
    FIND(part, "nvmlDeviceGetMigDeviceHandleByIndex");
    FIND(gpu_instance, "nvmlDeviceGetGpuInstanceId");
    FIND(compute_instance, "nvmlDeviceGetComputeInstanceId");
#undef FIND
    if (!d->part_limit || !d->part || !d->gpu_instance || !d->compute_instance) d->part_mode = NULL;
    return d->begin && d->end && d->count && d->by_index && d->by_name && d->name && d->memory && d->message;
}

static bool is_divided(const driver *d, void *device) {
    unsigned int current = 0, pending = 0;
    return d->part_mode && d->part_mode(device, &current, &pending) == 0 && current == 1;
}

static bool has_name(const driver *d, void *device, const char *beginning) {
    char name[NAME_SIZE] = {0};
    return d->name(device, name, sizeof name) == 0 && strncmp(name, beginning, strlen(beginning)) == 0;
}

// A part of a GPU: the one with these instances, or the one whose name begins so, or, with neither, the first.
static int find_part(const driver *d, void *gpu, const char *beginning, const unsigned int *instances, void **found) {
    unsigned int limit = 0;
    if (!is_divided(d, gpu) || d->part_limit(gpu, &limit) != 0) return NOT_FOUND;
    for (unsigned int i = 0; i < limit; i++) {
        void *part = NULL;
        unsigned int gi = 0, ci = 0;
        if (d->part(gpu, i, &part) != 0) continue;
        if (instances && (d->gpu_instance(part, &gi) != 0 || d->compute_instance(part, &ci) != 0 ||
                          gi != instances[0] || ci != instances[1])) continue;
        if (beginning && !has_name(d, part, beginning)) continue;
        *found = part;
        return 0;
    }
    return NOT_FOUND;
}

// MIG-GPU-<name>/<GPU instance>/<compute instance>: how drivers before version 470 named parts, and CUDA still does.
static int find_numbered_part(const driver *d, const char *name, void **found) {
    char gpu_name[NAME_SIZE] = {0};
    unsigned int instances[2];
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;
    if (!slash || length >= sizeof gpu_name || sscanf(slash, "/%u/%u", &instances[0], &instances[1]) != 2)
        return NOT_FOUND;
    memcpy(gpu_name, name, length);
    void *gpu = NULL;
    int code = d->by_name(gpu_name, &gpu);
    return code == 0 ? find_part(d, gpu, NULL, instances, found) : code;
}

// The GPU or part whose name begins so: CUDA takes names that are cut short, NVML does not.
static int find_beginning(const driver *d, const char *beginning, void **found) {
    unsigned int count = 0;
    if (d->count(&count) != 0) return NOT_FOUND;
    for (unsigned int i = 0; i < count; i++) {
        void *gpu = NULL;
        if (d->by_index(i, &gpu) != 0) continue;
        if (has_name(d, gpu, beginning)) {
            *found = gpu;
            return 0;
        }
        if (find_part(d, gpu, beginning, NULL, found) == 0) return 0;
    }
    return NOT_FOUND;
}

static int find_device(const driver *d, const char *device, void **found) {
    bool is_part = strncmp(device, "MIG-", 4) == 0;
    if (!is_part && strncmp(device, "GPU-", 4) != 0) {
        int code = d->by_index((unsigned int)strtoul(device, NULL, 10), found);
        // CUDA sees only the first part of a divided GPU.
        if (code == 0 && is_divided(d, *found)) code = find_part(d, *found, NULL, NULL, found);
        return code;
    }
    int code = d->by_name(device, found);
    if (code != 0 && strncmp(device, "MIG-GPU-", 8) == 0) return find_numbered_part(d, device + 4, found);
    if (code != 0 && find_beginning(d, device, found) == 0) return 0;
    return code;
}

static bool read_memory(const driver *d, const char *device, uint64_t *total, onnxrt_error *error) {
    void *handle = NULL;
    gpu_memory memory = {0};
    int code = find_device(d, device, &handle);
    if (code == 0) code = d->memory(handle, &memory);
    if (code != 0) return onnxrt_fail(error, ONNXRT_NO_GPU, device, d->message(code));
    *total = memory.total;
    return true;
}

bool onnxrt_gpu_memory(const char *library_name, const char *device, uint64_t *total, onnxrt_error *error) {
    void *handle = dlopen(library_name ? library_name : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return onnxrt_fail(error, ONNXRT_NO_GPU_LIBRARY, dlerror(), NULL);
    driver d = {0};
    bool good = false;
    if (!find_calls(handle, &d)) {
        good = onnxrt_fail(error, ONNXRT_NO_GPU_LIBRARY, "it lacks a function of NVML", library_name);
    } else {
        int code = d.begin();
        if (code != 0) {
            good = onnxrt_fail(error, ONNXRT_NO_GPU, "NVML does not start", d.message(code));
        } else {
            good = read_memory(&d, device, total, error);
            (void)d.end();
        }
    }
    dlclose(handle);
    return good;
}
