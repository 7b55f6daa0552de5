#!/usr/bin/env bash
# Runs the example's debug build as `make run` does, checks each path with curl, and compares the answers with the
# course's definitions in Python.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
port_file="$out/port"
sample=Examples/Segmentation/Samples/scene.png
tiny=.cache/models/segformer-tiny-random
compare=(.venv/bin/python Examples/Segmentation/course/compare.py)
fail() { echo "example: $1" >&2; cat "$out/log" >&2; exit 1; }
start() {
    rm -f "$port_file"
    .build/debug/segmentation --port 0 --port-file "$port_file" "$@" >"$out/log" 2>&1 &
    server=$!
    for _ in $(seq 600); do
        [ -s "$port_file" ] && break
        kill -0 $server 2>/dev/null || fail "the server exited"
        sleep 0.1
    done
    [ -s "$port_file" ] || fail "the server did not start within a minute"
    url="http://localhost:$(cat "$port_file")"
}
trap 'kill -TERM $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$out"' EXIT
start

passed=0
expect() { # name, expected, actual
    [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
    passed=$((passed + 1))
}
kind() { curl -s -o "$out/body" -w '%{http_code} %{content_type}' "$@"; }
expect text "***CAT***" "$(curl -s --data cat "$url/text-converter")"
for path in / /threshold /segment /sharpen-then-segment /basic-linear; do
    expect "$path" "200 image/png" "$(kind --data-binary "@$sample" "$url$path")"
    expect "$path as JPEG" "200 image/jpeg" "$(kind -H 'accept: image/jpeg' --data-binary "@$sample" "$url$path")"
done
for path in / /text-converter /threshold /segment /sharpen-then-segment /basic-linear; do
    expect "PUT $path" "405 application/json" "$(kind -X PUT --data-binary "@$sample" "$url$path")"
done
# The ingress, the service behind it and the same flow as a graph give the same bytes, whatever the client asks for.
for accept in image/png image/jpeg application/json application/x-npy; do
    for path in sharpen-then-segment basic-linear ''; do
        curl -s -H "accept: $accept" --data-binary "@$sample" "$url/$path" -o "$out/$path-answer"
    done
    expect "ingress as $accept" "same" "$(cmp -s "$out/sharpen-then-segment-answer" "$out/-answer" && echo same)"
    expect "graph as $accept" "same" "$(cmp -s "$out/basic-linear-answer" "$out/-answer" && echo same)"
done
for picture in overlay side-by-side contour; do
    expect "$picture" "200 image/png" "$(kind --data-binary "@$sample" "$url/segment?picture=$picture")"
done
expect "unknown picture" "400 application/json" "$(kind --data-binary "@$sample" "$url/?picture=cubist")"
expect "form" "200 image/png" "$(kind -F "picture=@$sample" "$url/segment")"
printf '%%PDF-1.7' >"$out/document.pdf"
expect "PDF" "415 application/json" "$(kind --data-binary "@$out/document.pdf" "$url/segment")"
expect "class map" "200 application/x-npy" "$(kind -H 'accept: application/x-npy' --data-binary "@$sample" "$url/segment")"
expect "report" "200 application/json" "$(kind -H 'accept: application/json' --data-binary "@$sample" "$url/segment")"
grep -q '"name":"triangle"' "$out/body" || fail "the report does not name the triangle: $(head -c 300 "$out/body")"
expect "what the model is" "200 application/json" "$(kind "$url/segment")"
grep -q '"labels":' "$out/body" || fail "the description of the model is missing: $(head -c 300 "$out/body")"
expect "no picture" "415 application/json" "$(kind --data-binary 'no picture' "$url/segment")"
expect "no array" "400 application/json" "$(kind --data-binary "@$sample" "$url/threshold/array")"
expect "failing node" "415 application/json" "$(kind --data-binary 'no picture' "$url/basic-linear")"
grep -q "graph node 'unpackRequest'" "$out/body" || fail "the error does not name the node"
head -c 5000 "$sample" >"$out/cut.png"
expect "cut picture" "400 application/json" "$(kind --data-binary "@$out/cut.png" "$url/segment")"
expect "unknown path" "404 application/json" "$(kind "$url/nowhere")"
expect "still healthy" "success" "$(curl -s "$url/-/healthz")"

# The replicas of a killed instance exit by themselves.
replicas=$(pgrep -P $server)
expect "one process for each replica" "10" "$(echo "$replicas" | wc -l | tr -d ' ')"
kill -KILL $server
wait $server 2>/dev/null || true
for _ in $(seq 100); do
    left=0
    for replica in $replicas; do kill -0 "$replica" 2>/dev/null && left=$((left + 1)); done
    [ $left = 0 ] && break
    sleep 0.1
done
expect "orphaned replicas" "0" "$left"

# With a model whose weights torch runs, too.
start --graphs --model "$tiny"
expect "ensemble" "200 image/png" "$(kind --data-binary "@$sample" "$url/ensemble")"
expect "route of a picture" "200 image/png" "$(kind --data-binary "@$sample" "$url/graph/sharp")"
expect "route of a map" "200 application/x-npy" \
    "$(kind -H 'accept: application/x-npy' --data-binary "@$sample" "$url/graph/map")"
expect "no route" "404 application/json" "$(kind "$url/graph/nowhere")"
"${compare[@]}" served --url "$url" --model tiny || fail "the example differs from the course"
kill -TERM $server
wait $server || fail "the server exited with status $?"

# The cells of the course, one after another.
trap 'rm -rf "$out"' EXIT
.build/debug/segmentation --port 0 --notebook --save "$out" >"$out/log" 2>&1 || fail "--notebook failed"
grep -qF '1. convert("cat") is ***CAT***' "$out/log" || fail "--notebook does not print what convert returns"
for line in "7. Replicas: 2" "7. Under load: 3" "7. At rest again: 2"; do
    grep -qF "$line" "$out/log" || fail "--notebook does not print '$line'"
done
"${compare[@]}" notebook --results "$out" --model Examples/Segmentation/Models/shapes \
    || fail "the notebook differs from the course"
echo "$passed passed, 0 failed"
