"""Other model servers, each with the same handlers as bench-app."""

from collections.abc import Callable
from dataclasses import dataclass

from .goodput import LOADS
from .processes import ROOT, Server, free_port
from .ray import APPS, PEERS_PYTHON, RayServer

MLSERVER = ROOT / ".venv-mlserver" / "bin" / "mlserver"


@dataclass(frozen=True)
class Peer:
    """How to start it, and what its clients send: nothing for GET."""
    name: str
    start: Callable[[], Server]
    body: str = ""


def ray(mode: str, program: str) -> Callable[[], Server]:
    return lambda: RayServer(mode, program)


def litserve(program: str) -> Callable[[], Server]:
    def start() -> Server:
        port = free_port()
        return Server("litserve", [str(PEERS_PYTHON), str(APPS / program), str(port)], port, "/predict")
    return start


def bentoml(service: str) -> Callable[[], Server]:
    def start() -> Server:
        port = free_port()
        command = [str(PEERS_PYTHON), "-m", "bentoml", "serve", f"batch_bentoml:{service}", "--working-dir", str(APPS),
                   "--host", "127.0.0.1", "--port", str(port)]
        return Server("bentoml", command, port, "/run", {"BENTOML_DO_NOT_TRACK": "True"})
    return start


def mlserver() -> Server:
    port = free_port()
    ports = {f"MLSERVER_{kind}_PORT": str(free_port()) for kind in ("GRPC", "METRICS")}
    command = [str(MLSERVER), "start", str(APPS / "batch_mlserver")]
    return Server("mlserver", command, port, "/v2/models/batch/infer", {"MLSERVER_HTTP_PORT": str(port), **ports})


NUMBER = '{"numbers": [1]}'
TENSOR = '{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "INT32", "data": [1]}]}'
NO_OPS = [
    Peer("ray_serve", ray("ray", "noop_ray.py")),
    Peer("ray_serve_haproxy", ray("ray_haproxy", "noop_ray.py")),
    Peer("litserve", litserve("noop_litserve.py"), "1"),
]
BATCHES = [
    Peer("ray_serve", ray("ray", "batch_ray.py")),
    Peer("ray_serve_haproxy", ray("ray_haproxy", "batch_ray.py")),
    Peer("litserve", litserve("batch_litserve.py"), "1"),
    Peer("bentoml", bentoml("Fixed"), NUMBER),
    Peer("mlserver", mlserver, TENSOR),
]
ADAPTIVE = Peer("bentoml", bentoml("Adaptive"), NUMBER)
CONNECTIONS = (1, 32, 256)

NO_OP_NAMES = {(peer, count): f"peers.{peer.name}.http_noop_c{count}" for peer in NO_OPS for count in CONNECTIONS}
BATCH_NAMES = {peer: f"peers.{peer.name}.batch32_10ms" for peer in BATCHES}
GOODPUT_NAMES = {load: f"peers.{ADAPTIVE.name}.goodput_{load}" for load in LOADS}
NAMES = [*NO_OP_NAMES.values(), *BATCH_NAMES.values(), *GOODPUT_NAMES.values()]
