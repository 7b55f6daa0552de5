#!/usr/bin/env bash
# Builds the fuzzing program with the address sanitizer, separately from other builds, and runs it: fuzz.sh COUNT SEED
# [TARGETS].
set -euo pipefail
cd "$(dirname "$0")/.."
# The linker warns about each sanitizer symbol that is defined in assembly.
${SWIFT:-swift} build --product fuzz-decoders --sanitize=address --scratch-path .build-fuzz --quiet 2>&1 \
    | sed '/Cannot export local symbol/d'
.build-fuzz/debug/fuzz-decoders --count "${1:-100000}" --seed "${2:-1}" ${3:+--targets "$3"}
