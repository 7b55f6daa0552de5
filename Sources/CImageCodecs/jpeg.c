#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_markers.h"
#include "support.h"

// The entry points of TurboJPEG 1.x and 2.x, which 3.x keeps.
static struct {
    bool ready;
    void *(*init_decompress)(void);
    void *(*init_compress)(void);
    int (*destroy)(void *);
    int (*header)(void *, const unsigned char *, unsigned long, int *, int *, int *, int *);
    int (*decompress)(void *, const unsigned char *, unsigned long, unsigned char *, int, int, int, int, int);
    int (*compress)(void *, const unsigned char *, int, int, int, int, unsigned char **, unsigned long *, int, int, int);
    char *(*error)(void *);
    int (*error_code)(void *);
    void (*release)(unsigned char *);
} turbo;

enum { PIXELS_RGB = 0, PIXELS_GRAY = 6, PIXELS_RGBA = 7, PIXELS_CMYK = 11 };
enum { COLORS_GRAY = 2, COLORS_CMYK = 3, COLORS_YCCK = 4 };
enum { SUBSAMPLE_420 = 2, SUBSAMPLE_GRAY = 3 };
enum { FLAG_ACCURATE_DCT = 4096, FLAG_LIMIT_SCANS = 32768 };
enum { ERROR_IS_WARNING = 0 };

static void load(void) {
    static const char *const names[] = {
        "libturbojpeg.so.0", "libturbojpeg.so", "libturbojpeg.0.dylib", "libturbojpeg.dylib",
        "/opt/homebrew/lib/libturbojpeg.dylib", "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.dylib",
        "/usr/local/lib/libturbojpeg.dylib", NULL,
    };
    void *library = imgc_open_first(names);
    if (!library) return;
    bool all = true;
#define FIND(field, symbol) all &= (*(void **)&turbo.field = dlsym(library, symbol)) != NULL
    FIND(init_decompress, "tjInitDecompress");
    FIND(init_compress, "tjInitCompress");
    FIND(destroy, "tjDestroy");
    FIND(header, "tjDecompressHeader3");
    FIND(decompress, "tjDecompress2");
    FIND(compress, "tjCompress2");
    FIND(error, "tjGetErrorStr2");
    FIND(error_code, "tjGetErrorCode");
    FIND(release, "tjFree");
#undef FIND
    turbo.ready = all;
}

static bool require_library(imgc_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return turbo.ready || imgc_fail(error, IMGC_LIBRARY_MISSING,
                                    "libturbojpeg is not installed "
                                    "(Debian and Ubuntu: apt-get install libturbojpeg0, or libturbojpeg; "
                                    "macOS: brew install jpeg-turbo)",
                                    NULL);
}

typedef struct {
    int width, height, colors;
} header;

static bool read_header(void *handle, const uint8_t *data, size_t count, header *out, imgc_error *error) {
    int subsampling = INT_MIN;
    *out = (header){0, 0, -1};
    int status = turbo.header(handle, data, count, &out->width, &out->height, &subsampling, &out->colors);
    // An unusual subsampling is reported as an error here but decodes correctly.
    bool only_subsampling = subsampling < 0 && subsampling != INT_MIN && out->width > 0 && out->height > 0 && out->colors >= 0;
    if (status != 0 && !only_subsampling) return imgc_fail(error, IMGC_CORRUPT, "JPEG", turbo.error(handle));
    return true;
}

// Of the frame codings, libjpeg-turbo supports sequential and progressive with 8 bits per channel.
static bool is_supported(const imgc_jpeg_structure *structure, imgc_error *error) {
    static const uint8_t known[] = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA};
    if (structure->frame == 0) return true;  // the decoder reports what is wrong
    if (!memchr(known, structure->frame, sizeof known))
        return imgc_fail(error, IMGC_UNSUPPORTED, "a lossless or hierarchical JPEG file", NULL);
    if (structure->depth != 8) {
        char message[64];
        snprintf(message, sizeof message, "a JPEG file of %u bits per channel", structure->depth);
        return imgc_fail(error, IMGC_UNSUPPORTED, message, NULL);
    }
    return true;
}

bool imgc_jpeg_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size, imgc_error *error) {
    if (!require_library(error)) return false;
    imgc_jpeg_structure structure = imgc_jpeg_walk(data, count, limits->max_scans);
    if (!is_supported(&structure, error)) return false;
    void *handle = turbo.init_decompress();
    if (!handle) return imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
    header head;
    bool good = read_header(handle, data, count, &head, error) &&
                imgc_within(limits, (uint64_t)head.width, (uint64_t)head.height, error);
    turbo.destroy(handle);
    if (!good) return false;

    if (structure.scans > limits->max_scans) {
        char message[64];
        snprintf(message, sizeof message, "more than %u scans", limits->max_scans);
        return imgc_fail(error, IMGC_TOO_LARGE, "JPEG", message);
    }
    if (!structure.complete) return imgc_fail(error, IMGC_CORRUPT, "JPEG", "the file ends early");
    *size = (imgc_size){(uint32_t)head.width, (uint32_t)head.height};
    return true;
}

