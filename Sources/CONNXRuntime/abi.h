// The part of ONNX Runtime's ABI that we use.
#ifndef SWERVE_ONNX_ABI_H
#define SWERVE_ONNX_ABI_H

#include "onnx_runtime.h"

// The version of the function table to request: that of onnxruntime 1.16 (2023), which every later version provides.
enum { TABLE_VERSION = 16 };

typedef const void *const *slots;
typedef struct {
    slots (*get_api)(uint32_t version);
    const char *(*version)(void);
} api_base;
typedef void status;  // an OrtStatus; NULL is success

// The slot number, our name for the function, and its parameters. All of these return an OrtStatus *.
#define CALLS(X) \
    X(3, create_env, (int32_t severity, const char *id, void **out)) \
    X(7, session_from_path, (const void *env, const char *path, const void *options, void **out)) \
    X(8, session_from_bytes, (const void *env, const void *bytes, size_t count, const void *options, void **out)) \
    X(9, run, \
      (void *session, const void *run_options, const char *const *input_names, const void *const *inputs, \
       size_t input_count, const char *const *output_names, size_t output_count, void **outputs)) \
    X(10, create_options, (void **out)) \
    X(11, save_optimized, (void *options, const char *path)) \
    X(22, set_log_severity, (void *options, int32_t value)) \
    X(23, set_optimization, (void *options, int32_t value)) \
    X(24, set_intra_threads, (void *options, int32_t value)) \
    X(25, set_inter_threads, (void *options, int32_t value)) \
    X(30, input_count, (const void *session, size_t *out)) \
    X(31, output_count, (const void *session, size_t *out)) \
    X(33, input_type, (const void *session, size_t index, void **out)) \
    X(34, output_type, (const void *session, size_t index, void **out)) \
    X(36, input_name, (const void *session, size_t index, void *allocator, char **out)) \
    X(37, output_name, (const void *session, size_t index, void *allocator, char **out)) \
    X(39, create_run_options, (void **out)) \
    X(46, run_terminate, (void *run_options)) \
    X(48, tensor_of, (void *allocator, const int64_t *dimensions, size_t rank, int32_t type, void **out)) \
    X(49, tensor_over, \
      (const void *memory, void *data, size_t count, const int64_t *dimensions, size_t rank, int32_t type, void **out)) \
    X(50, is_tensor, (const void *value, int *out)) \
    X(51, tensor_data, (void *value, void **out)) \
    X(53, strings_length, (const void *value, size_t *out)) \
    X(54, strings_content, (const void *value, void *out, size_t length, size_t *starts, size_t count)) \
    X(55, as_tensor_type, (const void *type, const void **out)) \
    X(56, kind_of_type, (const void *type, int32_t *out)) \
    X(60, element_type, (const void *tensor_type, int32_t *out)) \
    X(61, rank, (const void *tensor_type, size_t *out)) \
    X(62, dimensions, (const void *tensor_type, int64_t *out, size_t count)) \
    X(63, dimension_names, (const void *tensor_type, const char **out, size_t count)) \
    X(65, value_type, (const void *value, void **out)) \
    X(69, cpu_memory, (int32_t allocator, int32_t memory_type, void **out)) \
    X(76, allocator_free, (void *allocator, void *memory)) \
    X(78, default_allocator, (void **out)) \
    X(125, providers, (char ***out, int *count)) \
    X(126, providers_free, (char **names, int count)) \
    X(130, add_config, (void *options, const char *key, const char *value)) \
    X(165, add_run_config, (void *run_options, const char *key, const char *value)) \
    X(204, append_cuda, (void *options, const void *cuda)) \
    X(205, create_cuda, (void **out)) \
    X(206, update_cuda, (void *cuda, const char *const *keys, const char *const *values, size_t count)) \
    X(216, append_provider, \
      (void *options, const char *name, const char *const *keys, const char *const *values, size_t count)) \
    X(252, string_element, (void *value, size_t index, size_t length, char **out))

// The slot number and the type that the function releases.
#define RELEASES(X) \
    X(92, env) X(93, status) X(94, memory) X(95, session) X(96, value) X(97, run_options) X(98, type) \
    X(99, tensor_type) X(100, options) X(208, cuda)

#define X(slot, name, parameters) typedef status *(*call_##name) parameters; enum { slot_##name = slot };
CALLS(X)
#undef X
#define X(slot, name) enum { slot_release_##name = slot };
RELEASES(X)
#undef X
typedef void (*release_call)(void *);
enum { slot_error_code = 1, slot_error_message = 2 };

#define CALL(library, name) ((call_##name)(library)->api[slot_##name])
#define RELEASE(library, name, pointer) (((release_call)(library)->api[slot_release_##name])(pointer))

struct onnxrt_library {
    slots api;
    const char *version;
    void *env, *memory, *allocator;
};

// Fills in *error and returns false. `detail` may be NULL.
bool onnxrt_fail(onnxrt_error *error, int32_t code, const char *what, const char *detail);
// Returns true for success. Otherwise copies the status' code and message to *error and returns false.
bool onnxrt_ok(const onnxrt_library *library, status *result, onnxrt_error *error);
// Reads the element type and dimensions of a tensor type.
bool onnxrt_read_shape(const onnxrt_library *library, const void *tensor_type, onnxrt_shape *shape, onnxrt_error *error);

#endif
