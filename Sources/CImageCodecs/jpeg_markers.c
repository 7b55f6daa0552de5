#include "jpeg_markers.h"

#include <string.h>

enum { MARKER_START_OF_IMAGE = 0xD8, MARKER_END_OF_IMAGE = 0xD9, MARKER_START_OF_SCAN = 0xDA, MARKER_TEMPORARY = 0x01 };

static bool begins_frame(uint8_t marker) {
    // Three of the sixteen markers are tables or reserved.
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static bool stands_alone(uint8_t marker) {
    return marker == MARKER_TEMPORARY || (marker >= 0xD0 && marker <= MARKER_START_OF_IMAGE);
}

// For a truncated file libjpeg only warns and makes up an end-of-image marker, so the file is checked beforehand. Bytes
// between segments are skipped, as in libjpeg. That also skips the data of a scan, in which 0xFF is always followed by
// 0 or by a restart marker.
imgc_jpeg_structure imgc_jpeg_walk(const uint8_t *data, size_t count, uint32_t stop_after) {
    imgc_jpeg_structure found = {false, 0, 0, 0};
    const uint8_t *at = data, *end = data + count;
    while (at < end && (at = memchr(at, 0xFF, (size_t)(end - at)))) {
        while (at < end && *at == 0xFF) at++;  // fill bytes
        if (at == end) break;
        uint8_t marker = *at++;
        if (marker == 0 || stands_alone(marker)) continue;
        if (marker == MARKER_END_OF_IMAGE) {
            found.complete = true;
            break;
        }
        if (marker == MARKER_START_OF_SCAN && ++found.scans > stop_after) break;
        if (end - at < 2) break;
        size_t length = (size_t)at[0] << 8 | at[1];
        if (length < 2 || length > (size_t)(end - at)) break;
        if (begins_frame(marker) && found.frame == 0 && length > 2) {
            found.frame = marker;
            found.depth = at[2];
        }
        at += length;
    }
    return found;
}
