"""The baseline of everything over HTTP: nginx that proxies to another nginx over a Unix socket."""

import os
import subprocess
import tempfile
from pathlib import Path

from .processes import Failure, Server, children, free_port

COMMON = """
daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log {folder}/{name}.error.log;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    client_max_body_size 16m;
    client_body_buffer_size 2m;
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    {others}
    {http}
}}
"""

# `return` answers before the body is read. `mirror` reads all of it into memory first; the answer 404 or 405 of the
# empty folder then goes over to @echo, which sends the body back from memory: an echo without any program behind it.
BACKEND = """
    server {{
        listen unix:{folder}/backend.sock;
        client_body_in_single_buffer on;
        location = / {{ return 200 ok; }}
        location = /echo {{ mirror /read; root {folder}/empty; error_page 404 405 = @echo; }}
        location = /read {{ internal; return 204; }}
        location @echo {{ return 200 $request_body; }}
    }}
"""

# Buffered in both directions, in memory.
FRONT = """
    upstream backend {{ server unix:{folder}/backend.sock; keepalive 512; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffers 16 128k;
            proxy_buffer_size 128k;
            proxy_busy_buffers_size 512k;
            proxy_max_temp_file_size 0;
        }}
    }}
"""


class NginxPair:
    """Both servers, each a master and one worker."""

    name = "nginx"

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-nginx-")
        os.chmod(self.folder.name, 0o755)
        os.mkdir(f"{self.folder.name}/empty")
        self.port, self.path = free_port(), "/"
        configurations = [self.configuration("backend", BACKEND), self.configuration("front", FRONT)]
        self.backend, self.front = [
            Server(f"nginx-{path.stem}", ["nginx", "-c", str(path), "-e", "stderr"], self.port)
            for path in configurations]

    def configuration(self, name, http):
        folder = self.folder.name
        text = COMMON.format(
            folder=folder, name=name, http=http.format(folder=folder, port=self.port),
            user="user root;" if os.geteuid() == 0 else "", others=other_temp_paths(f"{folder}/{name}"))
        path = Path(folder) / f"{name}.conf"
        path.write_text(text)
        return path

    def wait_until_ready(self):
        self.front.wait_until_ready()
        return self

    def tree(self):
        return self.backend.tree() + self.front.tree()

    def workers(self):
        """The processes that do the work: of the front, and of the backend."""
        found = [children(server.pid) for server in (self.front, self.backend)]
        if any(len(workers) != 1 for workers in found):
            raise Failure(f"nginx has not one worker each: {found}; {self.front.last_output()}")
        return [workers[0] for workers in found]

    def stop(self):
        self.front.stop()
        self.backend.stop()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def other_temp_paths(prefix):
    """Folders of modules that are compiled in by default; a user without rights cannot make the default ones."""
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True).stderr
    modules = [module for module in ("fastcgi", "uwsgi", "scgi") if f"--without-http_{module}_module" not in built]
    return " ".join(f"{module}_temp_path {prefix}-{module};" for module in modules)
