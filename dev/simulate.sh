#!/usr/bin/env bash
# Runs seeded histories: simulate.sh middle|graph [MUTATION]. SEEDS, FIRST_SEED and SWIFT come from the environment. A
# mutation is a patch that puts a kind of fault back into a copy of the tree; the histories must find it.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:?usage: dev/simulate.sh middle|graph [MUTATION]}
mutation=${2:-}
swift=${SWIFT:-swift}
# Gives dictionaries the same order in every run, so that a seed reproduces its history.
export SWIFT_DETERMINISTIC_HASHING=1 SWERVE_SEEDS=${SEEDS:-100000} SWERVE_FIRST_SEED=${FIRST_SEED:-0}

if [ -z "$mutation" ]; then
    $swift build -c release --product "simulate-$program" --quiet
    [ "$program" = middle ] || exec ".build/release/simulate-$program"
    # Runs a limited number per process, on all cores: whatever a history leaves behind is gone when its process exits.
    part=$((SWERVE_SEEDS < 5000 ? SWERVE_SEEDS : 5000))
    export program SWERVE_FIRST_SEED part end=$((SWERVE_FIRST_SEED + SWERVE_SEEDS))
    seq "$SWERVE_FIRST_SEED" "$part" $((end - 1)) | xargs -P "$(nproc)" -I{} bash -c '
        SWERVE_FIRST_SEED={} SWERVE_SEEDS=$(({} + part < end ? part : end - {})) ".build/release/simulate-$program"'
    echo "$SWERVE_SEEDS histories from seed $SWERVE_FIRST_SEED: ok"
    exit
fi

patch="$PWD/Tests/Mutations/$mutation.patch"
[ -f "$patch" ] || { echo "there is no Tests/Mutations/$mutation.patch" >&2; exit 2; }
tree=.build-mutation/tree
mkdir -p "$tree"
# Copies only files that differ, so that a second mutation builds quickly.
git ls-files -co --exclude-standard | rsync -a --delete --exclude .build --files-from=- ./ "$tree/" 2>/dev/null \
    || git ls-files -co --exclude-standard | while read -r file; do
        [ -f "$file" ] && ! cmp -s "$file" "$tree/$file" && { mkdir -p "$tree/$(dirname "$file")"; cp "$file" "$tree/$file"; } || true
    done
patch -s -p1 -d "$tree" < "$patch"
restore() { (cd "$tree" && patch -s -R -p1 < "$patch"); }
trap restore EXIT
(cd "$tree" && $swift build -c release --product "simulate-$program" --quiet)
if (cd "$tree" && ".build/release/simulate-$program"); then
    echo "mutation $mutation was NOT found in $SWERVE_SEEDS histories" >&2
    exit 1
fi
echo "mutation $mutation was found"
