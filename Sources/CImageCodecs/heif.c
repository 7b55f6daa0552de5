#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "heif_coded.h"

// What we use of libheif 1.9 and later.
typedef struct {
    int code, subcode;
    const char *message;
} heif_status;

// The beginning of the options, which has not changed since version 1.7.
typedef struct {
    uint8_t version, ignore_transformations;
    void *start, *progress, *end, *user;
    uint8_t convert_hdr_to_8bit;
} heif_options;

// The beginning of libheif's security limits, of which it has had more since version 1.19.
typedef struct {
    uint8_t version;
    uint64_t max_pixels;
} heif_limits;

enum { COLORS_RGB = 1, CHROMA_INTERLEAVED_RGBA = 11, CHANNEL_INTERLEAVED = 10 };
enum { ERROR_UNSUPPORTED_FILE_TYPE = 3, ERROR_UNSUPPORTED_FEATURE = 4, ERROR_MEMORY = 6, ERROR_PLUGIN_LOADING = 12 };
enum { SUBERROR_LIMIT_EXCEEDED = 1000, SUBERROR_UNSUPPORTED_CODEC = 3000 };
enum { CODEC_HEVC = 1, CODEC_AV1 = 4 };

static struct {
    bool ready;
    heif_status (*init)(void *);                      // since 1.13
    heif_limits *(*security_limits)(const void *);    // since 1.19
    int (*has_decoder)(int);
    void *(*context)(void);
    void (*context_free)(void *);
    void (*size_limit)(void *, int);
    void (*threads)(void *, int);                     // since 1.13
    heif_status (*read)(void *, const void *, size_t, const void *);
    heif_status (*primary)(void *, void **);
    int (*handle_width)(const void *);
    int (*handle_height)(const void *);
    void (*handle_release)(const void *);
    heif_options *(*options)(void);
    void (*options_free)(heif_options *);
    heif_status (*decode)(const void *, void **, int, int, const heif_options *);
    int (*width)(const void *, int);
    int (*height)(const void *, int);
    const uint8_t *(*plane)(const void *, int, int *);
    void (*image_release)(const void *);
} heif;

static void load(void) {
    static const char *const names[] = {
        "libheif.so.1", "libheif.so", "libheif.1.dylib", "libheif.dylib", "/opt/homebrew/lib/libheif.dylib",
        "/usr/local/lib/libheif.dylib", NULL,
    };
    void *library = imgc_open_first(names);
    if (!library) return;
    bool all = true;
#define MAY_FIND(field, symbol) *(void **)&heif.field = dlsym(library, "heif_" symbol)
#define FIND(field, symbol) MAY_FIND(field, symbol), all &= heif.field != NULL
    MAY_FIND(init, "init");
    MAY_FIND(security_limits, "context_get_security_limits");
    MAY_FIND(threads, "context_set_max_decoding_threads");
    FIND(has_decoder, "have_decoder_for_format");
    FIND(context, "context_alloc");
    FIND(context_free, "context_free");
    FIND(size_limit, "context_set_maximum_image_size_limit");
    FIND(read, "context_read_from_memory_without_copy");
    FIND(primary, "context_get_primary_image_handle");
    FIND(handle_width, "image_handle_get_width");
    FIND(handle_height, "image_handle_get_height");
    FIND(handle_release, "image_handle_release");
    FIND(options, "decoding_options_alloc");
    FIND(options_free, "decoding_options_free");
    FIND(decode, "decode_image");
    FIND(width, "image_get_width");
    FIND(height, "image_get_height");
    FIND(plane, "image_get_plane_readonly");
    FIND(image_release, "image_release");
#undef FIND
#undef MAY_FIND
    // Loads the plugins with the decoders, where these are apart.
    if (all && heif.init) all = heif.init(NULL).code == 0;
    heif.ready = all;
}

