#include "png_chunks.h"

#include <string.h>

enum { SIGNATURE_BYTES = 8, HEADER_BYTES = 8, CHECKSUM_BYTES = 4 };

static bool is_name(const uint8_t *name) {
    for (int i = 0; i < 4; i++) {
        uint8_t c = name[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    return true;
}

// For some chunks (eXIf, up to 2 GiB) libpng allocates the announced length before reading, so the file is checked
// beforehand. As in Pillow, bytes behind the data that cannot be a chunk end the file, and a chunk that is cut off
// there makes it a damaged one.
imgc_png_structure imgc_png_walk(const uint8_t *data, size_t count) {
    imgc_png_structure found = {true, NULL, 0};
    bool has_data = false;
    size_t at = SIGNATURE_BYTES;
    while (at <= count && count - at >= HEADER_BYTES) {
        const uint8_t *header = data + at;
        size_t length = (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
        at += HEADER_BYTES;
        if (memcmp(header + 4, "IEND", 4) == 0 || (has_data && !is_name(header + 4))) break;
        bool is_data = memcmp(header + 4, "IDAT", 4) == 0;
        has_data |= is_data;
        if (length > count - at) {
            found = (imgc_png_structure){is_data, header, (uint32_t)(count - at)};
            break;
        }
        at += length + CHECKSUM_BYTES;
    }
    return found;
}
