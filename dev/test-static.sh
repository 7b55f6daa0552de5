#!/usr/bin/env bash
# Tests a program linked statically with Swift's libraries, as servers are shipped, with a replica in a separate
# process.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(uname)" = Linux ] || { echo "static: skipped, Swift's libraries can only be linked statically on Linux"; exit 0; }
output=$(${SWIFT:-swift} build --static-swift-stdlib --product entry-top-level --scratch-path .build-static --quiet 2>&1) \
    || { echo "$output" >&2; exit 1; }
program=.build-static/debug/entry-top-level
if ldd $program | grep -q libswiftCore; then echo "static: $program is not linked statically" >&2; exit 1; fi
expected=$'main runs\nin a process of its own'
actual=$(timeout 60 $program) || { echo "static: $program failed or did not exit" >&2; exit 1; }
[ "$actual" = "$expected" ] || { echo "static: expected '$expected', got '$actual'" >&2; exit 1; }
echo "static: ok"
