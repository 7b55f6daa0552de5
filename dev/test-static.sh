#!/usr/bin/env bash
# A program that is linked with Swift's libraries statically, as servers are shipped, with a replica in a process of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(uname)" = Linux ] || { echo "static: skipped, for Swift's libraries can be linked statically on Linux only"; exit 0; }
output=$(${SWIFT:-swift} build --static-swift-stdlib --product entry-top-level --scratch-path .build-static --quiet 2>&1) \
    || { echo "$output" >&2; exit 1; }
program=.build-static/debug/entry-top-level
if ldd $program | grep -q libswiftCore; then echo "static: $program is not linked statically" >&2; exit 1; fi
expected=$'main runs\nin a process of its own'
actual=$(timeout 60 $program) || { echo "static: $program failed or did not end" >&2; exit 1; }
[ "$actual" = "$expected" ] || { echo "static: expected '$expected', got '$actual'" >&2; exit 1; }
echo "static: ok"
