#include "png_chunks.h"

#include <string.h>

enum { SIGNATURE_BYTES = 8, HEADER_BYTES = 8, CHECKSUM_BYTES = 4 };

// For some chunks (eXIf, up to 2 GiB) libpng allocates the announced length before reading, so the file is checked
// beforehand.
bool imgc_png_chunks_are_whole(const uint8_t *data, size_t count) {
    size_t at = SIGNATURE_BYTES;
    while (at <= count && count - at >= HEADER_BYTES) {
        const uint8_t *header = data + at;
        size_t length = (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
        at += HEADER_BYTES;
        if (length > count - at) return false;
        if (memcmp(header + 4, "IEND", 4) == 0) return true;
        at += length + CHECKSUM_BYTES;
    }
    return true;
}
