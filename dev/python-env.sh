#!/usr/bin/env bash
# Creates a Python environment at the root of the repository and installs pinned sets of Python packages in it.
#
# Usage: dev/python-env.sh [set...]
#
# Each set is a file dev/requirements/<set>.txt; without arguments the set is "runtime". An installed set costs nothing,
# so other scripts can call this one every time. It prints nothing when there is nothing to do.
#
# Environment: PYTHON   the interpreter that creates the environment (default: python3)
#              VENV     the environment's folder (default: .venv)
#
# Exit status: 0 all sets are installed, 1 something failed, 2 wrong usage.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
requirements="$root/dev/requirements"
venv="$root/${VENV:-.venv}"
python=${PYTHON:-python3}

say() { printf 'python-env: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

known_sets() {
    local file
    for file in "$requirements"/*.txt; do basename "$file" .txt; done | tr '\n' ' '
}

case ${1:-} in
-h | --help)
    sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"
    echo "Sets: $(known_sets)"
    exit 0
    ;;
esac

[ $# -gt 0 ] || set -- runtime
for name in "$@"; do
    if ! [[ $name =~ ^[a-z0-9-]+$ ]] || [ ! -f "$requirements/$name.txt" ]; then
        say "no set named '$name'; there are: $(known_sets)"
        exit 2
    fi
done

# A set's stamp is a copy of its requirements file, made after the installation.
is_installed() { cmp -s "$requirements/$1.txt" "$venv/.installed-$1"; }
all_installed() {
    local name
    "$venv/bin/python" -c '' 2>/dev/null || return 1
    for name in "$@"; do is_installed "$name" || return 1; done
}
all_installed "$@" && exit 0

log=$(mktemp "${TMPDIR:-/tmp}/python-env.XXXXXX")
relaxed=
trap 'rm -f "$log" ${relaxed:+"$relaxed"}' EXIT

fail_with_log() {
    say "$1; the end of the log:"
    tail -n 20 "$log" | sed 's/^/    /' >&2
    exit 1
}

# Two builds may run this at once. macOS has no flock; there the second one does not wait and pip runs twice.
if command -v flock >/dev/null; then
    exec 9<"$requirements"
    flock 9
    all_installed "$@" && exit 0
fi

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    command -v "$python" >/dev/null || fail "'$python' was not found. Install Python 3.11 or newer, or set PYTHON."
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>"$log" ||
        fail "$("$python" --version 2>&1 | tail -n 1) is too old or does not run: Python 3.11 or newer is needed (or set PYTHON)."
    "$python" -c 'import venv, ensurepip' 2>"$log" ||
        fail "'$python' has no venv or no pip. On Debian and Ubuntu: apt-get install python3-venv"
    rm -rf "$venv"
    "$python" -m venv "$venv" >"$log" 2>&1 || fail_with_log "could not create $venv"
fi

install() {
    # The requirements file may have options for pip, in a line "# pip-options: ...".
    local options
    options=$(sed -n 's/^# pip-options: *//p' "$1")
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input $options -r "$1" 9>&- >"$log" 2>&1
}

for name in "$@"; do
    is_installed "$name" && continue
    file="$requirements/$name.txt"
    say "installing '$name' into ${VENV:-.venv}"
    if ! install "$file"; then
        # PyPI has no "+cpu" builds of torch: those come from a local folder of wheels or from PyTorch's own index.
        grep -q 'No matching distribution found for torch==.*+cpu' "$log" || fail_with_log "installing '$name' failed"
        say "pip finds no CPU-only build of torch; taking the plain one, on Linux a download of several GB." \
            "(To avoid it, stop here and point PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL to CPU builds.)"
        relaxed=$(mktemp "${TMPDIR:-/tmp}/python-env.XXXXXX")
        sed 's/^\(torch==[^+]*\)+cpu/\1/' "$file" >"$relaxed"
        install "$relaxed" || fail_with_log "installing '$name' failed"
    fi
    cp "$file" "$venv/.installed-$name"
done
