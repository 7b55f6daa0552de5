#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_library.h"
#include "jpeg_markers.h"

// Pillow hands a file to libjpeg in blocks of this many bytes, and ignores what is wrong behind the block in which the
// picture ends. So do we.
enum { BLOCK_BYTES = 1 << 16 };
enum { ROWS_AT_ONCE = 16 };

// Everything that must survive a longjmp out of libjpeg. It lives on the heap because locals of a function that called
// setjmp are indeterminate after the jump if they changed in between.
typedef struct {
    struct jpeg_failure failure;
    struct jpeg_source source;
    struct jpeg_progress progress;
    union jpeg_room room;
    const struct jpeg_library *lib;
    const uint8_t *end;
    size_t to_skip;  // bytes of a segment that go on behind the block
    uint32_t max_scans;
    uint8_t *scratch;
} job;

static void nothing(void *codec) { (void)codec; }

// The block is used up. The library goes back to a point from which it can begin again, and returns to us. A source
// that made up an end marker here, as others do, would turn a truncated file into a whole picture with a grey part.
static int suspend(void *codec) {
    (void)codec;
    return 0;
}

static void drop(job *j, size_t count) {
    size_t part = count < j->source.count ? count : j->source.count;
    j->source.next += part;
    j->source.count -= part;
    j->to_skip = count - part;
}

static void skip(void *codec, long count) {
    if (count > 0) drop(((struct jpeg_codec *)codec)->client, (size_t)count);
}

// Gives the library the next block. False at the end of the file.
static bool feed(job *j) {
    do {
        size_t left = (size_t)(j->end - j->source.next) - j->source.count;
        if (left == 0) return imgc_fail(j->failure.error, IMGC_CORRUPT, "JPEG", "the file ends early");
        j->source.count += left < BLOCK_BYTES ? left : BLOCK_BYTES;
        drop(j, j->to_skip);
    } while (j->to_skip > 0);
    return true;
}

static void count_scans(void *codec) {
    job *j = ((struct jpeg_codec *)codec)->client;
    if (j->room.decoder.scan < 0 || (uint32_t)j->room.decoder.scan <= j->max_scans) return;
    char message[64];
    snprintf(message, sizeof message, "more than %u scans", j->max_scans);
    imgc_fail(j->failure.error, IMGC_TOO_LARGE, "JPEG", message);
    longjmp(j->failure.jump, 1);
}

static job *job_make(const uint8_t *data, size_t count, imgc_error *error) {
    const struct jpeg_library *lib = imgc_jpeg_library(error);
    if (!lib) return NULL;
    job *j = calloc(1, sizeof *j);
    if (!j) {
        imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
        return NULL;
    }
    j->lib = lib;
    j->end = data + count;
    j->source = (struct jpeg_source){data, 0, nothing, suspend, skip, lib->resync, nothing};
    imgc_jpeg_catch(lib, &j->failure, &j->room.decoder.codec, error);
    return j;
}

static void job_free(job *j) {
    j->lib->destroy(&j->room);
    free(j->scratch);
    free(j);
}

// Called after setjmp.
static bool read_header(job *j) {
    struct jpeg_decoder *decoder = &j->room.decoder;
    j->lib->create_decoder(decoder, j->lib->version, j->lib->decoder_size);
    decoder->codec.client = j;
    decoder->source = &j->source;
    if (!feed(j)) return false;
    int status;
    // A file may begin with an image that has tables only.
    while ((status = j->lib->read_header(decoder, 0)) != JPEG_HEADER_READ)
        if (status == JPEG_SUSPENDED && !feed(j)) return false;
    if (decoder->components == 1 || decoder->components == 3 || decoder->components == 4) return true;
    char message[64];
    snprintf(message, sizeof message, "a JPEG file of %d channels", decoder->components);
    return imgc_fail(j->failure.error, IMGC_UNSUPPORTED, message, NULL);
}

// Of the frame codings, sequential and progressive with 8 bits per channel are decoded.
static bool is_supported(imgc_jpeg_frame frame, imgc_error *error) {
    static const uint8_t known[] = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA};
    if (frame.marker == 0) return true;  // the decoder reports what is wrong
    if (!memchr(known, frame.marker, sizeof known))
        return imgc_fail(error, IMGC_UNSUPPORTED, "a lossless or hierarchical JPEG file", NULL);
    if (frame.depth != 8) {
        char message[64];
        snprintf(message, sizeof message, "a JPEG file of %u bits per channel", frame.depth);
        return imgc_fail(error, IMGC_UNSUPPORTED, message, NULL);
    }
    return true;
}

