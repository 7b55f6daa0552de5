#include <stdlib.h>
#include <string.h>

#include "png_library.h"

// On the heap because of setjmp; see png_decode.c.
typedef struct {
    const struct png_library *lib;
    void *png, *info;
    uint8_t **rows;
    uint8_t *data;
    size_t count, capacity;
} job;

static void write_bytes(void *png, uint8_t *from, size_t count) {
    job *j = imgc_png_library(NULL)->io_pointer(png);
    if (count > j->capacity - j->count) {
        size_t capacity = (j->count + count) * 2;
        uint8_t *data = realloc(j->data, capacity);
        if (!data) imgc_png_on_error(png, "out of memory");
        j->data = data;
        j->capacity = capacity;
    }
    memcpy(j->data + j->count, from, count);
    j->count += count;
}

static void flush(void *png) { (void)png; }

static void job_free(job *j) {
    if (!j) return;
    if (j->png) j->lib->destroy_write(&j->png, j->info ? &j->info : NULL);
    free(j->rows);
    free(j->data);
    free(j);
}

static job *job_make(imgc_error *error) {
    const struct png_library *lib = imgc_png_library(error);
    if (!lib) return NULL;
    job *j = calloc(1, sizeof *j);
    if (j) {
        j->lib = lib;
        j->png = lib->create_write(lib->version(NULL), error, imgc_png_on_error, imgc_png_on_warning);
        j->info = j->png ? lib->create_info(j->png) : NULL;
    }
    if (!j || !j->info) {
        job_free(j);
        imgc_fail(error, IMGC_NO_MEMORY, "PNG", "out of memory");
        return NULL;
    }
    return j;
}

bool imgc_png_encode(const uint8_t *pixels, imgc_size size, uint32_t channels, const uint8_t *palette, int palette_count,
                     int level, imgc_bytes *out, imgc_error *error) {
    *out = (imgc_bytes){NULL, 0};
    if ((channels != 1 && channels != 3 && channels != 4) || level < 0 || level > 9 ||
        (palette && (channels != 1 || palette_count < 1 || palette_count > 256)))
        return imgc_fail(error, IMGC_INVALID_ARGUMENT,
                         "PNG takes 1, 3 or 4 channels, a level from 0 to 9 and 1 to 256 colours for 1 channel", NULL);
    job *j = job_make(error);
    if (!j) return false;
    const struct png_library *lib = j->lib;
    jmp_buf *target = lib->set_longjmp(j->png, longjmp, sizeof(jmp_buf));
    j->rows = malloc(sizeof(uint8_t *) * size.height);
    if (!target || !j->rows) {
        imgc_fail(error, IMGC_NO_MEMORY, "PNG", "out of memory");
        job_free(j);
        return false;
    }
    if (setjmp(*target)) {
        job_free(j);
        return false;
    }
    int color = palette ? PNG_PALETTE : channels == 1 ? PNG_GRAY : channels == 3 ? PNG_RGB : PNG_RGBA;
    lib->set_write(j->png, j, write_bytes, flush);
    lib->compression_level(j->png, level);
    if (palette) lib->filter(j->png, 0, PNG_FILTER_NONE_ONLY);
    lib->set_header(j->png, j->info, size.width, size.height, 8, color, 0, 0, 0);
    if (palette) lib->set_palette(j->png, j->info, palette, palette_count);
    lib->write_info(j->png, j->info);
    // libpng declares the rows as mutable but only reads them.
    for (uint32_t y = 0; y < size.height; y++) j->rows[y] = (uint8_t *)pixels + (size_t)y * size.width * channels;
    lib->write_image(j->png, j->rows);
    lib->write_end(j->png, j->info);
    *out = (imgc_bytes){j->data, j->count};
    j->data = NULL;
    job_free(j);
    return true;
}
