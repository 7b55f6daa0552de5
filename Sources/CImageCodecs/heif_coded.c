#include "heif_coded.h"

#include <stdlib.h>
#include <string.h>

// A part of the file that is read from its beginning to its end. Reading past the end sets `failed` and gives zeros.
typedef struct {
    const uint8_t *at, *end;
    bool failed;
} part;

static size_t left(const part *p) { return (size_t)(p->end - p->at); }

static uint64_t number(part *p, unsigned bytes) {
    if (left(p) < bytes) {
        p->failed = true;
        p->at = p->end;
        return 0;
    }
    uint64_t value = 0;
    while (bytes--) value = value << 8 | *p->at++;
    return value;
}

static part take(part *p, uint64_t count) {
    if (count > left(p)) {
        p->failed = true;
        count = left(p);
    }
    part taken = {p->at, p->at + count, false};
    p->at += count;
    return taken;
}

enum { MAX_ITEMS = 4096 };
#define NAME(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

typedef struct {
    part file, item_data;  // item_data: the box 'idat'
    uint64_t max_pixels;
    imgc_error *error;
    uint32_t *coded;  // the items that are AVIF or HEIC pictures, and their kinds
    uint32_t *kinds;
    size_t coded_count, found;
    uint64_t budget;  // how many bytes of pictures may still be looked at: pictures may share bytes
    uint64_t largest;  // the pixels of the largest coded picture
    uint64_t parts;    // how many references pictures make to the parts that they consist of
    unsigned seen;     // which of the boxes that may come once have come
} search;

static bool refuse(search *s, enum imgc_code code, const char *why) { return imgc_fail(s->error, code, "HEIF", why); }

// MARK: Coded sizes

typedef struct {
    part bytes;
    unsigned bit;
    bool skips_emulation;  // HEVC writes 0 0 3 where the content has 0 0
    unsigned zeros;
} bit_reader;

static uint32_t bits(bit_reader *r, unsigned count) {
    uint32_t value = 0;
    while (count--) {
        if (r->bit == 0 && r->skips_emulation && r->zeros >= 2 && left(&r->bytes) > 0 && *r->bytes.at == 3) {
            r->bytes.at++;
            r->zeros = 0;
        }
        if (left(&r->bytes) == 0) {
            r->bytes.failed = true;
            return 0;
        }
        value = value << 1 | (*r->bytes.at >> (7 - r->bit) & 1);
        if (++r->bit == 8) {
            r->bit = 0;
            r->zeros = *r->bytes.at == 0 ? r->zeros + 1 : 0;
            r->bytes.at++;
        }
    }
    return value;
}

// An Exp-Golomb number.
static uint32_t golomb(bit_reader *r) {
    unsigned length = 0;
    while (!r->bytes.failed && length < 32 && bits(r, 1) == 0) length++;
    if (length >= 32) r->bytes.failed = true;
    return r->bytes.failed ? 0 : (1u << length) - 1 + bits(r, length);
}

static bool check_size(search *s, const bit_reader *r, uint64_t width, uint64_t height) {
    if (r->bytes.failed) return refuse(s, IMGC_CORRUPT, "the header of a coded picture is damaged");
    if (width > 0 && height > s->max_pixels / width) return refuse(s, IMGC_TOO_LARGE, "a coded picture is above the limit");
    if (width * height > s->largest) s->largest = width * height;
    s->found++;
    return true;
}

