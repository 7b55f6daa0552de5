#!/usr/bin/env bash
# Checks parts of a GPU on a machine that has one: two replicas of SegFormer with 0.3 of one device, what memory NVML
# sees, and pictures per second beside the CPU. Needs an NVIDIA GPU with its driver, and the GPU build of ONNX Runtime
# (`.venv/bin/pip install onnxruntime-gpu` in the place of onnxruntime) with CUDA and cuDNN.
#
# Exit codes: 0 all well, 1 a check failed, 2 the machine lacks something.
set -euo pipefail
cd "$(dirname "$0")/.."
SWIFT=${SWIFT:-swift}
SECONDS_EACH=${SECONDS_EACH:-10}

lack() { echo "gpu-check: $1" >&2; exit 2; }
fail() { echo "gpu-check: FAILED: $1" >&2; exit 1; }
say() { echo "gpu-check: $1"; }

command -v nvidia-smi >/dev/null || lack "there is no nvidia-smi: install NVIDIA's driver"
query() { nvidia-smi --query-gpu="$1" --format=csv,noheader,nounits | head -1; }
device=$(query name) || lack "nvidia-smi cannot speak with the driver"
[ -n "$device" ] || lack "nvidia-smi lists no GPU"
total=$(query memory.total)
command -v "$SWIFT" >/dev/null || lack "there is no '$SWIFT' on the PATH"
[ -x .venv/bin/python ] || lack "there is no .venv: run dev/setup.sh run"
.venv/bin/python - <<'PY' || lack "the ONNX Runtime in .venv has no CUDA: .venv/bin/pip uninstall onnxruntime, then install onnxruntime-gpu"
import sys, onnxruntime
sys.exit("CUDAExecutionProvider" not in onnxruntime.get_available_providers())
PY
say "$device with $total MiB"

"$SWIFT" build -c release --product segmentation --quiet || fail "the example does not build"
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill -TERM $server; wait $server; } 2>/dev/null; rm -rf "$work"' EXIT
picture=Examples/Segmentation/Samples/scene.png

start() { # what: options of the example
    rm -f "$work/port"
    .build/release/segmentation --port 0 --port-file "$work/port" --replicas 2 "$@" >"$work/log" 2>&1 &
    server=$!
    for _ in $(seq 600); do
        [ -s "$work/port" ] && break
        kill -0 "$server" 2>/dev/null || { tail -5 "$work/log" >&2; fail "the example ended"; }
        sleep 0.1
    done
    [ -s "$work/port" ] || fail "the example did not start within a minute"
    url="http://localhost:$(cat "$work/port")/segment"
}
stop() { kill -TERM "$server"; wait "$server" 2>/dev/null || true; server=; }

rate() { # pictures per second of eight clients
    .venv/bin/python - "$url" "$picture" "$SECONDS_EACH" <<'PY'
import sys, threading, time, urllib.request
url, path, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
body, end, counts = open(path, "rb").read(), time.monotonic() + seconds, [0] * 8
def client(number):
    while time.monotonic() < end:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=60) as answer:
            answer.read()
        counts[number] += 1
threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
print(f"{sum(counts) / seconds:.1f}")
PY
}

start --gpus 0.3
gpu=$(rate)
[ "$gpu" != 0.0 ] || fail "no picture was answered on the GPU"
# Each replica's process, as NVML sees it: at most its part, with 1 GiB for CUDA's context and libraries on top.
nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits >"$work/processes"
[ -s "$work/processes" ] || fail "no process uses the GPU: $(grep -i cuda "$work/log" | tail -1)"
own=0
devices=
while IFS=', ' read -r pid used; do
    # The example's other models reserve nothing, and have no such variable.
    visible=$({ tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CUDA_VISIBLE_DEVICES=//p'; } 2>/dev/null || true)
    [ "$(ps -o ppid= -p "$pid" | tr -d ' ')" = "$server" ] && [ -n "$visible" ] || continue
    own=$((own + 1))
    most=$((total * 3 / 10 + 1024))
    say "replica in process $pid on $visible holds $used MiB of $total MiB, at most $most"
    [ "$used" -le "$most" ] || fail "process $pid holds more than its part"
    [ -z "$devices" ] || [ "$devices" = "$visible" ] || fail "the replicas are on $devices and $visible"
    devices=$visible
done <"$work/processes"
[ "$own" = 2 ] || fail "$own of 2 replicas use the GPU"
stop

CUDA_VISIBLE_DEVICES='' start
cpu=$(rate)
stop
say "pictures per second: $gpu on 2 × 0.3 GPU, $cpu on the CPU"
