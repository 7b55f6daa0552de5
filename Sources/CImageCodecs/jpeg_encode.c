#include <stdlib.h>
#include <string.h>

#include "jpeg_library.h"

// On the heap because of setjmp; see jpeg_decode.c.
typedef struct {
    struct jpeg_failure failure;
    struct jpeg_target target;
    union jpeg_room room;
    uint8_t *data;
    size_t capacity;
} job;

static void nothing(void *codec) { (void)codec; }

// Called when all of the memory is used; the library has then written it to the end.
static int grow(void *codec) {
    job *j = ((struct jpeg_codec *)codec)->client;
    uint8_t *data = realloc(j->data, 2 * j->capacity);
    if (!data) {
        imgc_fail(j->failure.error, IMGC_NO_MEMORY, "JPEG", "out of memory");
        longjmp(j->failure.jump, 1);
    }
    j->data = data;
    j->target.next = data + j->capacity;
    j->target.free = j->capacity;
    j->capacity *= 2;
    return 1;
}

static void job_free(job *j) {
    imgc_jpeg_library(NULL)->destroy(&j->room);
    free(j->data);
    free(j);
}

// Called after setjmp.
static void encode(const struct jpeg_library *lib, job *j, const uint8_t *pixels, imgc_size size, uint32_t channels,
                   int quality) {
    lib->create_encoder(&j->room, lib->version, lib->encoder_size);
    struct jpeg_encoder *encoder = &j->room.encoder;
    encoder->codec.client = j;
    encoder->target = &j->target;
    j->target = (struct jpeg_target){j->data, j->capacity, nothing, grow, nothing};
    encoder->width = size.width;
    encoder->height = size.height;
    encoder->components = (int)channels;
    encoder->colors = channels == 1 ? JPEG_COLORS_GRAY : JPEG_COLORS_RGB;
    lib->set_defaults(encoder);  // colours at half the resolution, the accurate transform
    lib->set_quality(encoder, quality, 1);
    lib->start_encoding(encoder, 1);
    for (uint32_t y = 0; y < size.height; y++) {
        uint8_t *row = (uint8_t *)pixels + (size_t)y * size.width * channels;
        lib->write_rows(encoder, &row, 1);
    }
    lib->finish_encoding(encoder);
}

bool imgc_jpeg_encode(const uint8_t *pixels, imgc_size size, uint32_t channels, int quality, imgc_bytes *out,
                      imgc_error *error) {
    *out = (imgc_bytes){NULL, 0};
    const struct jpeg_library *lib = imgc_jpeg_library(error);
    if (!lib) return false;
    if ((channels != 1 && channels != 3) || quality < 1 || quality > 100 || size.width > 65500 || size.height > 65500)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT,
                         "JPEG takes 1 or 3 channels, a quality from 1 to 100 and at most 65500 pixels a side", NULL);
    job *j = calloc(1, sizeof *j);
    if (!j) return imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
    j->capacity = 4096 + (size_t)size.width * size.height / 4;
    if (!(j->data = malloc(j->capacity))) {
        free(j);
        return imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
    }
    imgc_jpeg_catch(lib, &j->failure, &j->room.encoder.codec, error);
    if (setjmp(j->failure.jump)) {
        job_free(j);
        return false;
    }
    encode(lib, j, pixels, size, channels, quality);
    *out = (imgc_bytes){j->data, j->capacity - j->target.free};
    j->data = NULL;
    job_free(j);
    return true;
}
