#include <stdlib.h>
#include <string.h>

#include "png_chunks.h"
#include "png_library.h"

typedef struct {
    const uint8_t *at, *end;
    const uint8_t *cut;  // see imgc_png_structure
    uint32_t cut_length;
} source;

// Everything that must survive a longjmp out of libpng. It lives on the heap because locals of a function that called
// setjmp are indeterminate after the jump if they changed in between.
typedef struct {
    const struct png_library *lib;
    void *png, *info;
    source input;
    imgc_size size;
    int depth, color, interlaced;
    uint64_t rows_left;  // rows of all passes that are not decoded yet
    uint8_t *scratch;
    uint8_t **rows;
} job;

static void read_bytes(void *png, uint8_t *to, size_t count) {
    job *j = imgc_png_library(NULL)->io_pointer(png);
    if ((size_t)(j->input.end - j->input.at) < count) imgc_png_on_error(png, "the file ends early");
    memcpy(to, j->input.at, count);
    // libpng reads a chunk in pieces and cannot take one that is too short, so the length is corrected.
    if (j->input.at == j->input.cut)
        for (int i = 0; i < 4; i++) to[i] = (uint8_t)(j->input.cut_length >> (24 - 8 * i));
    j->input.at += count;
}

static void job_free(job *j) {
    if (!j) return;
    if (j->png) j->lib->destroy_read(&j->png, j->info ? &j->info : NULL, NULL);
    free(j->scratch);
    free(j->rows);
    free(j);
}

static job *job_make(const uint8_t *data, size_t count, imgc_error *error) {
    const struct png_library *lib = imgc_png_library(error);
    if (!lib) return NULL;
    job *j = calloc(1, sizeof *j);
    if (j) {
        j->lib = lib;
        imgc_png_structure structure = imgc_png_walk(data, count);
        j->input = (source){data, data + count, structure.cut, structure.cut_length};
        j->png = lib->create_read(lib->version(NULL), error, imgc_png_on_error, imgc_png_on_warning);
        j->info = j->png ? lib->create_info(j->png) : NULL;
    }
    if (!j || !j->info) {
        job_free(j);
        imgc_fail(error, IMGC_NO_MEMORY, "PNG", "out of memory");
        return NULL;
    }
    return j;
}

// Called after setjmp. libpng's own size limits are set to their maximum: ours have a better message.
static void read_header(job *j) {
    j->lib->set_read(j->png, j, read_bytes);
    j->lib->user_limits(j->png, 0x7FFFFFFF, 0x7FFFFFFF);
    j->lib->chunk_memory_limit(j->png, 4 << 20);
    j->lib->chunk_count_limit(j->png, 64);
    // Text, profiles and the like are skipped, because each may decompress to megabytes. Colours and transparency are
    // kept.
    j->lib->keep_chunks(j->png, PNG_KEEP_NONE, NULL, PNG_ALL_ANCILLARY);
    // As in Pillow, checksums count up to the data, which has one of its own inside the compression.
    j->lib->checksum_action(j->png, PNG_CHECKSUM_FAILS, PNG_CHECKSUM_FAILS);
    j->lib->read_info(j->png, j->info);
    j->lib->checksum_action(j->png, PNG_CHECKSUM_IGNORED, PNG_CHECKSUM_UNCHANGED);
    j->lib->get_header(j->png, j->info, &j->size.width, &j->size.height, &j->depth, &j->color, &j->interlaced, NULL,
                       NULL);
}

bool imgc_png_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size, imgc_error *error) {
    if (!imgc_png_library(error)) return false;
    if (!imgc_png_walk(data, count).good) return imgc_fail(error, IMGC_CORRUPT, "PNG", "the file ends early");
    job *j = job_make(data, count, error);
    if (!j) return false;
    jmp_buf *target = j->lib->set_longjmp(j->png, longjmp, sizeof(jmp_buf));
    if (!target || setjmp(*target)) {
        if (!target) imgc_fail(error, IMGC_NO_MEMORY, "PNG", "out of memory");
        job_free(j);
        return false;
    }
    read_header(j);
    bool good = imgc_within(limits, j->size.width, j->size.height, error);
    if (good) *size = j->size;
    job_free(j);
    return good;
}

