#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

// The structures of libwebp 1.0 and later. Their layout is fixed by the major number of the ABI, which the calls carry.
typedef struct {
    const uint8_t *bytes;
    size_t count;
} webp_data;

typedef struct {
    int width, height, has_alpha, has_animation, format;
    uint32_t reserved[5];
} webp_features;

typedef struct {
    int number, frame_count, x, y, width, height, duration, dispose, complete;
    webp_data fragment;
    int has_alpha, blend;
    uint32_t reserved[2];
    void *own;
} webp_frame;

enum { DECODER_ABI = 0x0200, DEMUX_ABI = 0x0100 };
enum { CANVAS_WIDTH = 1, CANVAS_HEIGHT = 2 };

typedef size_t (*encode_fn)(const uint8_t *, int, int, int, float, uint8_t **);
typedef size_t (*encode_lossless_fn)(const uint8_t *, int, int, int, uint8_t **);

static struct {
    bool ready;
    int (*features)(const uint8_t *, size_t, webp_features *, int);
    uint8_t *(*decode_rgb)(const uint8_t *, size_t, uint8_t *, size_t, int);
    uint8_t *(*decode_rgba)(const uint8_t *, size_t, uint8_t *, size_t, int);
    encode_fn encode_rgb, encode_rgba;
    encode_lossless_fn encode_lossless_rgb, encode_lossless_rgba;
    void (*release)(void *);
    void *(*demux)(const webp_data *, int, int *, int);
    void (*demux_delete)(void *);
    uint32_t (*demux_number)(const void *, int);
    int (*demux_frame)(const void *, int, webp_frame *);
    void (*frame_release)(webp_frame *);
} webp;

static void load(void) {
    static const char *const names[] = {
        "libwebp.so.7", "libwebp.so", "libwebp.7.dylib", "libwebp.dylib", "/opt/homebrew/lib/libwebp.dylib",
        "/usr/local/lib/libwebp.dylib", NULL,
    };
    static const char *const demux_names[] = {
        "libwebpdemux.so.2", "libwebpdemux.so", "libwebpdemux.2.dylib", "libwebpdemux.dylib",
        "/opt/homebrew/lib/libwebpdemux.dylib", "/usr/local/lib/libwebpdemux.dylib", NULL,
    };
    void *library = imgc_open_first(names);
    void *demuxer = imgc_open_first(demux_names);
    if (!library || !demuxer) return;
    bool all = true;
#define FIND(from, field, symbol) all &= (*(void **)&webp.field = dlsym(from, "WebP" symbol)) != NULL
    FIND(library, features, "GetFeaturesInternal");
    FIND(library, decode_rgb, "DecodeRGBInto");
    FIND(library, decode_rgba, "DecodeRGBAInto");
    FIND(library, encode_rgb, "EncodeRGB");
    FIND(library, encode_rgba, "EncodeRGBA");
    FIND(library, encode_lossless_rgb, "EncodeLosslessRGB");
    FIND(library, encode_lossless_rgba, "EncodeLosslessRGBA");
    FIND(library, release, "Free");
    FIND(demuxer, demux, "DemuxInternal");
    FIND(demuxer, demux_delete, "DemuxDelete");
    FIND(demuxer, demux_number, "DemuxGetI");
    FIND(demuxer, demux_frame, "DemuxGetFrame");
    FIND(demuxer, frame_release, "DemuxReleaseIterator");
#undef FIND
    webp.ready = all;
}

static bool require_library(imgc_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return webp.ready || imgc_fail(error, IMGC_LIBRARY_MISSING,
                                   "libwebp is not installed "
                                   "(Debian and Ubuntu: apt-get install libwebp7 libwebpdemux2; "
                                   "macOS: brew install webp)",
                                   NULL);
}

// Opens the file and finds its first frame. The frame points into `data`.
static void *open_file(const uint8_t *data, size_t count, webp_frame *frame, imgc_error *error) {
    webp_data file = {data, count};
    void *demux = webp.demux(&file, 0, NULL, DEMUX_ABI);
    if (!demux) {
        imgc_fail(error, IMGC_CORRUPT, "WebP", "the file is damaged or ends early");
        return NULL;
    }
    memset(frame, 0, sizeof *frame);
    if (!webp.demux_frame(demux, 1, frame)) {
        imgc_fail(error, IMGC_CORRUPT, "WebP", "the file has no frame");
        webp.demux_delete(demux);
        return NULL;
    }
    return demux;
}

static void close_file(void *demux, webp_frame *frame) {
    webp.frame_release(frame);
    webp.demux_delete(demux);
}

bool imgc_webp_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size, imgc_error *error) {
    if (!require_library(error)) return false;
    webp_frame frame;
    void *demux = open_file(data, count, &frame, error);
    if (!demux) return false;
    *size = (imgc_size){webp.demux_number(demux, CANVAS_WIDTH), webp.demux_number(demux, CANVAS_HEIGHT)};
    close_file(demux, &frame);
    return imgc_within(limits, size->width, size->height, error);
}

