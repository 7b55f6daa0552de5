#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

// The library has one last message for the whole process, so calls that may well fail are made one at a time.
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

struct openvino_model {
    const openvino_library *library;
    void *model;
    size_t inputs, outputs;
};

struct openvino_compiled {
    const openvino_library *library;
    void *compiled;
};

static bool count_ports(openvino_model *m, openvino_error *error) {
    return openvino_ok(m->library, m->library->api.model_inputs_size(m->model, &m->inputs), error) &&
           openvino_ok(m->library, m->library->api.model_outputs_size(m->model, &m->outputs), error);
}

bool openvino_model_has_ports(const openvino_model *m, size_t inputs, size_t outputs) {
    return inputs == m->inputs && outputs == m->outputs;
}

bool openvino_model_read(const openvino_library *library, const char *path, const char *bytes, size_t count,
                         openvino_model **out, openvino_error *error) {
    *out = NULL;
    openvino_model *m = calloc(1, sizeof *m);
    if (!m) return openvino_fail(error, "out of memory", NULL);
    *m = (openvino_model){.library = library};
    pthread_mutex_lock(&one_at_a_time);
    status code = path ? library->api.core_read_model(library->core, path, NULL, &m->model)
                       : library->api.core_read_model_from_memory_buffer(library->core, bytes, count, NULL, &m->model);
    bool good = openvino_ok(library, code, error) && count_ports(m, error);
    pthread_mutex_unlock(&one_at_a_time);
    if (!good) {
        openvino_model_close(m);
        return false;
    }
    *out = m;
    return true;
}

void openvino_model_close(openvino_model *m) {
    if (!m) return;
    if (m->model) m->library->api.model_free(m->model);
    free(m);
}

static bool make_shape(const openvino_library *library, const openvino_shape *from, native_partial_shape *to,
                       openvino_error *error) {
    native_dimension dimensions[OPENVINO_MAXIMUM_RANK];
    for (size_t i = 0; i < from->rank; i++)
        dimensions[i] = (native_dimension){from->dimensions[i], from->dimensions[i]};
    return openvino_ok(library, library->api.partial_shape_create((int64_t)from->rank, dimensions, to), error);
}

static bool reshape(openvino_model *m, const openvino_shape *shapes, openvino_error *error) {
    size_t *ports = calloc(m->inputs + 1, sizeof *ports);
    native_partial_shape *native = calloc(m->inputs + 1, sizeof *native);
    bool good = (ports && native) || openvino_fail(error, "out of memory", NULL);
    size_t made = 0;
    for (size_t i = 0; good && i < m->inputs; i++) {
        if (shapes[i].rank == 0) continue;  // a single number has no other shape
        good = make_shape(m->library, &shapes[i], &native[made], error);
        if (good) ports[made++] = i;
    }
    if (good && made > 0)
        good = openvino_ok(m->library, m->library->api.model_reshape_by_port_indexes(m->model, ports, native, made), error);
    for (size_t i = 0; i < made; i++) m->library->api.partial_shape_free(&native[i]);
    free(ports);
    free(native);
    return good;
}

static bool compile(openvino_model *m, const openvino_shape *shapes, const char *const *keys, const char *const *values,
                    size_t count, void **out, openvino_error *error) {
    if (count > OPENVINO_MAXIMUM_PROPERTIES) return openvino_fail(error, "more than 16 properties", NULL);
    if (!reshape(m, shapes, error)) return false;
    // The function takes a variable number of arguments and reads the first 2 * count of them.
    const char *a[2 * OPENVINO_MAXIMUM_PROPERTIES] = {0};
    for (size_t i = 0; i < count; i++) {
        a[2 * i] = keys[i];
        a[2 * i + 1] = values[i];
    }
    status code = m->library->api.core_compile_model(
        m->library->core, m->model, "CPU", 2 * count, out, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10],
        a[11], a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22], a[23], a[24], a[25], a[26], a[27],
        a[28], a[29], a[30], a[31]);
    return openvino_ok(m->library, code, error);
}

bool openvino_model_compile(openvino_model *m, const openvino_shape *shapes, const char *const *keys,
                            const char *const *values, size_t count, openvino_compiled **out, openvino_error *error) {
    *out = NULL;
    openvino_compiled *c = calloc(1, sizeof *c);
    if (!c) return openvino_fail(error, "out of memory", NULL);
    c->library = m->library;
    pthread_mutex_lock(&one_at_a_time);
    bool good = compile(m, shapes, keys, values, count, &c->compiled, error);
    pthread_mutex_unlock(&one_at_a_time);
    if (!good) {
        free(c);
        return false;
    }
    *out = c;
    return true;
}

