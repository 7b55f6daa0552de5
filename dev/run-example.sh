#!/usr/bin/env bash
# Serves the segmentation example, posts the sample picture to it as a client would, and serves until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-8000}
url="http://localhost:$port"
sample=Examples/Segmentation/Samples/scene.png
arguments=(--port "$port" --fast)
[ -n "${MODEL:-}" ] && arguments+=(--model "$MODEL")

.build/release/segmentation "${arguments[@]}" &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server 2>/dev/null; exit 0' INT TERM
# The last application to run is named composition. A model from the hub may take a while; the server exits by itself if
# the model cannot be loaded.
while true; do
    kill -0 $server 2>/dev/null || { wait $server; exit $?; }
    curl -sf "$url/-/routes" 2>/dev/null | grep -q composition && break
    sleep 0.1
done

mkdir -p out
cp "$sample" out/original.png
for picture in overlay side-by-side contour; do
    curl -sSf --data-binary "@$sample" "$url/?picture=$picture" -o "out/$picture.png"
done
cat <<EOF

The sample picture; its segmentation laid over it, beside it, and as contours, with legends:
  $PWD/out/original.png
  $PWD/out/overlay.png
  $PWD/out/side-by-side.png
  $PWD/out/contour.png
Try your own:
  curl --data-binary @photo.jpg "$url/?picture=contour" -o out.png
  curl --data-binary @photo.jpg -H 'accept: application/json' $url/segment
Other paths: /text-converter, /threshold, /threshold/array, /segment, /sharpen-then-segment, /basic-linear.
Ctrl-C to stop.
EOF
wait $server
