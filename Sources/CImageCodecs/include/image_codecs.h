// JPEG, PNG, WebP, AVIF and HEIC through libjpeg-turbo, libpng, libwebp and libheif. All are loaded with dlopen: the
// build needs neither the headers nor the libraries, and a process that handles no images loads nothing.
//
// Every function is safe to call from several threads at once. On failure it fills in *error, returns false and leaves
// nothing to free.
#ifndef IMAGE_CODECS_H
#define IMAGE_CODECS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMGC_MUST_CHECK __attribute__((warn_unused_result))

enum imgc_code {
    IMGC_NONE = 0,
    IMGC_LIBRARY_MISSING = 1,
    IMGC_TOO_LARGE = 2,
    IMGC_CORRUPT = 3,
    IMGC_NO_MEMORY = 4,
    IMGC_INVALID_ARGUMENT = 5,
    IMGC_UNSUPPORTED = 6,
    IMGC_FORMAT_MISSING = 7,  // the format needs a library that is not installed; others can be read
};

typedef struct {
    int32_t code;       // enum imgc_code
    char message[256];  // zero-terminated
} imgc_error;

typedef struct {
    uint32_t max_width, max_height;
    uint64_t max_pixels;
    uint32_t max_scans;  // of a progressive JPEG
} imgc_limits;

typedef struct {
    uint32_t width, height;
} imgc_size;

// Memory that an encoder allocated.
typedef struct {
    uint8_t *data;
    size_t count;
} imgc_bytes;

void imgc_bytes_free(imgc_bytes *bytes);

// Reads the size of the picture and checks it against the limits.
bool imgc_jpeg_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size,
                    imgc_error *error) IMGC_MUST_CHECK;
bool imgc_png_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size,
                   imgc_error *error) IMGC_MUST_CHECK;
bool imgc_webp_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size,
                    imgc_error *error) IMGC_MUST_CHECK;
bool imgc_heif_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size,
                    imgc_error *error) IMGC_MUST_CHECK;

// Decodes into `pixels`, which holds width * height * channels bytes. `size` is what the function above returned for
// the same bytes. Channels: 1 (grey), 3 (RGB) or 4 (RGBA), converted as Pillow's Image.convert does. Files with
// missing rows are refused, and JPEG files with more scans than the limit.
bool imgc_jpeg_decode(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size size, uint32_t channels,
                      uint8_t *pixels, imgc_error *error) IMGC_MUST_CHECK;
bool imgc_png_decode(const uint8_t *data, size_t count, imgc_size size, uint32_t channels, uint8_t *pixels,
                     imgc_error *error) IMGC_MUST_CHECK;

// Of an animation, the first frame.
bool imgc_webp_decode(const uint8_t *data, size_t count, imgc_size size, uint32_t channels, uint8_t *pixels,
                      imgc_error *error) IMGC_MUST_CHECK;

// AVIF and HEIC: the primary picture, turned and cropped as the file says. More than 8 bits become 8.
bool imgc_heif_decode(const uint8_t *data, size_t count, imgc_size size, uint32_t channels, uint8_t *pixels,
                      imgc_error *error) IMGC_MUST_CHECK;

// Channels: 1 or 3; quality: 1 to 100; colour is subsampled 4:2:0.
bool imgc_jpeg_encode(const uint8_t *pixels, imgc_size size, uint32_t channels, int quality, imgc_bytes *out,
                      imgc_error *error) IMGC_MUST_CHECK;

// Channels: 1, 3 or 4; level: 0 to 9. With a palette (RGB triples) there is one channel: indices below palette_count.
bool imgc_png_encode(const uint8_t *pixels, imgc_size size, uint32_t channels, const uint8_t *palette, int palette_count,
                     int level, imgc_bytes *out, imgc_error *error) IMGC_MUST_CHECK;

// Channels: 1, 3 or 4; quality: 0 to 100, or -1 for lossless.
bool imgc_webp_encode(const uint8_t *pixels, imgc_size size, uint32_t channels, int quality, imgc_bytes *out,
                      imgc_error *error) IMGC_MUST_CHECK;

#endif