// Pillow clips 16-bit grey values at 255.
static uint8_t clipped(const uint8_t *big_endian) { return big_endian[0] ? 255 : big_endian[1]; }

static void finish(const job *j, uint32_t channels, uint8_t *pixels) {
    size_t count = (size_t)j->size.width * j->size.height;
    for (size_t i = 0; i < count; i++) {
        if (j->depth == 16 && j->color == PNG_GRAY) {
            uint8_t value = clipped(j->scratch + 2 * i);
            memset(pixels + channels * i, value, channels == 4 ? 3 : channels);
            if (channels == 4) pixels[4 * i + 3] = 255;
        } else {
            pixels[i] = imgc_luma(j->scratch + 3 * i);
        }
    }
}

static uint64_t count_rows(const job *j) {
    if (!j->interlaced) return j->size.height;
    static const struct {
        uint32_t x, y, dx, dy;
    } passes[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        if (passes[i].x < j->size.width && passes[i].y < j->size.height)
            count += (j->size.height - passes[i].y + passes[i].dy - 1) / passes[i].dy;
    return count;
}

static void on_row(void *png, void *info, uint8_t *row) {
    (void)info;
    (void)row;
    job *j = imgc_png_library(NULL)->io_pointer(png);
    if (j->rows_left > 0) j->rows_left--;
}

// Called after setjmp.
static bool read_pixels(job *j, uint32_t channels, uint8_t *pixels, imgc_error *error) {
    const struct png_library *lib = j->lib;
    bool deep_gray = j->depth == 16 && j->color == PNG_GRAY;
    size_t file_channels = deep_gray ? 2 : channels == 4 ? 4 : 3;  // bytes per pixel as libpng delivers them
    if (deep_gray) {
        lib->strip_alpha(j->png);
    } else {
        lib->expand(j->png);  // palettes, small depths and transparent colours
        if (j->depth == 16) lib->strip_16(j->png);
        if (channels == 4)
            lib->add_alpha(j->png, 255, PNG_FILLER_LAST);
        else
            lib->strip_alpha(j->png);
        lib->gray_to_rgb(j->png);
    }
    lib->interlace(j->png);
    j->rows_left = count_rows(j);
    lib->row_hook(j->png, on_row);
    lib->read_update(j->png, j->info);
    size_t row_bytes = lib->row_bytes(j->png, j->info);
    if (row_bytes != j->size.width * file_channels) return imgc_fail(error, IMGC_CORRUPT, "PNG", "unexpected row size");

    bool needs_scratch = deep_gray || channels == 1;
    if (needs_scratch) j->scratch = malloc(row_bytes * j->size.height);
    j->rows = malloc(sizeof(uint8_t *) * j->size.height);
    if (!j->rows || (needs_scratch && !j->scratch)) return imgc_fail(error, IMGC_NO_MEMORY, "PNG", "out of memory");
    for (uint32_t y = 0; y < j->size.height; y++) j->rows[y] = (needs_scratch ? j->scratch : pixels) + y * row_bytes;
    lib->read_image(j->png, j->rows);
    return true;
}

bool imgc_png_decode(const uint8_t *data, size_t count, imgc_size size, uint32_t channels, uint8_t *pixels,
                     imgc_error *error) {
    if (channels != 1 && channels != 3 && channels != 4)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT, "the number of channels must be 1, 3 or 4", NULL);
    job *j = job_make(data, count, error);
    if (!j) return false;
    jmp_buf *target = j->lib->set_longjmp(j->png, longjmp, sizeof(jmp_buf));
    if (!target) {
        job_free(j);
        return imgc_fail(error, IMGC_NO_MEMORY, "PNG", "out of memory");
    }
    if (setjmp(*target)) {
        // After the last row libpng reads the end of the compressed data. As in Pillow, that may be missing or wrong.
        bool is_whole = j->rows && j->rows_left == 0;
        if (is_whole && j->scratch) finish(j, channels, pixels);
        job_free(j);
        return is_whole;
    }
    read_header(j);
    bool good = j->size.width == size.width && j->size.height == size.height;
    if (!good) imgc_fail(error, IMGC_INVALID_ARGUMENT, "the size is not that of the file", NULL);
    good = good && read_pixels(j, channels, pixels, error);
    if (good && j->scratch) finish(j, channels, pixels);
    job_free(j);
    return good;
}
