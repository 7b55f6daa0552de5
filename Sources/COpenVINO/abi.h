// The part of OpenVINO's C API that we use.
#ifndef SWERVE_OPENVINO_ABI_H
#define SWERVE_OPENVINO_ABI_H

#include "openvino.h"

typedef int32_t status;  // 0 is success
enum { INVALID_PARAMETER = -14 };

// These are passed by value, so their layout is part of the ABI.
typedef struct {
    int64_t rank;
    int64_t *dimensions;
} native_shape;
typedef struct {
    int64_t least, most;
} native_dimension;
typedef struct {
    native_dimension rank;
    native_dimension *dimensions;
} native_partial_shape;
typedef struct {
    const char *number, *description;
} native_version;

// The result, the name without "ov_", and the parameters.
#define CALLS(X) \
    X(status, get_openvino_version, (native_version * version)) \
    X(void, version_free, (native_version * version)) \
    X(char *, get_last_err_msg, (void)) \
    X(const char *, get_error_info, (status code)) \
    X(void, free, (const char *text)) \
    X(status, core_create, (void **core)) \
    X(void, core_free, (void *core)) \
    X(status, core_get_property, (const void *core, const char *device, const char *key, char **value)) \
    X(status, core_read_model, (const void *core, const char *path, const char *weights_path, void **model)) \
    X(status, core_read_model_from_memory_buffer, \
      (const void *core, const char *bytes, size_t count, const void *weights, void **model)) \
    X(status, core_compile_model, \
      (const void *core, const void *model, const char *device, size_t argument_count, void **compiled, ...)) \
    X(void, model_free, (void *model)) \
    X(status, model_inputs_size, (const void *model, size_t *count)) \
    X(status, model_outputs_size, (const void *model, size_t *count)) \
    X(status, model_reshape_by_port_indexes, \
      (const void *model, const size_t *ports, const native_partial_shape *shapes, size_t count)) \
    X(status, partial_shape_create, (int64_t rank, const native_dimension *dimensions, native_partial_shape *shape)) \
    X(void, partial_shape_free, (native_partial_shape * shape)) \
    X(status, compiled_model_create_infer_request, (const void *compiled, void **request)) \
    X(status, compiled_model_get_property, (const void *compiled, const char *key, char **value)) \
    X(void, compiled_model_free, (void *compiled)) \
    X(status, infer_request_set_input_tensor_by_index, (void *request, size_t index, const void *tensor)) \
    X(status, infer_request_get_output_tensor_by_index, (const void *request, size_t index, void **tensor)) \
    X(status, infer_request_start_async, (void *request)) \
    X(status, infer_request_wait, (void *request)) \
    X(status, infer_request_cancel, (void *request)) \
    X(void, infer_request_free, (void *request)) \
    X(status, tensor_create_from_host_ptr, (int32_t type, native_shape shape, void *data, void **tensor)) \
    X(status, tensor_create, (int32_t type, native_shape shape, void **tensor)) \
    X(status, tensor_get_shape, (const void *tensor, native_shape *shape)) \
    X(status, tensor_get_element_type, (const void *tensor, int32_t *type)) \
    X(status, tensor_get_size, (const void *tensor, size_t *elements)) \
    X(status, tensor_get_byte_size, (const void *tensor, size_t *count)) \
    X(status, tensor_data, (const void *tensor, void **data)) \
    X(void, tensor_free, (void *tensor)) \
    X(status, shape_free, (native_shape * shape))

#define X(result, name, parameters) result(*name) parameters;
typedef struct {
    CALLS(X)
} api;
#undef X

struct openvino_library {
    api api;
    void *core;
    char *version, *capabilities;
};

// Fills in *error and returns false. `detail` may be NULL.
bool openvino_fail(openvino_error *error, const char *what, const char *detail);
// Returns true for success. Otherwise copies the library's last message to *error and returns false.
bool openvino_ok(const openvino_library *library, status code, openvino_error *error);

#endif
