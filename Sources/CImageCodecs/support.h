// Functions shared by the code of all formats.
#ifndef IMGC_SUPPORT_H
#define IMGC_SUPPORT_H

#include "image_codecs.h"

// Fills in *error and returns false. `detail` may be NULL.
bool imgc_fail(imgc_error *error, enum imgc_code code, const char *what, const char *detail);

// Opens the first library of a NULL-terminated list of names that can be loaded; NULL when none can.
void *imgc_open_first(const char *const *names);

bool imgc_within(const imgc_limits *limits, uint64_t width, uint64_t height, imgc_error *error);

// Luma as Pillow computes it: ITU-R 601 with 16 fraction bits.
static inline uint8_t imgc_luma(const uint8_t *rgb) {
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

// a * b / 255, rounded, as Pillow computes it.
static inline uint32_t imgc_muldiv255(uint32_t a, uint32_t b) {
    uint32_t product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

#endif
