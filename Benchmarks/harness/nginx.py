"""The baselines of everything over HTTP: nginx that proxies to another nginx over a Unix socket, and one that answers
itself. Each is configured for the request that it is to serve, and like its defaults for the rest."""

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
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    {others}
    {body}
    {http}
}}
"""

# Bodies of 1 MiB stay in memory.
BODY = "client_max_body_size 16m; client_body_buffer_size 2m;"

BACKEND = """
    server {{
        listen unix:{folder}/backend.sock;
        {locations}
    }}
"""
NOOP = "location = / {{ return 200 ok; }}"
# `return` answers before the body is read. `mirror` reads all of it into memory first; the answer 404 or 405 of the
# empty folder then goes over to @echo, which sends the body back from memory: an echo without any program behind it.
ECHO = """
        client_body_in_single_buffer on;
        location = / {{ return 200 ok; }}
        location = /echo {{ mirror /read; root {folder}/empty; error_page 404 405 = @echo; }}
        location = /read {{ internal; return 204; }}
        location @echo {{ return 200 $request_body; }}
"""

FRONT = """
    upstream backend {{ server unix:{folder}/backend.sock; keepalive 512; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            {buffers}
        }}
    }}
"""
# Buffered in both directions, in memory: the fastest for 1 MiB of what was tried, which was smaller and larger buffers,
# and passing on without buffering.
ECHO_BUFFERS = """
            proxy_buffers 32 64k;
            proxy_buffer_size 64k;
            proxy_busy_buffers_size 512k;
            proxy_max_temp_file_size 0;
"""

ALONE = """
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = / {{ return 200 ok; }}
    }}
"""


class Nginx:
    """Servers of nginx, each a master and one worker, with what they need in a folder."""

    def __init__(self, name: str, configurations: dict[str, str], **parts: str):
        self.name, self.port, self.path = name, free_port(), "/"
        self.folder = tempfile.TemporaryDirectory(prefix="bench-nginx-")
        os.chmod(self.folder.name, 0o755)
        os.mkdir(f"{self.folder.name}/empty")
        paths = [self.configuration(part, text, parts) for part, text in configurations.items()]
        self.servers = [Server(f"nginx-{path.stem}", ["nginx", "-c", str(path), "-e", "stderr"], self.port)
                        for path in paths]

    def configuration(self, name: str, http: str, parts: dict[str, str]) -> Path:
        folder = self.folder.name
        parts = {key: text.format(folder=folder) for key, text in parts.items()}
        text = COMMON.format(
            folder=folder, name=name, http=http.format(folder=folder, port=self.port, **parts),
            body=parts.get("body", ""), user="user root;" if os.geteuid() == 0 else "",
            others=other_temp_paths(f"{folder}/{name}"))
        path = Path(folder) / f"{name}.conf"
        path.write_text(text)
        return path

    def wait_until_ready(self) -> "Nginx":
        self.servers[-1].wait_until_ready()
        return self

    def tree(self) -> list[int]:
        return [pid for server in self.servers for pid in server.tree()]

    def workers(self) -> list[int]:
        """The processes that do the work: of the front, and of what is behind it."""
        found = [children(server.pid) for server in reversed(self.servers)]
        if any(len(workers) != 1 for workers in found):
            raise Failure(f"nginx has not one worker each: {found}; {self.servers[-1].last_output()}")
        return [workers[0] for workers in found]

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()
        self.folder.cleanup()

    def __enter__(self) -> "Nginx":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def nginx_pair() -> Nginx:
    """A front and a backend for small answers: the buffers are the default ones."""
    return Nginx("nginx -> nginx", {"backend": BACKEND, "front": FRONT}, locations=NOOP, buffers="")


def nginx_echo_pair() -> Nginx:
    configurations = {"backend": BACKEND, "front": FRONT}
    return Nginx("nginx -> nginx", configurations, locations=ECHO, buffers=ECHO_BUFFERS, body=BODY)


def nginx_alone() -> Nginx:
    """One that answers itself, with nothing behind it."""
    return Nginx("one nginx", {"alone": ALONE})


def other_temp_paths(prefix: str) -> str:
    """Folders of modules that are compiled in by default; a user without rights cannot make the default ones."""
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True).stderr
    modules = [module for module in ("fastcgi", "uwsgi", "scgi") if f"--without-http_{module}_module" not in built]
    return " ".join(f"{module}_temp_path {prefix}-{module};" for module in modules)
