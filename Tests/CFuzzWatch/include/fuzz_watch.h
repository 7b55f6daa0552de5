// What the fuzzing program asks of the address sanitizer: a count of the memory in use, and a last word when a fault ends
// the process.
#ifndef FUZZ_WATCH_H
#define FUZZ_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Begins to count; false when the program was built without the address sanitizer.
bool fuzz_watch_start(uint64_t seed);

// An input begins. It has `seconds` to end; a fault or a longer time ends the process and names the input.
void fuzz_watch_begin(uint64_t input, unsigned seconds);

// Bytes in use now, and the most in use at a time since the input began.
int64_t fuzz_watch_live(void);
int64_t fuzz_watch_peak(void);

#endif