bool openvino_compiled_is_from_cache(const openvino_compiled *c) {
    char *text = NULL;
    status code = c->library->api.compiled_model_get_property(c->compiled, "LOADED_FROM_CACHE", &text);
    bool is_cached = code == 0 && text && strcmp(text, "YES") == 0;
    if (text) c->library->api.free(text);
    return is_cached;
}

void openvino_compiled_close(openvino_compiled *c) {
    if (!c) return;
    c->library->api.compiled_model_free(c->compiled);
    free(c);
}

struct openvino_request {
    const openvino_library *library;
    void *request;
};

bool openvino_request_make(const openvino_compiled *c, openvino_request **out, openvino_error *error) {
    *out = NULL;
    openvino_request *r = calloc(1, sizeof *r);
    if (!r) return openvino_fail(error, "out of memory", NULL);
    r->library = c->library;
    if (!openvino_ok(c->library, c->library->api.compiled_model_create_infer_request(c->compiled, &r->request), error)) {
        free(r);
        return false;
    }
    *out = r;
    return true;
}

void openvino_request_close(openvino_request *r) {
    if (!r) return;
    r->library->api.infer_request_free(r->request);
    free(r);
}

bool openvino_request_input(openvino_request *r, size_t index, int32_t type, const openvino_shape *shape, void *data,
                            openvino_error *error) {
    const api *calls = &r->library->api;
    void *tensor = NULL;
    native_shape native = {(int64_t)shape->rank, (int64_t *)shape->dimensions};
    if (!openvino_ok(r->library, calls->tensor_create_from_host_ptr(type, native, data, &tensor), error)) return false;
    bool good = openvino_ok(r->library, calls->infer_request_set_input_tensor_by_index(r->request, index, tensor), error);
    calls->tensor_free(tensor);  // the request holds it, too
    return good;
}

bool openvino_request_start(openvino_request *r, openvino_error *error) {
    return openvino_ok(r->library, r->library->api.infer_request_start_async(r->request), error);
}

bool openvino_request_wait(openvino_request *r, openvino_error *error) {
    return openvino_ok(r->library, r->library->api.infer_request_wait(r->request), error);
}

void openvino_request_cancel(openvino_request *r) {
    // At worst the run continues.
    (void)openvino_ok(r->library, r->library->api.infer_request_cancel(r->request), NULL);
}

static bool read_shape(const openvino_library *library, const void *tensor, openvino_shape *out, openvino_error *error) {
    size_t elements = 0;
    native_shape shape = {0};
    if (!openvino_ok(library, library->api.tensor_get_size(tensor, &elements), error)) return false;
    status code = library->api.tensor_get_shape(tensor, &shape);
    // The C API has no shape for a single number.
    if (code == INVALID_PARAMETER && elements == 1) return true;
    if (!openvino_ok(library, code, error)) return false;
    bool good = shape.rank <= OPENVINO_MAXIMUM_RANK ||
                openvino_fail(error, "tensors of more than 16 dimensions are not supported", NULL);
    if (good) {
        out->rank = (size_t)shape.rank;
        memcpy(out->dimensions, shape.dimensions, (size_t)shape.rank * sizeof(int64_t));
    }
    (void)library->api.shape_free(&shape);
    return good;
}

static bool read_tensor(const openvino_library *library, const void *tensor, openvino_output *out, openvino_error *error) {
    const api *calls = &library->api;
    if (!read_shape(library, tensor, &out->shape, error) ||
        !openvino_ok(library, calls->tensor_get_element_type(tensor, &out->type), error) ||
        !openvino_ok(library, calls->tensor_get_byte_size(tensor, &out->count), error))
        return false;
    // An empty tensor has no memory, and asking for it is an error.
    return out->count == 0 || openvino_ok(library, calls->tensor_data(tensor, &out->data), error);
}

bool openvino_request_output(openvino_request *r, size_t index, openvino_output *out, openvino_error *error) {
    *out = (openvino_output){0};
    void *tensor = NULL;
    status code = r->library->api.infer_request_get_output_tensor_by_index(r->request, index, &tensor);
    if (!openvino_ok(r->library, code, error)) return false;
    bool good = read_tensor(r->library, tensor, out, error);
    r->library->api.tensor_free(tensor);  // the request holds the memory
    return good;
}
