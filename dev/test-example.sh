#!/usr/bin/env bash
# Runs the example's debug build as `make run` does, and checks each path with curl.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
port_file="$out/port"
sample=Examples/Segmentation/Samples/scene.png
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
expect text "HELLO" "$(curl -s --data hello "$url/text-converter")"
for path in / /threshold /segment /sharpen-then-segment; do
    expect "$path" "200 image/png" "$(kind --data-binary "@$sample" "$url$path")"
    expect "$path as JPEG" "200 image/jpeg" "$(kind -H 'accept: image/jpeg' --data-binary "@$sample" "$url$path")"
done
for picture in overlay side-by-side contour; do
    expect "$picture" "200 image/png" "$(kind --data-binary "@$sample" "$url/segment?picture=$picture")"
done
expect "unknown picture" "400 application/json" "$(kind --data-binary "@$sample" "$url/?picture=cubist")"
expect "form" "200 image/png" "$(kind -F "picture=@$sample" "$url/segment")"
printf 'RIFF\044\0\0\0WEBPVP8 ' >"$out/picture.webp"
expect "WebP" "415 application/json" "$(kind --data-binary "@$out/picture.webp" "$url/segment")"
expect "class map" "200 application/x-npy" "$(kind -H 'accept: application/x-npy' --data-binary "@$sample" "$url/segment")"
expect "report" "200 application/json" "$(kind -H 'accept: application/json' --data-binary "@$sample" "$url/segment")"
grep -q '"name":"triangle"' "$out/body" || fail "the report does not name the triangle: $(head -c 300 "$out/body")"
expect "what the model is" "200 application/json" "$(kind "$url/segment")"
grep -q '"labels":' "$out/body" || fail "the description of the model is missing: $(head -c 300 "$out/body")"
expect "no picture" "415 application/json" "$(kind --data-binary 'no picture' "$url/segment")"
head -c 5000 "$sample" >"$out/cut.png"
expect "cut picture" "400 application/json" "$(kind --data-binary "@$out/cut.png" "$url/segment")"
expect "unknown path" "404 application/json" "$(kind "$url/nowhere")"
expect "still healthy" "success" "$(curl -s "$url/-/healthz")"

# The replicas of a killed instance exit by themselves.
replicas=$(pgrep -P $server)
expect "one process for each replica" "5" "$(echo "$replicas" | wc -l | tr -d ' ')"
kill -KILL $server
wait $server 2>/dev/null || true
for _ in $(seq 100); do
    left=0
    for replica in $replicas; do kill -0 "$replica" 2>/dev/null && left=$((left + 1)); done
    [ $left = 0 ] && break
    sleep 0.1
done
expect "orphaned replicas" "0" "$left"

# The same flow as a graph gives the same bytes, whatever the client asks for.
start --graphs
for accept in image/png image/jpeg application/json application/x-npy; do
    curl -s -H "accept: $accept" --data-binary "@$sample" "$url/sharpen-then-segment" -o "$out/composed"
    curl -s -H "accept: $accept" --data-binary "@$sample" "$url/basic-linear" -o "$out/graph"
    expect "graph as $accept" "same" "$(cmp -s "$out/composed" "$out/graph" && echo same)"
done
expect "ensemble" "200 image/png" "$(kind --data-binary "@$sample" "$url/ensemble")"
expect "route of a picture" "200 image/png" "$(kind --data-binary "@$sample" "$url/graph/sharp")"
expect "route of a map" "200 application/x-npy" \
    "$(kind -H 'accept: application/x-npy' --data-binary "@$sample" "$url/graph/map")"
expect "no route" "404 application/json" "$(kind "$url/graph/nowhere")"
expect "failing node" "415 application/json" "$(kind --data-binary 'no picture' "$url/basic-linear")"
grep -q "graph node 'unpackRequest'" "$out/body" || fail "the error does not name the node"
kill -TERM $server
wait $server || fail "the server exited with status $?"
trap 'rm -rf "$out"' EXIT
echo "$passed passed, 0 failed"
