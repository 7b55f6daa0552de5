#!/usr/bin/env bash
# Compiles the snippets that must not compile and checks what the compiler says about each.
#
#   dev/check-diagnostics.sh [BUILD_DIR [SNIPPET...]]
#
# BUILD_DIR is by default what `swift build --show-bin-path` prints. A snippet starts with one or more lines
# `// expect: TEXT`; its compilation must fail and print each TEXT.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$(swift build --package-path "$root" --show-bin-path)}
shift $(($# > 0 ? 1 : 0))
if [ $# -eq 0 ]; then
    set -- "$root"/Tests/SwerveMacrosTests/Rejected/*.swift.txt
fi

plugin=
for candidate in "$build/SwerveMacrosPlugin-tool" "$build/SwerveMacrosPlugin"; do
    if [ -x "$candidate" ] && [ ! -d "$candidate" ]; then plugin=$candidate; break; fi
done
if [ -z "$plugin" ] || [ ! -e "$build/Modules/SwerveMacros.swiftmodule" ]; then
    echo "$0: no SwerveMacros in $build: run 'swift build' first" >&2
    exit 2
fi

flags=(-typecheck -swift-version 6 -module-name Rejected -I "$build/Modules")
flags+=(-load-plugin-executable "$plugin#SwerveMacrosPlugin")
# The C modules used by Swift modules of this and other packages.
while IFS= read -r map; do
    flags+=(-Xcc "-fmodule-map-file=$map")
done < <(find "$build" -maxdepth 2 -name module.modulemap -not -path "*-tool.build/*"; \
    find "$build/../../checkouts" -path '*/Sources/*/include/module.modulemap' 2>/dev/null || true; \
    find "$root/Sources" -maxdepth 2 -name module.modulemap)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for snippet in "$@"; do
    name=$(basename "$snippet" .swift.txt)
    # Removes the expectations, which the compiler would otherwise print as context of an error.
    sed 's|^// expect: .*||' "$snippet" >"$work/$name.swift"
    if swiftc "${flags[@]}" "$work/$name.swift" >"$work/output" 2>&1; then
        echo "not ok: $name compiles"
        failed=1
        continue
    fi
    missing=0
    while IFS= read -r text; do
        grep -qF -- "$text" "$work/output" || { echo "not ok: $name: the compiler does not say: $text"; missing=1; }
    done < <(sed -n 's|^// expect: ||p' "$snippet")
    grep -q '^// expect: ' "$snippet" || { echo "not ok: $name expects nothing"; missing=1; }
    if [ $missing -eq 0 ]; then
        echo "ok: $name"
    else
        cat "$work/output"
        failed=1
    fi
done
exit $failed