// Whether the file says that it is AVIF: by its major brand or, when that names no codec (`mif1`), by a compatible one.
static bool is_avif(const uint8_t *data, size_t count) {
    if (count < 16) return false;
    if (memcmp(data + 8, "avi", 3) == 0) return true;
    if (memcmp(data + 8, "he", 2) == 0) return false;
    size_t size = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
    size_t end = size < count ? size : count;
    // The compatible brands follow the major brand and its version.
    for (size_t at = 16; at + 4 <= end; at += 4)
        if (memcmp(data + at, "avif", 4) == 0 || memcmp(data + at, "avis", 4) == 0) return true;
    return false;
}

static bool require_library(const uint8_t *data, size_t count, imgc_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return heif.ready ||
           imgc_fail(error, IMGC_FORMAT_MISSING,
                     is_avif(data, count)
                         ? "an AVIF file, for which libheif is needed and not installed (Debian and Ubuntu: apt-get "
                           "install libheif1, and libheif-plugin-dav1d where it exists; macOS: brew install libheif)"
                         : "an HEIC file, for which libheif is needed and not installed (Debian and Ubuntu: apt-get "
                           "install libheif1, and libheif-plugin-libde265 where it exists; macOS: brew install libheif)",
                     NULL);
}

// Says why libheif refused.
static bool refuse(heif_status status, const uint8_t *data, size_t count, imgc_error *error) {
    bool avif = is_avif(data, count);
    const char *kind = avif ? "AVIF" : "HEIC";
    if (status.subcode == SUBERROR_LIMIT_EXCEEDED) return imgc_fail(error, IMGC_TOO_LARGE, kind, status.message);
    if (status.code == ERROR_MEMORY) return imgc_fail(error, IMGC_NO_MEMORY, kind, "out of memory");
    bool no_codec = status.code == ERROR_PLUGIN_LOADING || status.subcode == SUBERROR_UNSUPPORTED_CODEC;
    if (no_codec && !heif.has_decoder(avif ? CODEC_AV1 : CODEC_HEVC))
        return imgc_fail(error, IMGC_FORMAT_MISSING,
                         avif ? "an AVIF file, for which libheif has no decoder (Debian and Ubuntu: apt-get install "
                                "libheif-plugin-dav1d)"
                              : "an HEIC file, for which libheif has no decoder (Debian and Ubuntu: apt-get install "
                                "libheif-plugin-libde265)",
                         NULL);
    bool unsupported = no_codec || status.code == ERROR_UNSUPPORTED_FEATURE || status.code == ERROR_UNSUPPORTED_FILE_TYPE;
    if (!unsupported) return imgc_fail(error, IMGC_CORRUPT, kind, status.message);
    char message[200];
    snprintf(message, sizeof message, "a kind of %s file that libheif does not read (%s)", kind, status.message);
    return imgc_fail(error, IMGC_UNSUPPORTED, message, NULL);
}

typedef struct {
    void *context, *handle;
    imgc_size size;
} heif_file;

static void close_file(heif_file *file) {
    if (file->handle) heif.handle_release(file->handle);
    if (file->context) heif.context_free(file->context);
}

// What is coded may be larger than the picture, by a part of a block or of a tile.
enum { MARGIN = 1024 };

static uint64_t coded_pixels(const imgc_limits *limits) {
    return limits->max_pixels + MARGIN * ((uint64_t)limits->max_width + limits->max_height + MARGIN);
}

static void limit_coded_size(void *context, const imgc_limits *limits) {
    uint64_t side = (uint64_t)(limits->max_width > limits->max_height ? limits->max_width : limits->max_height) + MARGIN;
    // Newer versions limit the pixels, older ones each side.
    if (heif.security_limits)
        heif.security_limits(context)->max_pixels = coded_pixels(limits);
    else
        heif.size_limit(context, side > INT32_MAX ? INT32_MAX : (int)side);
}

