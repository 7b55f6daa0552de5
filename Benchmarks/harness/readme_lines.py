"""The rows that README.md shows, in its order and with its words. table.py makes the table of them."""

from dataclasses import dataclass

from .noop import DIRECT


@dataclass(frozen=True)
class Line:
    """A row of results.json and what README says of it; `beside` replaces the row's own words for its baseline."""
    row: str
    text: str
    beside: str = ""


SWERVE = [
    Line("course_512_c4", "the course's application: 512x384 JPEG in, sharpened, SegFormer-B0, JPEG out, 4 clients"),
    Line("course_720_c4", "the same, 1280x720"),
    Line("course_512_c1", "the same, 512x384, one client"),
    Line("course_720_c1", "the same, 1280x720, one client"),
    Line("course_512_c4.haproxy", "the same, 512x384, 4 clients"),
    Line("course_720_c4.haproxy", "the same, 1280x720, 4 clients"),
    Line("course_start", "its start to the first answer"),
    Line("course_pss", "its memory, all processes, after the load"),
    Line("http_noop_c32.process", "no-op over HTTP, 32 connections, replica in its own process"),
    Line("http_noop_c256.process", "the same, 256 connections"),
    Line("http_noop_c1_p50.process", "the same, one connection, median latency"),
    Line("http_noop_c32.process2", "the same, 32 connections, two replicas"),
    Line("http_noop_c32.proxies2", "the same, 32 connections, two proxy processes before one replica"),
    Line(DIRECT, "no-op over HTTP, 32 connections, two replicas take them themselves"),
    Line("http_noop_c32.inprocess", "no-op over HTTP, 32 connections, replica in the process with the socket"),
    Line("http_noop_c32.inprocess_alone", "the same, beside one nginx", "one nginx, which answers itself"),
    Line("http_noop_c256.inprocess", "the same, 256 connections"),
    Line("http_noop_c256.inprocess_alone", "the same, beside one nginx", "one nginx, which answers itself"),
    Line("echo_1mb_shm", "1 MiB there and back over HTTP, 8 connections"),
    Line("echo_1mb_c8", "1 MiB there and back over HTTP, 8 connections, without shared memory"),
    Line("handle_call.inprocess", "call of a handle within the process"),
    Line("handle_call_p50.process", "call of a handle into another process, median",
         "the same bytes over a Unix socket with NIO"),
    Line("handle_calls_100.process", "the same, 100 calls at a time", "the same bytes over a Unix socket with NIO"),
    Line("stream_items.http", "elements of a stream, as lines of JSON over HTTP, one client",
         "Hummingbird, which writes each line by itself"),
    Line("stream_items.handle", "elements of a stream, read through a handle in another process",
         "`AsyncStream` in one process"),
    Line("stream_first_item.handle", "from the call to the first element", "the same bytes over a Unix socket with NIO"),
    Line("graph_chain3.process", "graph of three no-op nodes, each in its own process, 32 connections"),
    Line("graph_large_4mib.process", "graph that passes 4 MiB from one process to the next, latency"),
    Line("segformer_b0_http.threads2", "SegFormer-B0 over HTTP, JPEG in, class map out, one run of two threads"),
    Line("segformer_b0_http.threads2_png", "the same, report with a PNG out instead"),
    Line("segformer_b0_http.threads2_bare", "class map out, beside the bare model"),
    Line("segformer_b0_http.runs2", "SegFormer-B0 over HTTP, JPEG in, class map out, two runs of one thread each"),
    Line("segformer_b0_http.runs2_png", "the same, report with a PNG out instead"),
    Line("segformer_b0_http.runs2_bare", "class map out, beside the bare model"),
    Line("segformer_b0_model.openvino", "SegFormer-B0 alone, two threads, OpenVINO in bf16"),
    Line("segformer_b0_load", "load of SegFormer-B0 from the hub's cache, in a process that runs"),
    Line("segformer_b0_pss_1.process", "memory of one SegFormer-B0 replica and the process that leads it",
         "one Python process with torch and transformers"),
    Line("segformer_b0_pss_4.process", "memory of four SegFormer-B0 replicas and the process that leads them",
         "four Python processes with torch and transformers"),
    Line("cold_start", "start to the first answer"),
    Line("add_replica", "one more replica", "a bare process of the same program and one message"),
    Line("replica_kill_recovery.settled", "killed replica replaced, older than ten seconds",
         "nginx, a killed worker replaced"),
    Line("replica_kill_recovery.young", "killed replica replaced, one second old, so with back-off",
         "nginx, a killed worker replaced"),
    Line("idle_pss", "memory of the whole instance at rest"),
]
HUMMINGBIRD = [
    Line("http_noop_c32.hummingbird", "no-op over HTTP, 32 connections"),
    Line("http_noop_c256.hummingbird", "the same, 256 connections"),
    Line("cold_start.hummingbird", "start to the first answer"),
]
# Beside Swerve.
PEERS = [
    Line("peers.ray_serve.http_noop_c32", "Ray Serve: no-op over HTTP, 32 connections"),
    Line("peers.ray_serve_haproxy.http_noop_c32", "Ray Serve with HAProxy: the same"),
    Line("peers.litserve.http_noop_c32", "LitServe: the same"),
    Line("peers.ray_serve.batch32_10ms", "Ray Serve: batches of 32 that take 10 ms, 64 clients"),
    Line("peers.ray_serve_haproxy.batch32_10ms", "Ray Serve with HAProxy: the same"),
    Line("peers.litserve.batch32_10ms", "LitServe: the same"),
    Line("peers.bentoml.batch32_10ms", "BentoML: the same"),
    Line("peers.mlserver.batch32_10ms", "MLServer: the same"),
    Line("peers.bentoml.goodput_30", "BentoML: answers within 50 ms, 30 % of the load that full batches allow"),
    Line("peers.bentoml.goodput_90", "the same, 90 %"),
]
# What is measured, and the lines of its table.
TABLES = {"Swerve": SWERVE, "Hummingbird": HUMMINGBIRD, "another model server": PEERS}

# Rows that the benchmark measures and results.json does not have yet. They may be named, and their lines are left out
# until then. As soon as a row is there, the check asks for its removal from here.
PENDING: set[str] = set()
