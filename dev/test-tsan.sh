#!/usr/bin/env bash
# Builds the tests with the thread sanitizer, separately from other builds, and runs those of the concurrent targets, one
# target after another, because tests that compute would take the time of those that wait: test-tsan.sh [FILTER], which
# makes one run of the tests that match. The first build takes 20 minutes or more, the tests as long again.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=(Actors Admin Controller Graph HTTP HTTPTypes Launch Logs Metrics Proxy Replica Routing Runtime System Tracing
    Transport Integration)
filters=("${targets[@]/#/^Swerve}")
filters=("${filters[@]/%/Tests[.]}")
if [[ -n ${1:-} ]]; then filters=("$1"); fi
swift=${SWIFT:-swift}
mkdir -p .build-tsan
"$(dirname "$(readlink -f "$(command -v "$swift")")")/clang" -c -O1 -fPIC dev/tsan/mutex.c -o .build-tsan/mutex.o
handle='$s15Synchronization12_MutexHandleV'
options=(
    --sanitize=thread --scratch-path .build-tsan
    -Xlinker "$PWD/.build-tsan/mutex.o" -Xlinker "--wrap=${handle}9_lockSlowyys6UInt32VF"
    -Xlinker "--wrap=${handle}11_unlockSlowyyF" -Xlinker -lswiftSynchronization
)
"$swift" build --build-tests "${options[@]}" --quiet
# Replicas are processes of the same program, so they also run under the sanitizer.
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 second_deadlock_stack=1 suppressions=$PWD/dev/tsan/suppressions.txt ${TSAN_OPTIONS:-}"
failed=()
for filter in "${filters[@]}"; do
    # Runs few histories of the simulation, because it has only one thread. Limits of memory are not tested: the sanitizer
    # itself takes more.
    SWERVE_SEEDS=${SWERVE_SEEDS:-50} "$swift" test --skip-build --disable-xctest "${options[@]}" --filter "$filter" \
        --skip '[.]ResourceLimits' || failed+=("$filter")
done
if ((${#failed[@]})); then
    echo "test-tsan: failed: ${failed[*]}" >&2
    exit 1
fi
