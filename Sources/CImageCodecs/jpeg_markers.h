#ifndef IMGC_JPEG_MARKERS_H
#define IMGC_JPEG_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    bool complete;   // there is an end-of-image marker
    uint32_t scans;  // counted up to `stop_after`
    uint8_t frame;   // the marker of the first frame, 0xC0 to 0xCF, which tells its coding; 0 without a frame
    uint8_t depth;   // bits per channel of the first frame
} imgc_jpeg_structure;

// Walks the markers without decoding. Stops after finding more than `stop_after` scans.
imgc_jpeg_structure imgc_jpeg_walk(const uint8_t *data, size_t count, uint32_t stop_after);

#endif
