"""Ray Serve in .venv-peers, in its modes."""

import shutil
import tempfile

from .processes import ROOT, Server, free_port

PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
APPS = ROOT / "Benchmarks" / "peer-apps"

# Its documented settings. With HAProxy replicas call each other by gRPC, and refuse messages above 4 MiB unless told
# otherwise: the class map of a picture of 1280x720 has 7 MB.
RAY_MODES = {
    "ray": {},
    "ray_throughput": {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"},
    "ray_haproxy": {
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(64 << 20),
    },
}


class RayServer(Server):
    """A Ray instance of its own, in a folder that ends with it."""

    def __init__(self, mode: str, program: str, *arguments: str):
        # Short, because it holds Unix sockets.
        self.folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        port = free_port()
        command = [str(PEERS_PYTHON), str(APPS / program), str(port), self.folder, *arguments]
        settings = {"RAY_USAGE_STATS_ENABLED": "0", **RAY_MODES[mode]}
        super().__init__(mode, command, port, environment=settings)

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

