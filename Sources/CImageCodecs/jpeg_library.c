#include "jpeg_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static struct jpeg_library library;

static void on_failure(void *codec) {
    struct jpeg_failure *failure = (struct jpeg_failure *)((struct jpeg_codec *)codec)->errors;
    char message[256] = "";  // the library writes 200 at most
    failure->errors.format(codec, message);
    imgc_fail(failure->error, IMGC_CORRUPT, "JPEG", message);
    longjmp(failure->jump, 1);
}

static void on_message(void *codec, int level) {
    (void)codec;
    (void)level;
}

void imgc_jpeg_catch(const struct jpeg_library *lib, struct jpeg_failure *failure, struct jpeg_codec *codec,
                     imgc_error *error) {
    codec->errors = lib->standard_errors(&failure->errors);
    failure->errors.exit = on_failure;
    failure->errors.emit = on_message;
    failure->error = error;
}

// The library refuses callers that name another version or another size of the structure than it was built with, and
// says which it expects. So both are asked for. The structures begin alike in the versions 6.2, 7 and 8.
static size_t expected_size(void (*create)(void *, int, size_t)) {
    static union jpeg_room room;
    static struct jpeg_failure failure;
    static size_t size;
    size = 1;
    if (library.version == 0) library.version = 62;
    for (int attempt = 0; attempt < 3; attempt++) {
        memset(&room, 0, sizeof room);
        imgc_jpeg_catch(&library, &failure, &room.decoder.codec, NULL);
        if (setjmp(failure.jump) == 0) {
            create(&room, library.version, size);
            library.destroy(&room);
            return size;
        }
        int expected = failure.errors.parameters.numbers[0], given = failure.errors.parameters.numbers[1];
        if (given == library.version && (expected == 62 || expected == 70 || expected == 80))
            library.version = expected;
        else if (given == (int)size && expected > (int)sizeof(struct jpeg_decoder) && expected <= (int)sizeof room)
            size = (size_t)expected;
        else
            return 0;
    }
    return 0;
}

static void load_named(const char *name) {
    const char *const names[] = {name, NULL};
    void *handle = imgc_open_first(names);
    if (!handle) return;
    bool all = true;
#define FIND(field, symbol) all &= (*(void **)&library.field = dlsym(handle, "jpeg_" symbol)) != NULL
    FIND(standard_errors, "std_error");
    FIND(create_decoder, "CreateDecompress");
    FIND(create_encoder, "CreateCompress");
    FIND(destroy, "destroy");
    FIND(read_header, "read_header");
    FIND(start_decoding, "start_decompress");
    FIND(read_rows, "read_scanlines");
    FIND(finish_decoding, "finish_decompress");
    FIND(resync, "resync_to_restart");
    FIND(set_defaults, "set_defaults");
    FIND(set_quality, "set_quality");
    FIND(start_encoding, "start_compress");
    FIND(write_rows, "write_scanlines");
    FIND(finish_encoding, "finish_compress");
#undef FIND
    // Only libjpeg-turbo has this function. Others called libjpeg compute other pixels.
    all &= dlsym(handle, "jpeg_crop_scanline") != NULL;
    if (!all) return;
    library.decoder_size = expected_size(library.create_decoder);
    library.encoder_size = expected_size(library.create_encoder);
    library.ready = library.decoder_size > 0 && library.encoder_size > 0;
}

// The first library that is libjpeg-turbo: others have the same file names.
static void load(void) {
    static const char *const names[] = {
        "libjpeg.so.62", "libjpeg.so.8", "libjpeg.so", "libjpeg.8.dylib", "libjpeg.62.dylib",
        "/opt/homebrew/lib/libjpeg.8.dylib", "/opt/homebrew/opt/jpeg-turbo/lib/libjpeg.8.dylib",
        "/usr/local/lib/libjpeg.8.dylib",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !library.ready; i++) load_named(names[i]);
}

const struct jpeg_library *imgc_jpeg_library(imgc_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (library.ready) return &library;
    imgc_fail(error, IMGC_LIBRARY_MISSING,
              "libjpeg-turbo is not installed (Debian: apt-get install libjpeg62-turbo; Ubuntu: libjpeg-turbo8; "
              "macOS: brew install jpeg-turbo)",
              NULL);
    return NULL;
}