static bool decompress(void *handle, const uint8_t *data, size_t count, const header *head, int format, uint8_t *pixels,
                       imgc_error *error) {
    int status = turbo.decompress(handle, data, count, pixels, head->width, 0, head->height, format,
                                  FLAG_ACCURATE_DCT | FLAG_LIMIT_SCANS);
    if (status == 0) return true;
    const char *message = turbo.error(handle);
    // A warning means that libjpeg worked around damaged data. Pillow also accepts such pictures, unless data is
    // missing.
    if (turbo.error_code(handle) == ERROR_IS_WARNING && !strstr(message, "Premature end of JPEG file")) return true;
    return imgc_fail(error, IMGC_CORRUPT, "JPEG", message);
}

// Adobe stores the ink values inverted. The formula is Pillow's.
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb) {
    int paper = cmyk[3];
    for (int c = 0; c < 3; c++) {
        int value = paper - (int)imgc_muldiv255(255u - cmyk[c], (uint32_t)paper);
        rgb[c] = (uint8_t)(value < 0 ? 0 : value);
    }
}

static void convert_pixels(const uint8_t *from, uint32_t from_channels, uint8_t *to, uint32_t channels, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint8_t rgb[3];
        if (from_channels == 4)
            cmyk_to_rgb(from + 4 * i, rgb);
        else
            memcpy(rgb, from + 3 * i, 3);
        if (channels == 1) {
            to[i] = imgc_luma(rgb);
        } else {
            memcpy(to + channels * i, rgb, 3);
            if (channels == 4) to[4 * i + 3] = 255;
        }
    }
}

bool imgc_jpeg_decode(const uint8_t *data, size_t count, imgc_size size, uint32_t channels, uint8_t *pixels,
                      imgc_error *error) {
    if (!require_library(error)) return false;
    if (channels != 1 && channels != 3 && channels != 4)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT, "the number of channels must be 1, 3 or 4", NULL);
    void *handle = turbo.init_decompress();
    if (!handle) return imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
    uint8_t *scratch = NULL;
    header head;
    bool good = read_header(handle, data, count, &head, error);
    if (good && ((uint32_t)head.width != size.width || (uint32_t)head.height != size.height))
        good = imgc_fail(error, IMGC_INVALID_ARGUMENT, "the size is not that of the file", NULL);
    if (good) {
        bool is_cmyk = head.colors == COLORS_CMYK || head.colors == COLORS_YCCK;
        // As in Pillow, grey is computed from RGB, which differs by rounding from the luma in the file.
        bool needs_scratch = is_cmyk || (channels == 1 && head.colors != COLORS_GRAY);
        uint32_t scratch_channels = is_cmyk ? 4 : 3;
        size_t pixel_count = (size_t)size.width * size.height;
        int format = is_cmyk ? PIXELS_CMYK : channels == 4 ? PIXELS_RGBA : PIXELS_RGB;
        if (channels == 1 && !needs_scratch) format = PIXELS_GRAY;
        if (needs_scratch && !(scratch = malloc(pixel_count * scratch_channels)))
            good = imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
        good = good && decompress(handle, data, count, &head, format, scratch ? scratch : pixels, error);
        if (good && scratch) convert_pixels(scratch, scratch_channels, pixels, channels, pixel_count);
    }
    free(scratch);
    turbo.destroy(handle);
    return good;
}

bool imgc_jpeg_encode(const uint8_t *pixels, imgc_size size, uint32_t channels, int quality, imgc_bytes *out,
                      imgc_error *error) {
    *out = (imgc_bytes){NULL, 0};
    if (!require_library(error)) return false;
    if ((channels != 1 && channels != 3) || quality < 1 || quality > 100 || size.width > 65500 || size.height > 65500)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT,
                         "JPEG takes 1 or 3 channels, a quality from 1 to 100 and at most 65500 pixels a side", NULL);
    void *handle = turbo.init_compress();
    if (!handle) return imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
    unsigned char *encoded = NULL;
    unsigned long encoded_count = 0;
    bool gray = channels == 1;
    int status = turbo.compress(handle, pixels, (int)size.width, 0, (int)size.height, gray ? PIXELS_GRAY : PIXELS_RGB,
                                &encoded, &encoded_count, gray ? SUBSAMPLE_GRAY : SUBSAMPLE_420, quality,
                                FLAG_ACCURATE_DCT);
    bool good = status == 0 || imgc_fail(error, IMGC_INVALID_ARGUMENT, "JPEG", turbo.error(handle));
    // Copied, so that callers have only one kind of memory to free.
    if (good && !(out->data = malloc(encoded_count))) good = imgc_fail(error, IMGC_NO_MEMORY, "JPEG", "out of memory");
    if (good) {
        memcpy(out->data, encoded, encoded_count);
        out->count = encoded_count;
    }
    if (encoded) turbo.release(encoded);
    turbo.destroy(handle);
    return good;
}
