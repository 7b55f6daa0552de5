// The structure of a PNG file.
#ifndef IMGC_PNG_CHUNKS_H
#define IMGC_PNG_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether each chunk up to the end marker has as many bytes as it announces. Checksums and a missing end marker are
// left to libpng.
bool imgc_png_chunks_are_whole(const uint8_t *data, size_t count);

#endif
