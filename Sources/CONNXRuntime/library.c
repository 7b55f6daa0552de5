#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

bool onnxrt_fail(onnxrt_error *error, int32_t code, const char *what, const char *detail) {
    if (error) {
        error->code = code;
        snprintf(error->message, sizeof error->message, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    }
    return false;
}

bool onnxrt_ok(const onnxrt_library *library, status *result, onnxrt_error *error) {
    if (!result) return true;
    if (error) {
        int32_t (*code)(const void *) = (int32_t (*)(const void *))library->api[slot_error_code];
        const char *(*message)(const void *) = (const char *(*)(const void *))library->api[slot_error_message];
        error->code = code(result) == 0 ? 1 : code(result);
        snprintf(error->message, sizeof error->message, "%s", message(result));
    }
    RELEASE(library, status, result);
    return false;
}

bool onnxrt_library_open(const char *path, onnxrt_library **out, onnxrt_error *error) {
    *out = NULL;
    // Some builds gather data about their use and send it to their makers. A server does not, unless told to.
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return onnxrt_fail(error, ONNXRT_CANNOT_LOAD, dlerror(), NULL);
    api_base *(*base)(void) = (api_base * (*)(void)) dlsym(handle, "OrtGetApiBase");
    if (!base) {
        dlclose(handle);
        return onnxrt_fail(error, ONNXRT_NOT_A_RUNTIME, "it has no symbol OrtGetApiBase, so it is not ONNX Runtime", NULL);
    }
    slots api = base()->get_api(TABLE_VERSION);
    if (!api) return onnxrt_fail(error, ONNXRT_TOO_OLD, "1.16 is the oldest supported version; found", base()->version());
    onnxrt_library *library = calloc(1, sizeof *library);
    if (!library) return onnxrt_fail(error, ONNXRT_NO_MEMORY, "out of memory", NULL);
    library->api = api;
    library->version = base()->version();
    // Severity 3: errors. Allocator 1: with an arena. Memory type 0: the default.
    if (!onnxrt_ok(library, CALL(library, create_env)(3, "swerve", &library->env), error) ||
        !onnxrt_ok(library, CALL(library, cpu_memory)(1, 0, &library->memory), error) ||
        !onnxrt_ok(library, CALL(library, default_allocator)(&library->allocator), error)) {
        if (library->memory) RELEASE(library, memory, library->memory);
        if (library->env) RELEASE(library, env, library->env);
        free(library);
        return false;
    }
    *out = library;  // never closed: the runtime keeps threads and statics
    return true;
}

const char *onnxrt_library_version(const onnxrt_library *library) { return library->version; }

bool onnxrt_library_providers(const onnxrt_library *library, void (*visit)(void *, const char *), void *context,
                              onnxrt_error *error) {
    char **names = NULL;
    int count = 0;
    if (!onnxrt_ok(library, CALL(library, providers)(&names, &count), error)) return false;
    for (int i = 0; i < count; i++) visit(context, names[i]);
    return onnxrt_ok(library, CALL(library, providers_free)(names, count), error);
}

bool onnxrt_read_shape(const onnxrt_library *library, const void *tensor_type, onnxrt_shape *shape, onnxrt_error *error) {
    if (!onnxrt_ok(library, CALL(library, element_type)(tensor_type, &shape->element_type), error) ||
        !onnxrt_ok(library, CALL(library, rank)(tensor_type, &shape->rank), error))
        return false;
    if (shape->rank > ONNXRT_MAXIMUM_RANK)
        return onnxrt_fail(error, ONNXRT_RANK_TOO_LARGE, "tensors of more than 16 dimensions are not supported", NULL);
    return onnxrt_ok(library, CALL(library, dimensions)(tensor_type, shape->dimensions, shape->rank), error);
}

bool onnxrt_value_over(const onnxrt_library *library, void *data, size_t count, const onnxrt_shape *shape,
                       onnxrt_value **out, onnxrt_error *error) {
    return onnxrt_ok(library,
                     CALL(library, tensor_over)(library->memory, data, count, shape->dimensions, shape->rank,
                                                shape->element_type, (void **)out),
                     error);
}

bool onnxrt_value_view(const onnxrt_library *library, onnxrt_value *value, onnxrt_shape *shape, void **data,
                       onnxrt_error *error) {
    int is_tensor = 0;
    void *tensor_type = NULL;
    *data = NULL;
    *shape = (onnxrt_shape){0};
    if (!onnxrt_ok(library, CALL(library, is_tensor)(value, &is_tensor), error)) return false;
    if (!is_tensor) return true;
    if (!onnxrt_ok(library, CALL(library, value_type)(value, &tensor_type), error)) return false;
    bool good = onnxrt_read_shape(library, tensor_type, shape, error);
    RELEASE(library, tensor_type, tensor_type);
    if (good && shape->element_type == ONNXRT_STRING) return true;
    return good && onnxrt_ok(library, CALL(library, tensor_data)(value, data), error);
}

bool onnxrt_value_strings(const onnxrt_library *library, const char *bytes, const size_t *starts, const onnxrt_shape *shape,
                          onnxrt_value **out, onnxrt_error *error) {
    void *value = NULL;
    *out = NULL;
    if (!onnxrt_ok(library,
                   CALL(library, tensor_of)(library->allocator, shape->dimensions, shape->rank, ONNXRT_STRING, &value),
                   error))
        return false;
    size_t count = 1;
    for (size_t i = 0; i < shape->rank; i++) count *= (size_t)shape->dimensions[i];
    for (size_t i = 0; i < count; i++) {
        char *room = NULL;
        size_t length = starts[i + 1] - starts[i];
        if (!onnxrt_ok(library, CALL(library, string_element)(value, i, length, &room), error)) {
            RELEASE(library, value, value);
            return false;
        }
        if (length > 0) memcpy(room, bytes + starts[i], length);
    }
    *out = value;
    return true;
}

bool onnxrt_value_strings_length(const onnxrt_library *library, const onnxrt_value *value, size_t *length,
                                 onnxrt_error *error) {
    return onnxrt_ok(library, CALL(library, strings_length)(value, length), error);
}

bool onnxrt_value_strings_read(const onnxrt_library *library, const onnxrt_value *value, char *bytes, size_t length,
                               size_t *starts, size_t count, onnxrt_error *error) {
    return onnxrt_ok(library, CALL(library, strings_content)(value, bytes, length, starts, count), error);
}

void onnxrt_value_release(const onnxrt_library *library, onnxrt_value *value) {
    if (value) RELEASE(library, value, value);
}

bool onnxrt_run_make(const onnxrt_library *library, onnxrt_run **out, onnxrt_error *error) {
    return onnxrt_ok(library, CALL(library, create_run_options)((void **)out), error);
}

bool onnxrt_run_return_memory(const onnxrt_library *library, onnxrt_run *run, onnxrt_error *error) {
    return onnxrt_ok(library, CALL(library, add_run_config)(run, "memory.enable_memory_arena_shrinkage", "cpu:0"), error);
}

void onnxrt_run_terminate(const onnxrt_library *library, onnxrt_run *run) {
    // It only sets a flag and should not fail; at worst the run continues.
    (void)onnxrt_ok(library, CALL(library, run_terminate)(run), NULL);
}

void onnxrt_run_release(const onnxrt_library *library, onnxrt_run *run) {
    if (run) RELEASE(library, run_options, run);
}
