#ifndef IMGC_JPEG_MARKERS_H
#define IMGC_JPEG_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    bool complete;   // the end-of-image marker is there
    uint32_t scans;  // counted up to `stop_after`
    uint8_t frame;   // the marker of the first frame, 0xC0 to 0xCF: how it is coded; 0 without one
    uint8_t depth;   // its bits per channel
} imgc_jpeg_structure;

// Walks the markers without decoding. Stops once more than `stop_after` scans are found.
imgc_jpeg_structure imgc_jpeg_walk(const uint8_t *data, size_t count, uint32_t stop_after);

#endif
