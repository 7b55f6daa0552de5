#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

bool openvino_fail(openvino_error *error, const char *what, const char *detail) {
    if (error) snprintf(error->message, sizeof error->message, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    return false;
}

bool openvino_ok(const openvino_library *library, status code, openvino_error *error) {
    if (code == 0) return true;
    char *message = library->api.get_last_err_msg();
    openvino_fail(error, message && *message ? message : library->api.get_error_info(code), NULL);
    if (message) library->api.free(message);
    return false;
}

static bool find_calls(void *handle, api *calls, openvino_error *error) {
#define X(result, name, parameters) \
    calls->name = (result(*) parameters)dlsym(handle, "ov_" #name); \
    if (!calls->name) \
        return openvino_fail(error, "it is not OpenVINO's C library of 2025 or later, because it lacks", "ov_" #name);
    CALLS(X)
#undef X
    return true;
}

// Element types have no names in the ABI, only numbers, and new ones were put between old ones. The size of an element
// tells whether the numbers are the ones that we know.
static bool check_types(const openvino_library *library, openvino_error *error) {
    static const struct {
        int32_t type;
        size_t bytes;
    } expected[] = {
        {OPENVINO_BOOL, 1}, {OPENVINO_BF16, 2}, {OPENVINO_F16, 2}, {OPENVINO_F32, 4}, {OPENVINO_F64, 8},
        {OPENVINO_I8, 1}, {OPENVINO_I16, 2}, {OPENVINO_I32, 4}, {OPENVINO_I64, 8}, {OPENVINO_U8, 1},
        {OPENVINO_U16, 2}, {OPENVINO_U32, 4}, {OPENVINO_U64, 8},
    };
    int64_t one = 1;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        void *tensor = NULL;
        size_t bytes = 0;
        if (!openvino_ok(library, library->api.tensor_create(expected[i].type, (native_shape){1, &one}, &tensor), error))
            return false;
        bool good = openvino_ok(library, library->api.tensor_get_byte_size(tensor, &bytes), error);
        library->api.tensor_free(tensor);
        if (!good) return false;
        if (bytes != expected[i].bytes)
            return openvino_fail(error, "it numbers element types in an unknown way, so it is too old or too new; found",
                                 library->version);
    }
    return true;
}

static bool read_version(openvino_library *library, openvino_error *error) {
    native_version version = {0};
    if (!openvino_ok(library, library->api.get_openvino_version(&version), error)) return false;
    library->version = strdup(version.number ? version.number : "");
    library->api.version_free(&version);
    return library->version || openvino_fail(error, "out of memory", NULL);
}

static bool read_capabilities(openvino_library *library, openvino_error *error) {
    char *text = NULL;
    status code = library->api.core_get_property(library->core, "CPU", "OPTIMIZATION_CAPABILITIES", &text);
    if (!openvino_ok(library, code, error)) return false;
    library->capabilities = strdup(text ? text : "");
    library->api.free(text);
    return library->capabilities || openvino_fail(error, "out of memory", NULL);
}

bool openvino_library_open(const char *path, openvino_library **out, openvino_error *error) {
    *out = NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return openvino_fail(error, dlerror(), NULL);
    openvino_library *library = calloc(1, sizeof *library);
    if (!library) return openvino_fail(error, "out of memory", NULL);
    if (!find_calls(handle, &library->api, error)) {
        dlclose(handle);
        free(library);
        return false;
    }
    // From here on the library stays loaded even after an error: it keeps threads and statics.
    bool good = read_version(library, error) && check_types(library, error) &&
                openvino_ok(library, library->api.core_create(&library->core), error) && read_capabilities(library, error);
    if (!good) {
        if (library->core) library->api.core_free(library->core);
        free(library->version);
        free(library);
        return false;
    }
    *out = library;
    return true;
}

const char *openvino_library_version(const openvino_library *library) { return library->version; }

const char *openvino_library_capabilities(const openvino_library *library) { return library->capabilities; }
