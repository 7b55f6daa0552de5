// The functions of libpng 1.6 that we use, found with dlsym.
#ifndef IMGC_PNG_LIBRARY_H
#define IMGC_PNG_LIBRARY_H

#include <setjmp.h>

#include "support.h"

typedef void (*png_message_fn)(void *png, const char *message);
typedef void (*png_data_fn)(void *png, uint8_t *data, size_t count);
typedef void (*png_row_fn)(void *png, void *info, uint8_t *row);

struct png_library {
    bool ready;
    const char *(*version)(const void *);
    void *(*create_read)(const char *, void *, png_message_fn, png_message_fn);
    void *(*create_write)(const char *, void *, png_message_fn, png_message_fn);
    void *(*create_info)(void *);
    void (*destroy_read)(void **, void **, void **);
    void (*destroy_write)(void **, void **);
    jmp_buf *(*set_longjmp)(void *, void (*)(jmp_buf, int), size_t);
    void (*jump)(void *, int);
    void *(*io_pointer)(void *);
    void *(*error_pointer)(void *);

    void (*set_read)(void *, void *, png_data_fn);
    void (*user_limits)(void *, uint32_t, uint32_t);
    void (*chunk_memory_limit)(void *, size_t);
    void (*chunk_count_limit)(void *, uint32_t);
    void (*keep_chunks)(void *, int, const uint8_t *, int);
    void (*checksum_action)(void *, int critical, int ancillary);
    void (*row_hook)(void *, png_row_fn);
    void (*read_info)(void *, void *);
    uint32_t (*get_header)(void *, void *, uint32_t *, uint32_t *, int *, int *, int *, int *, int *);
    void (*expand)(void *);
    void (*strip_16)(void *);
    void (*strip_alpha)(void *);
    void (*gray_to_rgb)(void *);
    void (*add_alpha)(void *, uint32_t, int);
    int (*interlace)(void *);
    void (*read_update)(void *, void *);
    size_t (*row_bytes)(void *, void *);
    void (*read_image)(void *, uint8_t **);

    void (*set_write)(void *, void *, png_data_fn, void (*)(void *));
    void (*compression_level)(void *, int);
    void (*filter)(void *, int, int);
    void (*set_header)(void *, void *, uint32_t, uint32_t, int, int, int, int, int);
    void (*set_palette)(void *, void *, const void *, int);
    void (*write_info)(void *, void *);
    void (*write_image)(void *, uint8_t **);
    void (*write_end)(void *, void *);
};

enum { PNG_GRAY = 0, PNG_RGB = 2, PNG_PALETTE = 3, PNG_RGBA = 6, PNG_FILTER_NONE_ONLY = 0x08, PNG_FILLER_LAST = 1 };
enum { PNG_CHECKSUM_FAILS = 1, PNG_CHECKSUM_IGNORED = 4, PNG_CHECKSUM_UNCHANGED = 5 };
enum { PNG_KEEP_NONE = 1, PNG_ALL_ANCILLARY = -1 };

// Fills in *error and returns NULL when libpng is not installed.
const struct png_library *imgc_png_library(imgc_error *error);

// The error handler: fills in the imgc_error that the error pointer of `png` points to, and jumps.
void imgc_png_on_error(void *png, const char *message);
void imgc_png_on_warning(void *png, const char *message);

#endif
