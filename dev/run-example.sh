#!/usr/bin/env bash
# Serves the segmentation example, posts the sample picture to it as a client would, and keeps serving until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-8000}
url="http://localhost:$port"
sample=Examples/Segmentation/Samples/scene.png
arguments=(--port "$port")
[ -n "${MODEL:-}" ] && arguments+=(--model "$MODEL")

.build/release/segmentation "${arguments[@]}" &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server 2>/dev/null; exit 0' INT TERM
for _ in $(seq 300); do
    kill -0 $server 2>/dev/null || { wait $server; exit $?; }
    curl -sf "$url/-/routes" 2>/dev/null | grep -q segmentation && break
    sleep 0.1
done

mkdir -p out
cp "$sample" out/original.png
curl -sSf --data-binary "@$sample" "$url/" -o out/segmented.png
curl -sSf --data-binary "@$sample" "$url/?view=side-by-side" -o out/side-by-side.png
cat <<EOF

The sample picture, its segmentation with legend, and both side by side:
  $PWD/out/original.png
  $PWD/out/segmented.png
  $PWD/out/side-by-side.png
Try your own:
  curl --data-binary @photo.jpg $url/ -o out.png
Other paths: /text-converter, /threshold, /segment, /sharpen-then-segment. Ctrl-C ends.
EOF
wait $server
