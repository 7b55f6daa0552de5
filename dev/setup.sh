#!/usr/bin/env bash
# Installs what `make run`, `make test` or `make bench` need; `load` is `bench` without models, `course` and `peers` add
# other model servers to it, in environments of their own. Prints nothing and returns quickly when everything is
# installed.
set -euo pipefail
cd "$(dirname "$0")/.."
goal=${1:?usage: dev/setup.sh run|test|bench|load|course|peers|operations|dashboard|picture}

fail() { printf 'setup: %s\n' "$1" >&2; exit 1; }
command -v swift >/dev/null || fail "no 'swift' on the PATH; Swerve needs Swift 6.3 or later (https://swift.org/install)"

# Debian packages: what the build needs, the image libraries that SwerveVision loads, and the programs that the goal's
# scripts call. A library is named by the beginning of its file, followed by the packages that have it: Debian and
# Ubuntu name them differently.
packages=(
    zlib1g-dev libsqlite3-dev libjpeg.so.:libjpeg62-turbo:libjpeg-turbo8 libpng16.so.16:libpng16-16:libpng16-16t64 libwebp7
    libwebpdemux2 libheif1 curl python3
)
# From Debian 13 and Ubuntu 24.04 on, libheif's decoders are packages of their own. A new machine knows no packages
# before `apt-get update`.
plugins() {
    local plugin
    for plugin in libheif-plugin-dav1d libheif-plugin-libde265; do
        apt-cache show "$plugin" >/dev/null 2>&1 && echo "$plugin"
    done
    true
}
# shellcheck disable=SC2207
packages+=($(plugins))
case $goal in bench | course | peers) packages+=(wrk nginx-light) ;; esac
[ "$goal" = load ] && packages=(zlib1g-dev libsqlite3-dev wrk nginx-light python3)
case $goal in operations | dashboard) packages=(zlib1g-dev libsqlite3-dev python3 curl tmux chromium chromium-driver fonts-dejavu-core) ;; esac
[ "$goal" = operations ] && packages+=(prometheus)
[ "$goal" = picture ] && packages=(graphviz)
missing() {
    local package
    for package in "${packages[@]}"; do
        [ "$package" = python3 ] && command -v python3 >/dev/null && continue
        [ "$package" = curl ] && command -v curl >/dev/null && continue
        [ "$package" = nginx-light ] && command -v nginx >/dev/null && continue
        [[ $package == *:* ]] && PATH=$PATH:/sbin ldconfig -p | grep -F "${package%%:*}" >/dev/null && continue
        dpkg -s "$package" >/dev/null 2>&1 || echo "$package"
    done
}
# The first of a library's packages that this system has.
known() {
    local name
    for name in $(tr : ' ' <<<"${1#*.so.*:}"); do
        apt-cache policy "$name" 2>/dev/null | grep 'Candidate: [^(]' >/dev/null && echo "$name" && return
    done
    echo "${1%%:*}"
}
# The plugins, if the goal needs libheif.
in_pictures() { case " ${packages[*]} " in *" libheif1 "*) plugins ;; esac; }
if command -v dpkg >/dev/null; then
    wanted=$(missing)
    if [ -n "$wanted" ]; then
        echo "setup: installing $(echo $wanted | sed 's/:[^ ]*//g')"
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo)
        log=$(mktemp)
        # shellcheck disable=SC2046,SC2086
        { "${as_root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq \
            --no-install-recommends $(for package in $wanted; do known "$package"; done) $(in_pictures); } >"$log" 2>&1 \
            || { tail -5 "$log" >&2; fail "apt-get could not install: $(echo $wanted)"; }
        rm -f "$log"
    fi
elif [ "$(uname)" = Darwin ]; then
    for formula in jpeg-turbo libpng webp libheif; do
        brew list "$formula" >/dev/null 2>&1 || brew install -q "$formula" || fail "brew could not install $formula"
    done
fi

# A set of Python packages that may be missing, and what follows if it is.
optional() { dev/python-env.sh "$1" || echo "setup: '$1' cannot be installed: $2"; }

case $goal in
    run)
        dev/python-env.sh runtime
        optional openvino "the model runs in ONNX Runtime, at half the speed"
        ;;
    test)
        dev/python-env.sh runtime golden training hub content
        optional openvino "its tests are skipped"
        for variant in b0 b1 tiny; do .venv/bin/python dev/make-b0.py --variant $variant; done
        .venv/bin/python dev/make-golden.py
        .venv/bin/python dev/make-models.py
        .venv/bin/python dev/make-content.py
        ;;
    bench | course)
        dev/python-env.sh runtime golden
        optional openvino "its rows are left out"
        .venv/bin/python dev/make-b0.py --variant b0
        .venv/bin/python dev/make-b0.py --variant b0 --weights
        if [ "$goal" = course ]; then
            VENV=.venv-peers dev/python-env.sh ray
        else
            VENV=.venv-peers optional ray "the rows course_* are left out"
        fi
        ;;
    peers)
        VENV=.venv-peers dev/python-env.sh ray peers
        # It needs an older FastAPI than the others.
        VENV=.venv-mlserver dev/python-env.sh mlserver
        ;;
    operations) VENV=.venv-operations dev/python-env.sh operations dashboard tracing ;;
    dashboard) VENV=.venv-operations dev/python-env.sh dashboard ;;
    load | picture) ;;
    *) fail "unknown goal '$goal'" ;;
esac
