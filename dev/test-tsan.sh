#!/usr/bin/env bash
# Builds the tests with the thread sanitizer, separately from other builds, and runs those of the concurrent targets:
# test-tsan.sh [FILTER]. The first build takes ten minutes or more.
set -euo pipefail
cd "$(dirname "$0")/.."
filter=${1:-"SwerveActorsTests|SwerveControllerTests|SwerveTransportTests|SwerveRoutingTests|SwerveHTTPTests|SwerveHTTPTypesTests|SwerveRuntimeTests|SwerveGraphTests|SwerveIntegrationTests"}
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
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"
# Runs few histories of the simulation, because it has only one thread.
SWERVE_SEEDS=${SWERVE_SEEDS:-50} "$swift" test --skip-build --disable-xctest "${options[@]}" --filter "$filter"