bool imgc_jpeg_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size, imgc_error *error) {
    if (!imgc_jpeg_library(error) || !is_supported(imgc_jpeg_first_frame(data, count), error)) return false;
    job *j = job_make(data, count, error);
    if (!j) return false;
    if (setjmp(j->failure.jump)) {
        job_free(j);
        return false;
    }
    bool good = read_header(j);
    if (good) *size = (imgc_size){j->room.decoder.width, j->room.decoder.height};
    job_free(j);
    return good && imgc_within(limits, size->width, size->height, error);
}

// Adobe stores the ink values inverted. The formula is Pillow's.
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb) {
    int paper = cmyk[3];
    for (int c = 0; c < 3; c++) {
        int value = paper - (int)imgc_muldiv255(255u - cmyk[c], (uint32_t)paper);
        rgb[c] = (uint8_t)(value < 0 ? 0 : value);
    }
}

// Converts RGB to grey, or CMYK to any. As in Pillow, grey is computed from RGB, which differs by rounding from the luma
// in the file.
static void convert_pixels(const uint8_t *restrict from, bool is_cmyk, uint8_t *restrict to, uint32_t channels,
                           size_t count) {
    if (!is_cmyk) {
        for (size_t i = 0; i < count; i++) to[i] = imgc_luma(from + 3 * i);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t rgb[3];
        cmyk_to_rgb(from + 4 * i, rgb);
        if (channels == 1) {
            to[i] = imgc_luma(rgb);
        } else {
            memcpy(to + channels * i, rgb, 3);
            if (channels == 4) to[4 * i + 3] = 255;
        }
    }
}

// Called after setjmp. The picture is whole when all rows are decoded, whether an end marker follows or not.
static bool read_pixels(job *j, uint32_t channels, uint8_t *pixels) {
    struct jpeg_decoder *decoder = &j->room.decoder;
    bool is_cmyk = decoder->components == 4;
    bool converts = is_cmyk || (channels == 1 && decoder->components != 1);
    size_t from_channels = is_cmyk ? 4 : converts ? 3 : channels;
    decoder->colors = is_cmyk              ? JPEG_COLORS_CMYK
                      : from_channels == 4 ? JPEG_COLORS_RGBA
                      : from_channels == 3 ? JPEG_COLORS_RGB
                                           : JPEG_COLORS_GRAY;
    while (!j->lib->start_decoding(decoder))
        if (!feed(j)) return false;

    size_t width = decoder->width, row_bytes = width * from_channels;
    if (converts && !(j->scratch = malloc(row_bytes * ROWS_AT_ONCE)))
        return imgc_fail(j->failure.error, IMGC_NO_MEMORY, "JPEG", "out of memory");
    while (decoder->row < decoder->height) {
        uint8_t *rows[ROWS_AT_ONCE], *to = pixels + decoder->row * width * channels;
        uint32_t left = decoder->height - decoder->row, wanted = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        for (uint32_t i = 0; i < wanted; i++) rows[i] = (converts ? j->scratch : to) + i * row_bytes;
        uint32_t got = j->lib->read_rows(decoder, rows, wanted);
        if (got == 0 && !feed(j)) return false;
        if (converts) convert_pixels(j->scratch, is_cmyk, to, channels, got * width);
    }
    j->lib->finish_decoding(decoder);
    return true;
}

bool imgc_jpeg_decode(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size size, uint32_t channels,
                      uint8_t *pixels, imgc_error *error) {
    if (channels != 1 && channels != 3 && channels != 4)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT, "the number of channels must be 1, 3 or 4", NULL);
    job *j = job_make(data, count, error);
    if (!j) return false;
    j->max_scans = limits->max_scans;
    j->progress.monitor = count_scans;
    if (setjmp(j->failure.jump)) {
        job_free(j);
        return false;
    }
    bool good = read_header(j);
    if (good && (j->room.decoder.width != size.width || j->room.decoder.height != size.height))
        good = imgc_fail(error, IMGC_INVALID_ARGUMENT, "the size is not that of the file", NULL);
    j->room.decoder.codec.progress = &j->progress;
    good = good && read_pixels(j, channels, pixels);
    job_free(j);
    return good;
}
