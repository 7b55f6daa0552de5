// A hand-written binding to the C ABI of ONNX Runtime.
//
// The runtime exports one symbol, OrtGetApiBase. It leads to a table of function pointers whose order never changes
// (new entries are only ever appended). We name only the slots that we use, by position, and load the library with
// dlopen, so nothing is needed at build time.
//
// On failure, functions that return bool fill in *error, return false and leave nothing to free.
#ifndef SWERVE_ONNX_RUNTIME_H
#define SWERVE_ONNX_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONNXRT_MUST_CHECK __attribute__((warn_unused_result))

enum { ONNXRT_MAXIMUM_RANK = 16 };

// Codes above 0 are ONNX Runtime's (OrtErrorCode), codes below 0 are ours.
enum onnxrt_code {
    ONNXRT_CANNOT_LOAD = -1,
    ONNXRT_NOT_A_RUNTIME = -2,
    ONNXRT_TOO_OLD = -3,
    ONNXRT_NO_MEMORY = -4,
    ONNXRT_RANK_TOO_LARGE = -5,
    ONNXRT_NO_GPU_LIBRARY = -6,
    ONNXRT_NO_GPU = -7,
};

// ONNX's number for the element type string.
enum { ONNXRT_STRING = 8 };

// The kind of a value, as ONNX Runtime numbers it.
enum onnxrt_kind { ONNXRT_TENSOR = 1, ONNXRT_SEQUENCE = 2, ONNXRT_MAP = 3, ONNXRT_SPARSE_TENSOR = 5, ONNXRT_OPTIONAL = 6 };

typedef struct {
    int32_t code;
    char message[2048];  // zero-terminated
} onnxrt_error;

typedef struct onnxrt_library onnxrt_library;  // a loaded libonnxruntime
typedef struct onnxrt_session onnxrt_session;  // a session, its inputs and its outputs
typedef struct onnxrt_value onnxrt_value;      // opaque: an OrtValue
typedef struct onnxrt_run onnxrt_run;          // opaque: an OrtRunOptions

typedef struct {
    int32_t intra_op_threads;  // 0: the runtime chooses
    int32_t inter_op_threads;
    int32_t optimization;  // 0 none, 1 basic, 2 extended, 99 all
    int32_t log_severity;  // 0 verbose to 4 fatal
    bool allow_spinning;   // false: idle worker threads sleep at once
    const char *provider;  // NULL: CPU; else "CUDA", "CoreML", ...
    const char *const *provider_keys;
    const char *const *provider_values;
    size_t provider_count;
    const char *const *config_keys;  // session configuration entries
    const char *const *config_values;
    size_t config_count;
    const char *save_to;  // NULL, or a file to write the optimized model to
} onnxrt_options;

typedef struct {
    int32_t element_type;  // ONNX's number: 1 float, 2 uint8, 6 int32, 7 int64, ...; 0 when not a tensor
    size_t rank;
    int64_t dimensions[ONNXRT_MAXIMUM_RANK];  // -1 where dynamic
} onnxrt_shape;

// Loads a library by path or by bare name. It is never unloaded.
bool onnxrt_library_open(const char *path, onnxrt_library **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
const char *onnxrt_library_version(const onnxrt_library *library);
// Calls `visit` for each execution provider in this build of the library.
bool onnxrt_library_providers(const onnxrt_library *library, void (*visit)(void *context, const char *name), void *context,
                              onnxrt_error *error) ONNXRT_MUST_CHECK;

// Opens a session from a file, or from bytes when `path` is NULL.
bool onnxrt_session_open(const onnxrt_library *library, const char *path, const void *bytes, size_t count,
                         const onnxrt_options *options, onnxrt_session **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
void onnxrt_session_close(onnxrt_session *session);
size_t onnxrt_session_port_count(const onnxrt_session *session, bool inputs);
const char *onnxrt_session_port_name(const onnxrt_session *session, bool inputs, size_t index);
onnxrt_shape onnxrt_session_port_shape(const onnxrt_session *session, bool inputs, size_t index);
// One of onnxrt_kind, or another number from ONNX Runtime.
int32_t onnxrt_session_port_kind(const onnxrt_session *session, bool inputs, size_t index);
// The name of a dynamic dimension; "" when it has none.
const char *onnxrt_session_port_symbol(const onnxrt_session *session, bool inputs, size_t index, size_t dimension);

// Makes a tensor over memory that the caller must keep alive and unchanged until the tensor is released.
bool onnxrt_value_over(const onnxrt_library *library, void *data, size_t count, const onnxrt_shape *shape,
                       onnxrt_value **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
// Makes a tensor of text by copying: string i has the bytes from starts[i] to starts[i + 1]. `starts` has one more
// entry than the shape has elements.
bool onnxrt_value_strings(const onnxrt_library *library, const char *bytes, const size_t *starts, const onnxrt_shape *shape,
                          onnxrt_value **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
// The total number of bytes of all strings in a tensor of text.
bool onnxrt_value_strings_length(const onnxrt_library *library, const onnxrt_value *value, size_t *length,
                                 onnxrt_error *error) ONNXRT_MUST_CHECK;
// Copies the strings one after another, and the start of each of the `count` strings. Both arrays have at least one
// element.
bool onnxrt_value_strings_read(const onnxrt_library *library, const onnxrt_value *value, char *bytes, size_t length,
                               size_t *starts, size_t count, onnxrt_error *error) ONNXRT_MUST_CHECK;
// Gives the shape and the memory of a tensor; the memory lives as long as the value. `data` is NULL for text and for
// values that are not tensors.
bool onnxrt_value_view(const onnxrt_library *library, onnxrt_value *value, onnxrt_shape *shape, void **data,
                       onnxrt_error *error) ONNXRT_MUST_CHECK;
void onnxrt_value_release(const onnxrt_library *library, onnxrt_value *value);

bool onnxrt_run_make(const onnxrt_library *library, onnxrt_run **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
// Makes a session_run with this run give back, at its end, memory of the CPU that nobody uses any more.
bool onnxrt_run_return_memory(const onnxrt_library *library, onnxrt_run *run, onnxrt_error *error) ONNXRT_MUST_CHECK;
// Makes a session_run with this run fail soon, even one that has not begun. Callable from any thread.
void onnxrt_run_terminate(const onnxrt_library *library, onnxrt_run *run);
void onnxrt_run_release(const onnxrt_library *library, onnxrt_run *run);

// Blocks until the outputs are ready. Callable from several threads at once. outputs[i] must be NULL on entry.
bool onnxrt_session_run(const onnxrt_session *session, const onnxrt_run *run, const char *const *input_names,
                        onnxrt_value *const *inputs, size_t input_count, const char *const *output_names,
                        onnxrt_value **outputs, size_t output_count, onnxrt_error *error) ONNXRT_MUST_CHECK;

// Reads the memory of an NVIDIA GPU in bytes from the driver's library. `device` is the driver's number for the GPU, or
// a name that begins with "GPU-". `library_name` is NULL for the usual library.
bool onnxrt_gpu_memory(const char *library_name, const char *device, uint64_t *total, onnxrt_error *error) ONNXRT_MUST_CHECK;

#endif
