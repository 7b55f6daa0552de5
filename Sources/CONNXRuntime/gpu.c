// Reads how much memory a GPU has through NVML, the management library of the NVIDIA driver. Loaded at run time.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

typedef struct {
    unsigned long long total, unused, used;
} gpu_memory;

typedef struct {
    int (*begin)(void);
    int (*end)(void);
    int (*by_index)(unsigned int index, void **device);
    int (*by_name)(const char *name, void **device);
    int (*memory)(void *device, gpu_memory *memory);
    const char *(*message)(int code);
} driver;

static bool find_calls(void *handle, driver *d) {
    d->begin = (int (*)(void))dlsym(handle, "nvmlInit_v2");
    d->end = (int (*)(void))dlsym(handle, "nvmlShutdown");
    d->by_index = (int (*)(unsigned int, void **))dlsym(handle, "nvmlDeviceGetHandleByIndex_v2");
    d->by_name = (int (*)(const char *, void **))dlsym(handle, "nvmlDeviceGetHandleByUUID");
    d->memory = (int (*)(void *, gpu_memory *))dlsym(handle, "nvmlDeviceGetMemoryInfo");
    d->message = (const char *(*)(int))dlsym(handle, "nvmlErrorString");
    return d->begin && d->end && d->by_index && d->by_name && d->memory && d->message;
}

static bool read_memory(const driver *d, const char *device, uint64_t *total, onnxrt_error *error) {
    void *handle = NULL;
    gpu_memory memory = {0};
    int code = strncmp(device, "GPU-", 4) == 0 ? d->by_name(device, &handle)
                                               : d->by_index((unsigned int)strtoul(device, NULL, 10), &handle);
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
