// A hand-written binding to OpenVINO's C API.
//
// The library exports plain functions whose names begin with ov_. They are looked up by name in a library loaded with
// dlopen, so nothing is needed at build time.
//
// On failure, functions that return bool fill in *error, return false and leave nothing to free.
#ifndef SWERVE_OPENVINO_H
#define SWERVE_OPENVINO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPENVINO_MUST_CHECK __attribute__((warn_unused_result))

enum { OPENVINO_MAXIMUM_RANK = 16, OPENVINO_MAXIMUM_PROPERTIES = 16 };

// Element types, as OpenVINO numbers them. openvino_library_open refuses a library that numbers them otherwise.
enum openvino_type {
    OPENVINO_BOOL = 1,
    OPENVINO_BF16 = 2,
    OPENVINO_F16 = 3,
    OPENVINO_F32 = 4,
    OPENVINO_F64 = 5,
    OPENVINO_I8 = 7,
    OPENVINO_I16 = 8,
    OPENVINO_I32 = 9,
    OPENVINO_I64 = 10,
    OPENVINO_U8 = 16,
    OPENVINO_U16 = 17,
    OPENVINO_U32 = 18,
    OPENVINO_U64 = 19,
};

typedef struct {
    char message[2048];  // zero-terminated
} openvino_error;

typedef struct openvino_library openvino_library;    // a loaded libopenvino_c and its core
typedef struct openvino_model openvino_model;        // a model that was read
typedef struct openvino_compiled openvino_compiled;  // a model compiled for shapes
typedef struct openvino_request openvino_request;    // the memory of one run at a time

typedef struct {
    size_t rank;
    int64_t dimensions[OPENVINO_MAXIMUM_RANK];  // -1 where dynamic
} openvino_shape;

typedef struct {
    int32_t type;
    openvino_shape shape;
    void *data;  // lives until the request runs again or is closed
    size_t count;  // bytes
} openvino_output;

// Loads a library by path or by bare name. It is never unloaded.
bool openvino_library_open(const char *path, openvino_library **out, openvino_error *error) OPENVINO_MUST_CHECK;
const char *openvino_library_version(const openvino_library *library);
// What the CPU can compute, as words such as "FP32 BF16". Owned by the library.
const char *openvino_library_capabilities(const openvino_library *library);

// Reads a model from a file, or from bytes when `path` is NULL.
bool openvino_model_read(const openvino_library *library, const char *path, const char *bytes, size_t count,
                         openvino_model **out, openvino_error *error) OPENVINO_MUST_CHECK;
// Whether the model has this many inputs and outputs. Runs refer to them by their position.
bool openvino_model_has_ports(const openvino_model *model, size_t inputs, size_t outputs);
void openvino_model_close(openvino_model *model);
// Compiles the model for the CPU. `shapes` has one entry for each input. Waits while another model is read or compiled.
bool openvino_model_compile(openvino_model *model, const openvino_shape *shapes, const char *const *keys,
                            const char *const *values, size_t count, openvino_compiled **out, openvino_error *error)
    OPENVINO_MUST_CHECK;
// Whether it was loaded from the folder that the property CACHE_DIR names.
bool openvino_compiled_is_from_cache(const openvino_compiled *compiled);
void openvino_compiled_close(openvino_compiled *compiled);

bool openvino_request_make(const openvino_compiled *compiled, openvino_request **out, openvino_error *error)
    OPENVINO_MUST_CHECK;
void openvino_request_close(openvino_request *request);
// Uses memory as an input. The caller must keep it alive and unchanged until the run has ended.
bool openvino_request_input(openvino_request *request, size_t index, int32_t type, const openvino_shape *shape, void *data,
                            openvino_error *error) OPENVINO_MUST_CHECK;
// Begins a run on the library's threads. It must be waited for.
bool openvino_request_start(openvino_request *request, openvino_error *error) OPENVINO_MUST_CHECK;
// Blocks until the run has ended.
bool openvino_request_wait(openvino_request *request, openvino_error *error) OPENVINO_MUST_CHECK;
// Makes a run that has been started fail soon. Callable from any thread.
void openvino_request_cancel(openvino_request *request);
bool openvino_request_output(openvino_request *request, size_t index, openvino_output *out, openvino_error *error)
    OPENVINO_MUST_CHECK;

#endif
