#include "png_library.h"

#include <dlfcn.h>
#include <pthread.h>

static struct png_library library;

static void load(void) {
    static const char *const names[] = {
        "libpng16.so.16", "libpng16.so", "libpng16.16.dylib", "libpng16.dylib", "/opt/homebrew/lib/libpng16.dylib",
        "/usr/local/lib/libpng16.dylib", NULL,
    };
    void *handle = imgc_open_first(names);
    if (!handle) return;
    bool all = true;
#define FIND(field, symbol) all &= (*(void **)&library.field = dlsym(handle, "png_" symbol)) != NULL
    FIND(version, "get_libpng_ver");
    FIND(create_read, "create_read_struct");
    FIND(create_write, "create_write_struct");
    FIND(create_info, "create_info_struct");
    FIND(destroy_read, "destroy_read_struct");
    FIND(destroy_write, "destroy_write_struct");
    FIND(set_longjmp, "set_longjmp_fn");
    FIND(jump, "longjmp");
    FIND(io_pointer, "get_io_ptr");
    FIND(error_pointer, "get_error_ptr");
    FIND(set_read, "set_read_fn");
    FIND(user_limits, "set_user_limits");
    FIND(chunk_memory_limit, "set_chunk_malloc_max");
    FIND(chunk_count_limit, "set_chunk_cache_max");
    FIND(keep_chunks, "set_keep_unknown_chunks");
    FIND(checksum_action, "set_crc_action");
    FIND(row_hook, "set_read_user_transform_fn");
    FIND(read_info, "read_info");
    FIND(get_header, "get_IHDR");
    FIND(expand, "set_expand");
    FIND(strip_16, "set_strip_16");
    FIND(strip_alpha, "set_strip_alpha");
    FIND(gray_to_rgb, "set_gray_to_rgb");
    FIND(add_alpha, "set_add_alpha");
    FIND(interlace, "set_interlace_handling");
    FIND(read_update, "read_update_info");
    FIND(row_bytes, "get_rowbytes");
    FIND(read_image, "read_image");
    FIND(set_write, "set_write_fn");
    FIND(compression_level, "set_compression_level");
    FIND(filter, "set_filter");
    FIND(set_header, "set_IHDR");
    FIND(set_palette, "set_PLTE");
    FIND(write_info, "write_info");
    FIND(write_image, "write_image");
    FIND(write_end, "write_end");
#undef FIND
    library.ready = all;
}

const struct png_library *imgc_png_library(imgc_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (library.ready) return &library;
    imgc_fail(error, IMGC_LIBRARY_MISSING,
              "libpng is not installed (Debian and Ubuntu: apt-get install libpng16-16; macOS: brew install libpng)", NULL);
    return NULL;
}

void imgc_png_on_error(void *png, const char *message) {
    imgc_fail(library.error_pointer(png), IMGC_CORRUPT, "PNG", message);
    library.jump(png, 1);
}

void imgc_png_on_warning(void *png, const char *message) {
    (void)png;
    (void)message;
}
