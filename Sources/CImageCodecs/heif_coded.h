#ifndef IMGC_HEIF_CODED_H
#define IMGC_HEIF_CODED_H

#include "support.h"

// Checks the sizes that the coded pictures of an AVIF or HEIC file have by their own headers. The decoders allocate by
// these, whatever the file says of them outside.
//
// Refuses files whose pictures it does not find: with `max_pixels` it would otherwise not be known what they take.
bool imgc_heif_coded_within(const uint8_t *data, size_t count, uint64_t max_pixels, imgc_error *error) IMGC_MUST_CHECK;

#endif
