#include <stdlib.h>
#include <string.h>

#include "abi.h"

typedef struct {
    char *name;
    int32_t kind;
    onnxrt_shape shape;
    char *symbols[ONNXRT_MAXIMUM_RANK];
} port;

typedef struct {
    port *ports;
    size_t count;
} port_list;

struct onnxrt_session {
    const onnxrt_library *library;
    void *session;
    port_list inputs, outputs;
};

static bool append_cuda(const onnxrt_library *library, const onnxrt_options *options, void *native, onnxrt_error *error) {
    void *cuda = NULL;
    if (!onnxrt_ok(library, CALL(library, create_cuda)(&cuda), error)) return false;
    bool good = options->provider_count == 0 ||
                onnxrt_ok(library,
                          CALL(library, update_cuda)(cuda, options->provider_keys, options->provider_values,
                                                     options->provider_count),
                          error);
    good = good && onnxrt_ok(library, CALL(library, append_cuda)(native, cuda), error);
    RELEASE(library, cuda, cuda);
    return good;
}

static bool make_options(const onnxrt_library *library, const onnxrt_options *options, void **out, onnxrt_error *error) {
    void *native = NULL;
    if (!onnxrt_ok(library, CALL(library, create_options)(&native), error)) return false;
    const char *spinning = options->allow_spinning ? "1" : "0";
    bool good =
        onnxrt_ok(library, CALL(library, set_log_severity)(native, options->log_severity), error) &&
        onnxrt_ok(library, CALL(library, set_optimization)(native, options->optimization), error) &&
        onnxrt_ok(library, CALL(library, set_intra_threads)(native, options->intra_op_threads), error) &&
        onnxrt_ok(library, CALL(library, set_inter_threads)(native, options->inter_op_threads), error) &&
        onnxrt_ok(library, CALL(library, add_config)(native, "session.intra_op.allow_spinning", spinning), error) &&
        onnxrt_ok(library, CALL(library, add_config)(native, "session.inter_op.allow_spinning", spinning), error);
    for (size_t i = 0; good && i < options->config_count; i++)
        good = onnxrt_ok(library, CALL(library, add_config)(native, options->config_keys[i], options->config_values[i]), error);
    if (good && options->save_to) good = onnxrt_ok(library, CALL(library, save_optimized)(native, options->save_to), error);
    if (good && options->provider && strcmp(options->provider, "CUDA") == 0) {
        good = append_cuda(library, options, native, error);
    } else if (good && options->provider) {
        good = onnxrt_ok(library,
                         CALL(library, append_provider)(native, options->provider, options->provider_keys,
                                                        options->provider_values, options->provider_count),
                         error);
    }
    if (!good) {
        RELEASE(library, options, native);
        return false;
    }
    *out = native;
    return true;
}

static bool copy_string(const char *from, char **to, onnxrt_error *error) {
    *to = strdup(from ? from : "");
    return *to || onnxrt_fail(error, ONNXRT_NO_MEMORY, "out of memory", NULL);
}

static bool read_port_type(const onnxrt_library *library, const void *type, port *p, onnxrt_error *error) {
    const void *tensor_type = NULL;  // belongs to `type`; NULL for sequences and maps
    const char *names[ONNXRT_MAXIMUM_RANK] = {0};
    if (!onnxrt_ok(library, CALL(library, kind_of_type)(type, &p->kind), error)) return false;
    if (p->kind != ONNXRT_TENSOR) return true;
    if (!onnxrt_ok(library, CALL(library, as_tensor_type)(type, &tensor_type), error)) return false;
    if (!tensor_type) return true;
    if (!onnxrt_read_shape(library, tensor_type, &p->shape, error) ||
        !onnxrt_ok(library, CALL(library, dimension_names)(tensor_type, names, p->shape.rank), error))
        return false;
    for (size_t i = 0; i < p->shape.rank; i++)
        if (!copy_string(names[i], &p->symbols[i], error)) return false;
    return true;
}

