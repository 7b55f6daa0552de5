// The functions of libjpeg-turbo's libjpeg that we use, found with dlsym, and the part of its structures that they
// share with their caller. TurboJPEG, the other interface of that project, does not tell how many rows it decoded.
#ifndef IMGC_JPEG_LIBRARY_H
#define IMGC_JPEG_LIBRARY_H

#include <setjmp.h>

#include "support.h"

enum { JPEG_COLORS_GRAY = 1, JPEG_COLORS_RGB = 2, JPEG_COLORS_CMYK = 4, JPEG_COLORS_RGBA = 12 };
enum { JPEG_SUSPENDED = 0, JPEG_HEADER_READ = 1 };

struct jpeg_errors {
    void (*exit)(void *codec);
    void (*emit)(void *codec, int level);
    void (*output)(void *codec);
    void (*format)(void *codec, char *buffer);
    void (*reset)(void *codec);
    int code;
    union {
        int numbers[8];
        char text[80];
    } parameters;
    int trace_level;
    long warnings;
    const char *const *messages;
    int last_message;
    const char *const *more_messages;
    int first_more, last_more;
};

struct jpeg_source {
    const uint8_t *next;
    size_t count;
    void (*init)(void *codec);
    int (*fill)(void *codec);
    void (*skip)(void *codec, long count);
    int (*resync)(void *codec, int desired);
    void (*term)(void *codec);
};

struct jpeg_target {
    uint8_t *next;
    size_t free;
    void (*init)(void *codec);
    int (*empty)(void *codec);
    void (*term)(void *codec);
};

struct jpeg_progress {
    void (*monitor)(void *codec);
    long counter, limit;
    int completed, total;
};

// How jpeg_compress_struct and jpeg_decompress_struct begin.
struct jpeg_codec {
    struct jpeg_errors *errors;
    void *memory;
    struct jpeg_progress *progress;
    void *client;
    int is_decoder, state;
};

// How jpeg_decompress_struct begins in every libjpeg since version 6b.
struct jpeg_decoder {
    struct jpeg_codec codec;
    struct jpeg_source *source;
    unsigned width, height;
    int components, file_colors, colors;
    unsigned scale, scale_divisor;
    double gamma;
    int buffered, raw, dct, fancy_upsampling, block_smoothing;
    int quantize, dither, two_pass, wanted_colors, one_pass_later, external_later, two_pass_later;
    unsigned output_width, output_height;
    int output_colors, output_components, recommended_rows;
    int color_count;
    void *color_map;
    unsigned row;  // the next to be read
    int scan;      // the number of the scan that is being decoded, from 1
};

// How jpeg_compress_struct begins in every libjpeg since version 6b.
struct jpeg_encoder {
    struct jpeg_codec codec;
    struct jpeg_target *target;
    unsigned width, height;
    int components, colors;
};

// Room for the whole structures, whose size differs between versions.
union jpeg_room {
    struct jpeg_decoder decoder;
    struct jpeg_encoder encoder;
    uint8_t bytes[4096];
};

struct jpeg_library {
    bool ready;
    // What the library asks its callers to name. Both are found by asking; see jpeg_library.c.
    int version;
    size_t decoder_size, encoder_size;
    struct jpeg_errors *(*standard_errors)(struct jpeg_errors *);
    void (*create_decoder)(void *, int version, size_t size);
    void (*create_encoder)(void *, int version, size_t size);
    void (*destroy)(void *);
    int (*read_header)(void *, int require_image);
    int (*start_decoding)(void *);
    unsigned (*read_rows)(void *, uint8_t **rows, unsigned count);
    int (*finish_decoding)(void *);
    int (*resync)(void *, int desired);
    void (*set_defaults)(void *);
    void (*set_quality)(void *, int quality, int force_baseline);
    void (*start_encoding)(void *, int all_tables);
    unsigned (*write_rows)(void *, uint8_t **rows, unsigned count);
    void (*finish_encoding)(void *);
};

// Fills in *error and returns NULL when libjpeg-turbo is not installed, or is one with an unknown structure.
const struct jpeg_library *imgc_jpeg_library(imgc_error *error);

// Where the library's failures go. It lives on the heap or is static, beside what must survive the jump.
struct jpeg_failure {
    struct jpeg_errors errors;  // first, so that the library's pointer to it is one to the whole
    jmp_buf jump;
    imgc_error *error;  // filled in by the failure; may be NULL
};

// Sets the handlers: a failure jumps, a warning does nothing. Damage of which libjpeg only warns is accepted, as in
// Pillow.
void imgc_jpeg_catch(const struct jpeg_library *lib, struct jpeg_failure *failure, struct jpeg_codec *codec,
                     imgc_error *error);

#endif
