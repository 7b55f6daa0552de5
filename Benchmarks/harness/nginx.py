"""The baselines of everything over HTTP: nginx that proxies to another nginx over a Unix socket, and one nginx that
answers itself.

A comment beside each setting says why it differs from nginx's default. What is not set has the default: the buffers of
a no-op (`proxy_buffer_size` 4k, `proxy_buffers` 8 of 4k, `client_body_buffer_size` 16k on 64-bit machines), the backlog
(511), the time-outs, and `client_max_body_size` (1 MiB, which the echo's body just fits)."""

import functools
import os
import subprocess
import tempfile
from pathlib import Path
from string import Template

from .processes import Failure, Server, children, free_port

COMMON = """
daemon off;
# One worker, because Swerve has one event loop in a process on two cores.
worker_processes 1;
pid $folder/$name.pid;
error_log $folder/$name.error.log;
$user
# The default of 512 is too few: 256 clients need as many connections to the backend.
events { worker_connections 4096; }
http {
    # Swerve writes no line per request either.
    access_log off;
    default_type text/plain;
    # The default closes a connection after 1000 requests. Swerve keeps it.
    keepalive_requests 1000000000;
    client_body_temp_path $folder/$name-body;
    proxy_temp_path $folder/$name-proxy;
    $other_paths
    $body
    $servers
}
"""

BACKEND = """
    server {
        listen unix:$folder/backend.sock;
        $locations
    }
"""
# By default the front opens a connection to the backend for each request. HTTP/1.1, no `Connection: close` and idle
# connections for all 256 clients make it keep them, as Swerve keeps those to its replicas.
FRONT = """
    upstream backend { server unix:$folder/backend.sock; keepalive 256; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:$port;
        location / {
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            $buffers
        }
    }
"""
ALONE = """
    server {
        listen 127.0.0.1:$port;
        location = / { return 200 ok; }
    }
"""

NOOP = "location = / { return 200 ok; }"
# `return` answers before the body is read. `mirror` reads all of it into memory first; the answer 404 or 405 of the
# empty folder then goes over to @echo, which sends the body back from memory: an echo without any program behind it.
# By default each of these 404s is a line in the error log.
ECHO = """
        client_body_in_single_buffer on;
        log_not_found off;
        location = / { return 200 ok; }
        location = /echo { mirror /read; root $folder/empty; error_page 404 405 = @echo; }
        location = /read { internal; return 204; }
        location @echo { return 200 $request_body; }
"""
# The request's body stays in memory. By default a body of more than 16k goes to a file.
ECHO_BODY = "client_body_buffer_size 1m;"
# The answer stays in memory, too: 2 MiB of buffers hold its 1 MiB. By default what exceeds 36k can go to a file. These
# sizes were the fastest of what was tried: smaller and larger buffers, and passing on without buffering.
ECHO_BUFFERS = """
            proxy_buffers 32 64k;
            proxy_buffer_size 64k;
            proxy_busy_buffers_size 512k;
"""


def filled(template: str, **parts: str) -> str:
    """The template with these parts; others stay open, and so do nginx's own variables."""
    return Template(template).safe_substitute(parts)


def pair(locations: str, buffers: str = "", body: str = "") -> dict[str, str]:
    """The configurations of a backend and of the front before it; folder and port stay open."""
    servers = {"backend": filled(BACKEND, locations=locations), "front": filled(FRONT, buffers=buffers)}
    return {name: filled(COMMON, name=name, servers=text, body=body) for name, text in servers.items()}


NOOP_PAIR = pair(NOOP)
ECHO_PAIR = pair(ECHO, ECHO_BUFFERS, ECHO_BODY)
ONE = {"alone": filled(COMMON, name="alone", servers=ALONE, body="")}


class Nginx:
    """Servers of nginx, each a master and one worker, with what they need in a folder."""

    def __init__(self, name: str, configurations: dict[str, str]):
        self.name, self.port, self.path = name, free_port(), "/"
        self.folder = tempfile.TemporaryDirectory(prefix="bench-nginx-")
        os.chmod(self.folder.name, 0o755)
        os.mkdir(f"{self.folder.name}/empty")
        paths = [self.write(part, text) for part, text in configurations.items()]
        self.servers = [Server(f"nginx-{path.stem}", ["nginx", "-c", str(path), "-e", "stderr"], self.port)
                        for path in paths]

    def write(self, name: str, configuration: str) -> Path:
        folder = self.folder.name
        path = Path(folder) / f"{name}.conf"
        path.write_text(filled(
            configuration, folder=folder, port=str(self.port), other_paths=other_temp_paths(f"{folder}/{name}"),
            user="user root;" if os.geteuid() == 0 else ""))
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
    return Nginx("nginx -> nginx", NOOP_PAIR)


def nginx_echo_pair() -> Nginx:
    """A front and a backend for bodies of 1 MiB."""
    return Nginx("nginx -> nginx", ECHO_PAIR)


def nginx_alone() -> Nginx:
    """One that answers itself, with nothing behind it."""
    return Nginx("one nginx", ONE)


def other_temp_paths(prefix: str) -> str:
    """Folders of modules that are compiled in by default; a user without rights cannot make the default ones."""
    return " ".join(f"{module}_temp_path {prefix}-{module};" for module in modules())


@functools.cache
def modules() -> list[str]:
    """Those compiled in that have a folder. Asked once: it must not count as the start of a server."""
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True).stderr
    return [module for module in ("fastcgi", "uwsgi", "scgi") if f"--without-http_{module}_module" not in built]