// The sequence header of AV1, up to the largest frame.
static bool check_av1_sequence(search *s, part bytes) {
    bit_reader r = {bytes, 0, false, 0};
    bits(&r, 4);
    bool is_still = bits(&r, 1);  // reduced still picture header
    if (is_still) {
        bits(&r, 5);
    } else {
        unsigned delay_bits = 0;
        if (bits(&r, 1)) {  // timing
            bits(&r, 32);
            bits(&r, 32);
            if (bits(&r, 1)) golomb(&r);
            if (bits(&r, 1)) {  // decoder model
                delay_bits = bits(&r, 5) + 1;
                bits(&r, 32);
                bits(&r, 10);
            }
        }
        bool has_delay = bits(&r, 1);
        for (uint32_t points = bits(&r, 5) + 1; points > 0; points--) {
            bits(&r, 12);
            if (bits(&r, 5) > 7) bits(&r, 1);
            if (delay_bits && bits(&r, 1)) {
                bits(&r, delay_bits);
                bits(&r, delay_bits);
                bits(&r, 1);
            }
            if (has_delay && bits(&r, 1)) bits(&r, 4);
        }
    }
    unsigned width_bits = bits(&r, 4) + 1, height_bits = bits(&r, 4) + 1;
    uint64_t width = (uint64_t)bits(&r, width_bits) + 1, height = (uint64_t)bits(&r, height_bits) + 1;
    // A frame may override the size with any that fits into these bits. Encoders use no more bits than the size needs,
    // which leaves less than twice its width and height.
    if (!is_still && (UINT64_C(1) << width_bits) > 4 * s->max_pixels >> height_bits)
        return refuse(s, IMGC_TOO_LARGE, "a coded picture is above the limit");
    return check_size(s, &r, width, height);
}

static bool check_av1(search *s, part bytes) {
    while (left(&bytes) > 0) {
        uint8_t header = (uint8_t)number(&bytes, 1);
        if (header & 4) number(&bytes, 1);  // extension
        uint64_t size = left(&bytes);
        if (header & 2) {
            size = 0;
            for (unsigned shift = 0; shift < 56; shift += 7) {
                uint64_t byte = number(&bytes, 1);
                size |= (byte & 0x7F) << shift;
                if (!(byte & 0x80)) break;
            }
        }
        part unit = take(&bytes, size);
        if ((header >> 3 & 0xF) == 1 && !check_av1_sequence(s, unit)) return false;
    }
    return true;
}

// The sequence parameter set of HEVC, up to the size.
static bool check_hevc_unit(search *s, part bytes) {
    if (left(&bytes) < 2 || (bytes.at[0] >> 1 & 0x3F) != 33) return true;
    bytes.at += 2;
    bit_reader r = {bytes, 0, true, 0};
    bits(&r, 4);
    uint32_t layers = bits(&r, 3);
    bits(&r, 1);
    for (int i = 0; i < 3; i++) bits(&r, 32);  // profile and level
    bool has_profile[8] = {false}, has_level[8] = {false};
    for (uint32_t i = 0; i < layers; i++) {
        has_profile[i] = bits(&r, 1);
        has_level[i] = bits(&r, 1);
    }
    for (uint32_t i = layers; layers > 0 && i < 8; i++) bits(&r, 2);
    for (uint32_t i = 0; i < layers; i++) {
        if (has_profile[i])
            for (int part_count = 0; part_count < 11; part_count++) bits(&r, 8);
        if (has_level[i]) bits(&r, 8);
    }
    golomb(&r);
    if (golomb(&r) == 3) bits(&r, 1);
    uint64_t width = golomb(&r), height = golomb(&r);
    return check_size(s, &r, width, height);
}

static bool check_hevc(search *s, part bytes) {
    while (left(&bytes) >= 4) {
        part unit = take(&bytes, number(&bytes, 4));
        if (!check_hevc_unit(s, unit)) return false;
    }
    return true;
}

// MARK: Boxes

// Steps to the next box inside `p`; false at the end.
static bool next_box(part *p, uint32_t *name, part *content) {
    if (left(p) < 8) return false;
    uint64_t size = number(p, 4), head = 8;
    *name = (uint32_t)number(p, 4);
    if (size == 1) {
        size = number(p, 8);
        head = 16;
    } else if (size == 0) {
        size = left(p) + head;
    }
    *content = take(p, size < head ? 0 : size - head);
    return true;
}

static bool check_properties(search *s, part properties) {
    part box;
    uint32_t name;
    while (next_box(&properties, &name, &box)) {
        if (name == NAME('a', 'v', '1', 'C')) {
            take(&box, 4);
            if (!check_av1(s, box)) return false;
        } else if (name == NAME('h', 'v', 'c', 'C')) {
            take(&box, 22);
            for (uint64_t arrays = number(&box, 1); arrays > 0; arrays--) {
                number(&box, 1);
                for (uint64_t units = number(&box, 2); units > 0 && !box.failed; units--) {
                    part unit = take(&box, number(&box, 2));
                    if (!check_hevc_unit(s, unit)) return false;
                }
            }
        }
    }
    return true;
}

