// A hand-written binding to the C ABI of ONNX Runtime.
//
// The runtime exports one symbol, OrtGetApiBase. It leads to a table of function pointers whose order never changes (new
// entries are only ever appended). We name just the slots that we use, by position, and reach the library with dlopen, so
// nothing is needed at build time.
//
// Functions that return bool fill in *error and leave nothing to free when they return false.
#ifndef SWERVE_ONNX_RUNTIME_H
#define SWERVE_ONNX_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONNXRT_MUST_CHECK __attribute__((warn_unused_result))

enum { ONNXRT_MAXIMUM_RANK = 16 };

// Codes above 0 are those of ONNX Runtime (OrtErrorCode), those below are ours.
enum onnxrt_code {
    ONNXRT_CANNOT_LOAD = -1,
    ONNXRT_NOT_A_RUNTIME = -2,
    ONNXRT_TOO_OLD = -3,
    ONNXRT_NO_MEMORY = -4,
    ONNXRT_RANK_TOO_LARGE = -5,
    ONNXRT_NO_GPU_LIBRARY = -6,
    ONNXRT_NO_GPU = -7,
};

// The number of text among the element types of ONNX.
enum { ONNXRT_STRING = 8 };

// What a value is, as ONNX Runtime numbers it.
enum onnxrt_kind { ONNXRT_TENSOR = 1, ONNXRT_SEQUENCE = 2, ONNXRT_MAP = 3, ONNXRT_SPARSE_TENSOR = 5, ONNXRT_OPTIONAL = 6 };

typedef struct {
    int32_t code;
    char message[2048];  // ends in 0
} onnxrt_error;

typedef struct onnxrt_library onnxrt_library;  // a loaded libonnxruntime
typedef struct onnxrt_session onnxrt_session;  // a session, its inputs and its outputs
typedef struct onnxrt_value onnxrt_value;      // opaque: an OrtValue
typedef struct onnxrt_run onnxrt_run;          // opaque: an OrtRunOptions

typedef struct {
    int32_t intra_op_threads;  // 0: the choice of the runtime
    int32_t inter_op_threads;
    int32_t optimization;  // 0 none, 1 basic, 2 extended, 99 all
    int32_t log_severity;  // 0 verbose to 4 fatal
    bool allow_spinning;   // false: workers without work sleep at once
    const char *provider;  // NULL: CPU; else "CUDA", "CoreML", ...
    const char *const *provider_keys;
    const char *const *provider_values;
    size_t provider_count;
    const char *const *config_keys;  // entries of the configuration of the session
    const char *const *config_values;
    size_t config_count;
    const char *save_to;  // NULL, or a file to write the optimized model to
} onnxrt_options;

typedef struct {
    int32_t element_type;  // of ONNX: 1 float, 2 uint8, 6 int32, 7 int64, ...; 0 for what is not a tensor
    size_t rank;
    int64_t dimensions[ONNXRT_MAXIMUM_RANK];  // -1 where dynamic
} onnxrt_shape;

// Loads a file, or a library by its bare name. It stays loaded for good.
bool onnxrt_library_open(const char *path, onnxrt_library **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
const char *onnxrt_library_version(const onnxrt_library *library);
// Calls `visit` for each execution provider that this build has.
bool onnxrt_library_providers(const onnxrt_library *library, void (*visit)(void *context, const char *name), void *context,
                              onnxrt_error *error) ONNXRT_MUST_CHECK;

// From a file, or from bytes when `path` is NULL.
bool onnxrt_session_open(const onnxrt_library *library, const char *path, const void *bytes, size_t count,
                         const onnxrt_options *options, onnxrt_session **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
void onnxrt_session_close(onnxrt_session *session);
size_t onnxrt_session_port_count(const onnxrt_session *session, bool inputs);
const char *onnxrt_session_port_name(const onnxrt_session *session, bool inputs, size_t index);
onnxrt_shape onnxrt_session_port_shape(const onnxrt_session *session, bool inputs, size_t index);
// One of onnxrt_kind, or another number that ONNX Runtime gives.
int32_t onnxrt_session_port_kind(const onnxrt_session *session, bool inputs, size_t index);
// The name of a dynamic dimension; "" when it has none.
const char *onnxrt_session_port_symbol(const onnxrt_session *session, bool inputs, size_t index, size_t dimension);

// A tensor over memory that the caller keeps alive, and does not change, until it is released.
bool onnxrt_value_over(const onnxrt_library *library, void *data, size_t count, const onnxrt_shape *shape,
                       onnxrt_value **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
// A tensor of text, which is copied: string i has the bytes from starts[i] to starts[i + 1]. `starts` has one entry more
// than the shape has elements.
bool onnxrt_value_strings(const onnxrt_library *library, const char *bytes, const size_t *starts, const onnxrt_shape *shape,
                          onnxrt_value **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
// How many bytes all strings of a tensor of text have together.
bool onnxrt_value_strings_length(const onnxrt_library *library, const onnxrt_value *value, size_t *length,
                                 onnxrt_error *error) ONNXRT_MUST_CHECK;
// The strings one after the other, and the start of each of `count` strings. Both arrays have at least one element.
bool onnxrt_value_strings_read(const onnxrt_library *library, const onnxrt_value *value, char *bytes, size_t length,
                               size_t *starts, size_t count, onnxrt_error *error) ONNXRT_MUST_CHECK;
// The shape and the memory of a tensor; the memory lives as long as the value. `data` stays NULL for other than tensors
// and for text.
bool onnxrt_value_view(const onnxrt_library *library, onnxrt_value *value, onnxrt_shape *shape, void **data,
                       onnxrt_error *error) ONNXRT_MUST_CHECK;
void onnxrt_value_release(const onnxrt_library *library, onnxrt_value *value);

bool onnxrt_run_make(const onnxrt_library *library, onnxrt_run **out, onnxrt_error *error) ONNXRT_MUST_CHECK;
// Makes a session_run with this run fail soon, also one that has not begun. Callable from any thread.
void onnxrt_run_terminate(const onnxrt_library *library, onnxrt_run *run);
void onnxrt_run_release(const onnxrt_library *library, onnxrt_run *run);

// Blocks until the outputs are there; callable from several threads at once. outputs[i] is NULL on entry.
bool onnxrt_session_run(const onnxrt_session *session, const onnxrt_run *run, const char *const *input_names,
                        onnxrt_value *const *inputs, size_t input_count, const char *const *output_names,
                        onnxrt_value **outputs, size_t output_count, onnxrt_error *error) ONNXRT_MUST_CHECK;

// The memory of a GPU of NVIDIA in bytes, as the library of its driver tells it. `device` is a number as the driver counts
// them, or a name that begins with "GPU-". `library_name` is NULL for the usual one.
bool onnxrt_gpu_memory(const char *library_name, const char *device, uint64_t *total, onnxrt_error *error) ONNXRT_MUST_CHECK;

// The cores that the affinity of this process allows, or all that are online.
int onnxrt_allowed_cores(void);
// Gives memory that was freed back to the system, where the allocator keeps it.
void onnxrt_return_memory(void);

#endif