// Draws the first frame on a canvas that is black and, with four channels, transparent.
static bool draw(const webp_frame *frame, imgc_size size, uint32_t channels, uint8_t *canvas, imgc_error *error) {
    size_t stride = (size_t)size.width * channels, bytes = stride * size.height;
    bool is_inside = frame->x >= 0 && frame->y >= 0 && frame->width > 0 && frame->height > 0 &&
                     (uint64_t)frame->x + (uint64_t)frame->width <= size.width &&
                     (uint64_t)frame->y + (uint64_t)frame->height <= size.height;
    if (!is_inside) return imgc_fail(error, IMGC_CORRUPT, "WebP", "a frame lies outside the picture");
    webp_features features;
    memset(&features, 0, sizeof features);
    // The decoder writes as many pixels as the frame's data says, wherever its header puts the frame.
    if (webp.features(frame->fragment.bytes, frame->fragment.count, &features, DECODER_ABI) != 0 ||
        features.width != frame->width || features.height != frame->height)
        return imgc_fail(error, IMGC_CORRUPT, "WebP", "a frame differs from its header");
    bool is_whole = (uint32_t)frame->width == size.width && (uint32_t)frame->height == size.height;
    if (!is_whole) memset(canvas, 0, bytes);
    size_t start = (size_t)frame->y * stride + (size_t)frame->x * channels;
    uint8_t *(*decode)(const uint8_t *, size_t, uint8_t *, size_t, int) = channels == 4 ? webp.decode_rgba : webp.decode_rgb;
    return decode(frame->fragment.bytes, frame->fragment.count, canvas + start, bytes - start, (int)stride) ||
           imgc_fail(error, IMGC_CORRUPT, "WebP", "the pixels are damaged or end early");
}

bool imgc_webp_decode(const uint8_t *data, size_t count, imgc_size size, uint32_t channels, uint8_t *pixels,
                      imgc_error *error) {
    if (!require_library(error)) return false;
    if (channels != 1 && channels != 3 && channels != 4)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT, "the number of channels must be 1, 3 or 4", NULL);
    webp_frame frame;
    void *demux = open_file(data, count, &frame, error);
    if (!demux) return false;
    size_t pixel_count = (size_t)size.width * size.height;
    uint8_t *scratch = NULL;
    bool good = webp.demux_number(demux, CANVAS_WIDTH) == size.width && webp.demux_number(demux, CANVAS_HEIGHT) == size.height;
    if (!good) imgc_fail(error, IMGC_INVALID_ARGUMENT, "the size is not that of the file", NULL);
    if (good && channels == 1 && !(scratch = malloc(pixel_count * 3)))
        good = imgc_fail(error, IMGC_NO_MEMORY, "WebP", "out of memory");
    good = good && draw(&frame, size, channels == 1 ? 3 : channels, scratch ? scratch : pixels, error);
    if (good && scratch)
        for (size_t i = 0; i < pixel_count; i++) pixels[i] = imgc_luma(scratch + 3 * i);
    webp_features features;
    memset(&features, 0, sizeof features);
    // As in Pillow, a file whose header promises no transparency has none, even where the first frame does not reach.
    if (good && channels == 4 && webp.features(data, count, &features, DECODER_ABI) == 0 && !features.has_alpha)
        for (size_t i = 0; i < pixel_count; i++) pixels[4 * i + 3] = 255;
    free(scratch);
    close_file(demux, &frame);
    return good;
}

// A negative quality means lossless.
static size_t encode(const uint8_t *pixels, imgc_size size, uint32_t channels, int quality, uint8_t **encoded) {
    int width = (int)size.width, height = (int)size.height, stride = width * (int)channels;
    if (quality >= 0) return (channels == 4 ? webp.encode_rgba : webp.encode_rgb)(pixels, width, height, stride, (float)quality, encoded);
    return (channels == 4 ? webp.encode_lossless_rgba : webp.encode_lossless_rgb)(pixels, width, height, stride, encoded);
}

bool imgc_webp_encode(const uint8_t *pixels, imgc_size size, uint32_t channels, int quality, imgc_bytes *out,
                      imgc_error *error) {
    *out = (imgc_bytes){NULL, 0};
    if (!require_library(error)) return false;
    if ((channels != 1 && channels != 3 && channels != 4) || quality < -1 || quality > 100 || size.width > 16383 ||
        size.height > 16383)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT,
                         "WebP takes 1, 3 or 4 channels, a quality from 0 to 100 and at most 16383 pixels a side", NULL);
    size_t pixel_count = (size_t)size.width * size.height;
    uint8_t *scratch = NULL;
    if (channels == 1) {
        if (!(scratch = malloc(pixel_count * 3))) return imgc_fail(error, IMGC_NO_MEMORY, "WebP", "out of memory");
        for (size_t i = 0; i < pixel_count; i++) memset(scratch + 3 * i, pixels[i], 3);
    }
    uint8_t *encoded = NULL;
    size_t encoded_count = encode(scratch ? scratch : pixels, size, channels == 1 ? 3 : channels, quality, &encoded);
    free(scratch);
    // The arguments are right, so only memory can be missing. Copied, so that callers have only one kind of memory to
    // free.
    bool good = encoded_count > 0 && (out->data = malloc(encoded_count));
    if (good) {
        memcpy(out->data, encoded, encoded_count);
        out->count = encoded_count;
    } else {
        imgc_fail(error, IMGC_NO_MEMORY, "WebP", "out of memory");
    }
    if (encoded) webp.release(encoded);
    return good;
}
