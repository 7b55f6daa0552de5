#ifndef IMGC_JPEG_MARKERS_H
#define IMGC_JPEG_MARKERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t marker;  // of the first frame, 0xC0 to 0xCF, which tells its coding; 0 without a frame
    uint8_t depth;   // bits per channel
} imgc_jpeg_frame;

// Finds the first frame without decoding.
imgc_jpeg_frame imgc_jpeg_first_frame(const uint8_t *data, size_t count);

#endif
