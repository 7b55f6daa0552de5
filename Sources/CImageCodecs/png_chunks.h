// The structure of a PNG file.
#ifndef IMGC_PNG_CHUNKS_H
#define IMGC_PNG_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    bool good;            // whether libpng may read the file
    const uint8_t *cut;   // the data chunk that is longer than the file, or NULL
    uint32_t cut_length;  // how many bytes of it there are
} imgc_png_structure;

// Checks the lengths of the chunks: only data may be cut off, which still leaves all rows if nothing but the checksums
// is missing. Everything else is left to libpng.
imgc_png_structure imgc_png_walk(const uint8_t *data, size_t count);

#endif
