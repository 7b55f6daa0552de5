#include "support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

bool imgc_fail(imgc_error *error, enum imgc_code code, const char *what, const char *detail) {
    if (error) {
        error->code = code;
        snprintf(error->message, sizeof error->message, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    }
    return false;
}

void *imgc_open_first(const char *const *names) {
    for (; *names; names++) {
        void *handle = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (handle) return handle;
    }
    return NULL;
}

bool imgc_within(const imgc_limits *limits, uint64_t width, uint64_t height, imgc_error *error) {
    if (width == 0 || height == 0) return imgc_fail(error, IMGC_CORRUPT, "the image is empty", NULL);
    // Both fit in 32 bits, so the product fits in 64.
    if (width > limits->max_width || height > limits->max_height || width * height > limits->max_pixels) {
        char message[160];
        snprintf(message, sizeof message, "%llu x %llu pixels, the limit is %u x %u and %llu in all",
                 (unsigned long long)width, (unsigned long long)height, limits->max_width, limits->max_height,
                 (unsigned long long)limits->max_pixels);
        return imgc_fail(error, IMGC_TOO_LARGE, message, NULL);
    }
    return true;
}

void imgc_bytes_free(imgc_bytes *bytes) {
    free(bytes->data);
    *bytes = (imgc_bytes){NULL, 0};
}