// Collects the coded items of 'iinf'.
static bool collect_items(search *s, part information) {
    uint64_t version = number(&information, 4) >> 24;
    number(&information, version == 0 ? 2 : 4);
    part box;
    uint32_t name;
    while (next_box(&information, &name, &box)) {
        if (name != NAME('i', 'n', 'f', 'e')) continue;
        uint64_t entry_version = number(&box, 4) >> 24;
        if (entry_version < 2) continue;
        uint32_t item = (uint32_t)number(&box, entry_version == 2 ? 2 : 4);
        number(&box, 2);
        uint32_t kind = (uint32_t)number(&box, 4);
        static const uint32_t others[] = {
            NAME('a', 'v', 'c', '1'), NAME('v', 'v', 'c', '1'), NAME('e', 'v', 'c', '1'), NAME('j', 'p', 'e', 'g'),
            NAME('j', '2', 'k', '1'), NAME('u', 'n', 'c', 'i'),
        };
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            if (kind == others[i])
                return imgc_fail(s->error, IMGC_UNSUPPORTED, "an HEIF file with pictures that are neither AV1 nor HEVC", NULL);
        // It may consist of any number of whole pictures, one over another.
        if (kind == NAME('i', 'o', 'v', 'l')) return imgc_fail(s->error, IMGC_UNSUPPORTED, "an HEIF file with an overlay", NULL);
        if (kind != NAME('a', 'v', '0', '1') && kind != NAME('h', 'v', 'c', '1')) continue;
        if (s->coded_count == MAX_ITEMS) return refuse(s, IMGC_TOO_LARGE, "more than 4096 coded pictures");
        s->coded[s->coded_count] = item;
        s->kinds[s->coded_count++] = kind;
    }
    return true;
}

static bool check_item(search *s, uint32_t item, part bytes) {
    for (size_t i = 0; i < s->coded_count; i++) {
        if (s->coded[i] != item) continue;
        if (left(&bytes) > s->budget) return refuse(s, IMGC_TOO_LARGE, "the pictures share their bytes too often");
        s->budget -= left(&bytes);
        bool is_av1 = s->kinds[i] == NAME('a', 'v', '0', '1');
        if (!(is_av1 ? check_av1(s, bytes) : check_hevc(s, bytes))) return false;
    }
    return true;
}

static bool is_coded(const search *s, uint32_t item) {
    for (size_t i = 0; i < s->coded_count; i++)
        if (s->coded[i] == item) return true;
    return false;
}

// Finds the data of the coded items by 'iloc'.
static bool check_locations(search *s, part locations) {
    uint64_t version = number(&locations, 4) >> 24;
    uint64_t sizes = number(&locations, 2);
    unsigned offset_bytes = sizes >> 12 & 15, length_bytes = sizes >> 8 & 15, base_bytes = sizes >> 4 & 15;
    unsigned index_bytes = version > 0 ? sizes & 15 : 0, id_bytes = version < 2 ? 2 : 4;
    if (offset_bytes > 8 || length_bytes > 8 || base_bytes > 8 || index_bytes > 8)
        return refuse(s, IMGC_CORRUPT, "the box 'iloc' is damaged");
    uint64_t items = number(&locations, id_bytes);
    if (items > MAX_ITEMS) return refuse(s, IMGC_TOO_LARGE, "more than 4096 items");
    for (; items > 0 && !locations.failed; items--) {
        uint32_t item = (uint32_t)number(&locations, id_bytes);
        uint64_t method = version > 0 ? number(&locations, 2) & 15 : 0;
        number(&locations, 2);
        uint64_t base = number(&locations, base_bytes);
        uint64_t extents = number(&locations, 2);
        bool coded = is_coded(s, item);
        if (coded && (extents != 1 || method > 1))
            return imgc_fail(s->error, IMGC_UNSUPPORTED, "an HEIF file whose pictures lie in several places", NULL);
        for (; extents > 0 && !locations.failed; extents--) {
            number(&locations, index_bytes);
            uint64_t offset = number(&locations, offset_bytes), length = number(&locations, length_bytes);
            if (!coded) continue;
            part bytes = method == 0 ? s->file : s->item_data;
            if (base > left(&bytes) || offset > left(&bytes) - base)
                return refuse(s, IMGC_CORRUPT, "a picture lies outside the file");
            bytes.at += base + offset;
            if (length > 0) bytes = take(&bytes, length);
            if (!check_item(s, item, bytes)) return false;
        }
    }
    return true;
}

