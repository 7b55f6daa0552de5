#include "jpeg_markers.h"

#include <stdbool.h>
#include <string.h>

enum { MARKER_START_OF_IMAGE = 0xD8, MARKER_START_OF_SCAN = 0xDA, MARKER_TEMPORARY = 0x01 };

static bool begins_frame(uint8_t marker) {
    // Three of the sixteen markers are tables or reserved.
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static bool stands_alone(uint8_t marker) {
    return marker == MARKER_TEMPORARY || (marker >= 0xD0 && marker <= MARKER_START_OF_IMAGE + 1);
}

// Bytes between segments are skipped, as in libjpeg.
imgc_jpeg_frame imgc_jpeg_first_frame(const uint8_t *data, size_t count) {
    imgc_jpeg_frame found = {0, 0};
    const uint8_t *at = data, *end = data + count;
    while (at < end && (at = memchr(at, 0xFF, (size_t)(end - at)))) {
        while (at < end && *at == 0xFF) at++;  // fill bytes
        if (at == end) break;
        uint8_t marker = *at++;
        if (marker == 0 || stands_alone(marker)) continue;
        if (marker == MARKER_START_OF_SCAN || end - at < 2) break;
        size_t length = (size_t)at[0] << 8 | at[1];
        if (length > (size_t)(end - at)) break;
        if (begins_frame(marker)) {
            if (length > 2) found = (imgc_jpeg_frame){marker, at[2]};
            break;
        }
        at += length < 2 ? 2 : length;
    }
    return found;
}