// libheif reads the boxes only; pixels are decoded later.
static bool open_file(const uint8_t *data, size_t count, const imgc_limits *limits, heif_file *file, imgc_error *error) {
    *file = (heif_file){NULL, NULL, {0, 0}};
    if (!(file->context = heif.context())) return imgc_fail(error, IMGC_NO_MEMORY, "HEIF", "out of memory");
    limit_coded_size(file->context, limits);
    // Tiles are decoded on the calling thread: the caller chooses how many pictures are decoded at a time.
    if (heif.threads) heif.threads(file->context, 0);
    heif_status status = heif.read(file->context, data, count, NULL);
    if (status.code == 0) status = heif.primary(file->context, &file->handle);
    if (status.code != 0) {
        refuse(status, data, count, error);
        close_file(file);
        return false;
    }
    int width = heif.handle_width(file->handle), height = heif.handle_height(file->handle);
    if (imgc_within(limits, width > 0 ? (uint64_t)width : 0, height > 0 ? (uint64_t)height : 0, error)) {
        file->size = (imgc_size){(uint32_t)width, (uint32_t)height};
        return true;
    }
    close_file(file);
    return false;
}

bool imgc_heif_size(const uint8_t *data, size_t count, const imgc_limits *limits, imgc_size *size, imgc_error *error) {
    if (!require_library(data, count, error)) return false;
    heif_file file;
    if (!open_file(data, count, limits, &file, error)) return false;
    *size = file.size;
    close_file(&file);
    // A coded picture larger than the one that the file promises is refused after decoding, but takes memory before.
    imgc_limits exact = {size->width, size->height, (uint64_t)size->width * size->height, 0};
    return imgc_heif_coded_within(data, count, coded_pixels(&exact), error);
}

static void copy_row(const uint8_t *rgba, uint8_t *to, uint32_t channels, uint32_t width) {
    if (channels == 4) {
        memcpy(to, rgba, (size_t)width * 4);
        return;
    }
    for (uint32_t x = 0; x < width; x++, rgba += 4, to += channels) {
        if (channels == 1)
            *to = imgc_luma(rgba);
        else
            memcpy(to, rgba, 3);
    }
}

static bool copy_image(const void *image, imgc_size size, uint32_t channels, uint8_t *pixels, imgc_error *error) {
    int stride = 0;
    const uint8_t *plane = heif.plane(image, CHANNEL_INTERLEAVED, &stride);
    bool fits = plane && stride >= 0 && (size_t)stride >= (size_t)size.width * 4 &&
                heif.width(image, CHANNEL_INTERLEAVED) == (int)size.width &&
                heif.height(image, CHANNEL_INTERLEAVED) == (int)size.height;
    if (!fits) return imgc_fail(error, IMGC_CORRUPT, "HEIF", "the picture has another size than the header says");
    for (uint32_t y = 0; y < size.height; y++)
        copy_row(plane + (size_t)y * (size_t)stride, pixels + (size_t)y * size.width * channels, channels, size.width);
    return true;
}

bool imgc_heif_decode(const uint8_t *data, size_t count, imgc_size size, uint32_t channels, uint8_t *pixels,
                      imgc_error *error) {
    if (!require_library(data, count, error)) return false;
    if (channels != 1 && channels != 3 && channels != 4)
        return imgc_fail(error, IMGC_INVALID_ARGUMENT, "the number of channels must be 1, 3 or 4", NULL);
    imgc_limits exact = {size.width, size.height, (uint64_t)size.width * size.height, 0};
    heif_file file;
    if (!open_file(data, count, &exact, &file, error)) return false;
    bool good = file.size.width == size.width && file.size.height == size.height;
    if (!good) imgc_fail(error, IMGC_INVALID_ARGUMENT, "the size is not that of the file", NULL);
    heif_options *options = good ? heif.options() : NULL;
    if (good && !options) good = imgc_fail(error, IMGC_NO_MEMORY, "HEIF", "out of memory");
    if (good) {
        options->convert_hdr_to_8bit = 1;
        void *image = NULL;
        heif_status status = heif.decode(file.handle, &image, COLORS_RGB, CHROMA_INTERLEAVED_RGBA, options);
        good = status.code == 0 ? copy_image(image, size, channels, pixels, error) : refuse(status, data, count, error);
        if (image) heif.image_release(image);
    }
    if (options) heif.options_free(options);
    close_file(&file);
    return good;
}