// Counts in 'iref' the parts that pictures consist of, which the decoder decodes as often as they are named.
static bool count_parts(search *s, part references) {
    unsigned id_bytes = number(&references, 4) >> 24 == 0 ? 2 : 4;
    part box;
    uint32_t name;
    while (next_box(&references, &name, &box)) {
        if (name != NAME('d', 'i', 'm', 'g')) continue;
        number(&box, id_bytes);
        uint64_t count = number(&box, 2);
        s->parts += count;
        if (s->parts > MAX_ITEMS) return refuse(s, IMGC_TOO_LARGE, "more than 4096 parts of pictures");
        for (; count > 0 && !box.failed; count--)
            if (!is_coded(s, (uint32_t)number(&box, id_bytes)))
                return imgc_fail(s->error, IMGC_UNSUPPORTED, "an HEIF file whose pictures have parts with parts", NULL);
    }
    return true;
}

// The decoder looks at one of these boxes; a second one would show it another file than the one that is checked here.
static bool is_first(search *s, uint32_t name) {
    static const uint32_t once[] = {
        NAME('m', 'e', 't', 'a'), NAME('i', 'i', 'n', 'f'), NAME('i', 'd', 'a', 't'), NAME('i', 'l', 'o', 'c'),
        NAME('i', 'p', 'r', 'p'), NAME('i', 'r', 'e', 'f'),
    };
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        if (name != once[i]) continue;
        if (s->seen & 1u << i) return refuse(s, IMGC_CORRUPT, "a box that may come once comes twice");
        s->seen |= 1u << i;
    }
    return true;
}

// The boxes may come in any order: what the others refer to is collected first.
static bool check_meta(search *s, part meta, int pass) {
    number(&meta, 4);
    part box;
    uint32_t name;
    while (next_box(&meta, &name, &box)) {
        bool good = pass != 0 || is_first(s, name);
        if (good && pass == 0 && name == NAME('i', 'i', 'n', 'f')) good = collect_items(s, box);
        if (pass == 0 && name == NAME('i', 'd', 'a', 't')) s->item_data = box;
        if (pass == 1 && name == NAME('i', 'r', 'e', 'f')) good = count_parts(s, box);
        if (pass == 1 && name == NAME('i', 'l', 'o', 'c')) good = check_locations(s, box);
        if (pass == 1 && name == NAME('i', 'p', 'r', 'p')) {
            part inner;
            while (good && next_box(&box, &name, &inner))
                if (name == NAME('i', 'p', 'c', 'o')) good = check_properties(s, inner);
        }
        if (!good) return false;
    }
    return true;
}

static bool check_file(search *s) {
    for (int pass = 0; pass < 2; pass++) {
        part rest = s->file, box;
        uint32_t name;
        while (next_box(&rest, &name, &box))
            if (name == NAME('m', 'e', 't', 'a') && !((pass != 0 || is_first(s, name)) && check_meta(s, box, pass)))
                return false;
    }
    // Four times, because parts at the edges are larger than what is seen of them, and files have thumbnails.
    if (s->parts > 0 && s->largest > 4 * s->max_pixels / s->parts)
        return refuse(s, IMGC_TOO_LARGE, "the parts of a picture are together above the limit");
    return s->found > 0 || refuse(s, IMGC_CORRUPT, "the file has no picture");
}

bool imgc_heif_coded_within(const uint8_t *data, size_t count, uint64_t max_pixels, imgc_error *error) {
    search s = {.file = {data, data + count, false}, .max_pixels = max_pixels, .error = error};
    s.budget = 4 * (uint64_t)count;
    s.item_data = (part){data, data, false};
    s.coded = calloc(MAX_ITEMS, sizeof *s.coded);
    s.kinds = calloc(MAX_ITEMS, sizeof *s.kinds);
    bool good = s.coded && s.kinds ? check_file(&s) : imgc_fail(error, IMGC_NO_MEMORY, "HEIF", "out of memory");
    free(s.coded);
    free(s.kinds);
    return good;
}