static bool read_port(onnxrt_session *s, bool inputs, size_t index, port *p, onnxrt_error *error) {
    const onnxrt_library *library = s->library;
    char *name = NULL;
    void *type = NULL;
    call_input_name read_name = inputs ? CALL(library, input_name) : CALL(library, output_name);
    call_input_type read_type = inputs ? CALL(library, input_type) : CALL(library, output_type);
    if (!onnxrt_ok(library, read_name(s->session, index, library->allocator, &name), error)) return false;
    bool good = copy_string(name, &p->name, error);
    good &= onnxrt_ok(library, CALL(library, allocator_free)(library->allocator, name), good ? error : NULL);
    if (!good || !onnxrt_ok(library, read_type(s->session, index, &type), error)) return false;
    good = read_port_type(library, type, p, error);
    RELEASE(library, type, type);
    return good;
}

static bool read_ports(onnxrt_session *s, bool inputs, port_list *list, onnxrt_error *error) {
    const onnxrt_library *library = s->library;
    size_t count = 0;
    call_input_count read_count = inputs ? CALL(library, input_count) : CALL(library, output_count);
    if (!onnxrt_ok(library, read_count(s->session, &count), error)) return false;
    list->ports = calloc(count ? count : 1, sizeof *list->ports);
    if (!list->ports) return onnxrt_fail(error, ONNXRT_NO_MEMORY, "out of memory", NULL);
    list->count = count;
    for (size_t i = 0; i < count; i++)
        if (!read_port(s, inputs, i, &list->ports[i], error)) return false;
    return true;
}

bool onnxrt_session_open(const onnxrt_library *library, const char *path, const void *bytes, size_t count,
                         const onnxrt_options *options, onnxrt_session **out, onnxrt_error *error) {
    *out = NULL;
    void *native = NULL;
    onnxrt_session *s = calloc(1, sizeof *s);
    if (!s) return onnxrt_fail(error, ONNXRT_NO_MEMORY, "out of memory", NULL);
    s->library = library;
    bool good = make_options(library, options, &native, error);
    if (good) {
        status *result = path ? CALL(library, session_from_path)(library->env, path, native, &s->session)
                              : CALL(library, session_from_bytes)(library->env, bytes, count, native, &s->session);
        good = onnxrt_ok(library, result, error);
        RELEASE(library, options, native);
    }
    good = good && read_ports(s, true, &s->inputs, error) && read_ports(s, false, &s->outputs, error);
    if (!good) {
        onnxrt_session_close(s);
        return false;
    }
    *out = s;
    return true;
}

static void free_ports(port_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->ports[i].name);
        for (size_t k = 0; k < ONNXRT_MAXIMUM_RANK; k++) free(list->ports[i].symbols[k]);
    }
    free(list->ports);
}

void onnxrt_session_close(onnxrt_session *s) {
    if (!s) return;
    if (s->session) RELEASE(s->library, session, s->session);
    free_ports(&s->inputs);
    free_ports(&s->outputs);
    free(s);
}

static const port_list *list_of(const onnxrt_session *s, bool inputs) { return inputs ? &s->inputs : &s->outputs; }

size_t onnxrt_session_port_count(const onnxrt_session *s, bool inputs) { return list_of(s, inputs)->count; }

const char *onnxrt_session_port_name(const onnxrt_session *s, bool inputs, size_t index) {
    return list_of(s, inputs)->ports[index].name;
}

onnxrt_shape onnxrt_session_port_shape(const onnxrt_session *s, bool inputs, size_t index) {
    return list_of(s, inputs)->ports[index].shape;
}

int32_t onnxrt_session_port_kind(const onnxrt_session *s, bool inputs, size_t index) {
    return list_of(s, inputs)->ports[index].kind;
}

const char *onnxrt_session_port_symbol(const onnxrt_session *s, bool inputs, size_t index, size_t dimension) {
    return list_of(s, inputs)->ports[index].symbols[dimension];
}

bool onnxrt_session_run(const onnxrt_session *s, const onnxrt_run *run, const char *const *input_names,
                        onnxrt_value *const *inputs, size_t input_count, const char *const *output_names,
                        onnxrt_value **outputs, size_t output_count, onnxrt_error *error) {
    status *result = CALL(s->library, run)(s->session, run, input_names, (const void *const *)inputs, input_count,
                                           output_names, output_count, (void **)outputs);
    return onnxrt_ok(s->library, result, error);
}
