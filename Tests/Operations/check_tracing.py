#!/usr/bin/env python3
"""The spans of a program of several processes, as a collector gets them: `make test-operations`.

usage: check_tracing.py PROGRAM   (the built entry-tracing)

The collector is an HTTP server that reads exports with the messages of opentelemetry-proto, as PyPI has them."""

import http.server
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PROGRAM = Path(sys.argv.pop(1)).absolute()
SECONDS = 60
CLIENT = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def traceparent(flags="01"):
    return f"00-{CLIENT[0]}-{CLIENT[1]}-{flags}"


def value(attribute):
    return getattr(attribute.value, attribute.value.WhichOneof("value"))


class Found:
    """A span and what its process says of itself."""

    def __init__(self, span, resource):
        self.span = span
        self.resource = resource
        self.name = span.name
        self.trace, self.id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.attributes = {attribute.key: value(attribute) for attribute in span.attributes}
        self.links = {link.span_id.hex() for link in span.links}
        self.process = resource["swerve.process"]

    def __repr__(self):
        return f"{self.name} ({self.process}) {self.id} below {self.parent}"


class Collector:
    """Keeps the spans that it gets, after strict checks; what is wrong with one fails the test."""

    def __init__(self, status=200):
        self.status, self.spans, self.problems, self.requests = status, [], [], 0
        self.lock = threading.Condition()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with collector.lock:
                    collector.requests += 1
                    if collector.status == 200:
                        try:
                            collector.take(self, body)
                        except Exception as problem:  # noqa: BLE001 - whatever it is, the test says it
                            collector.problems.append(repr(problem))
                    collector.lock.notify_all()
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(collector.status)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, request, body):
        assert request.path == "/v1/traces", request.path
        assert request.headers["content-type"] == "application/x-protobuf"
        assert request.headers["x-collector-key"] == "secret"
        message = ExportTraceServiceRequest()
        assert message.ParseFromString(body) == len(body)
        # Fields that the definitions do not know would be lost here.
        assert ExportTraceServiceRequest.FromString(message.SerializeToString()) == message
        assert len(message.SerializeToString()) == len(body), "unknown fields, or numbers that are longer than needed"
        for group in message.resource_spans:
            resource = {attribute.key: value(attribute) for attribute in group.resource.attributes}
            assert resource["service.name"] == "entry-tracing", resource
            for scope in group.scope_spans:
                assert scope.scope.name == "swerve"
                for span in scope.spans:
                    self.check(span)
                    self.spans.append(Found(span, resource))

    @staticmethod
    def check(span):
        assert len(span.trace_id) == 16 and any(span.trace_id)
        assert len(span.span_id) == 8 and any(span.span_id)
        assert len(span.parent_span_id) in (0, 8)
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
        assert abs(span.end_time_unix_nano / 1e9 - time.time()) < 600
        assert span.kind != Span.SPAN_KIND_UNSPECIFIED
        assert span.name
        names = [attribute.key for attribute in span.attributes]
        assert len(names) == len(set(names)), f"an attribute twice: {names}"
        assert span.flags & 1, "a span of a trace that is not sampled"

    def wait(self, what, seconds=SECONDS):
        """Waits until `what` holds for the spans, and returns them."""
        deadline = time.monotonic() + seconds
        with self.lock:
            while not what(self.spans):
                if self.problems:
                    raise AssertionError(self.problems)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"the spans are {self.spans}")
                self.lock.wait(left)
            return list(self.spans)


class Program:
    def __init__(self, url, sampling="1", proxies=0, placement="processes"):
        self.process = subprocess.Popen(
            [PROGRAM, url, sampling, str(proxies), placement],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        self.port = int(self.process.stdout.readline().split()[1])
        # A first call may wait until its process has connected to the replica.
        for path in ["/batch", "/span"]:
            self.get(path, traceparent=traceparent("00"))

    def get(self, path, **headers):
        headers = {name.replace("_", "-"): text for name, text in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/words{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def call(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        code = self.process.wait(SECONDS)
        self.process.stdout.close()
        return code


class Tracing(unittest.TestCase):
    def start(self, status=200, **arguments):
        self.collector = Collector(status)
        self.addCleanup(self.collector.close)
        self.program = Program(self.collector.url, **arguments)
        self.addCleanup(self.program.end)

    def spans(self, names):
        """Waits for as many spans as there are names, checks the names, and returns the spans by name, in order."""
        found = self.collector.wait(lambda spans: len(spans) >= len(names))
        self.assertEqual(Counter(span.name for span in found), Counter(names), found)
        found.sort(key=lambda span: span.span.start_time_unix_nano)
        return {name: [span for span in found if span.name == name] for name in names}

    def assertTree(self, spans, root_parent):
        """One trace, and each parent is another span or the given one. A parent is not younger than its children."""
        every = [span for group in spans.values() for span in group]
        self.assertEqual(len({span.trace for span in every}), 1)
        by_id = {span.id: span for span in every}
        self.assertEqual(len(by_id), len(every))
        roots = [span for span in every if span.parent not in by_id]
        self.assertEqual([span.parent for span in roots], [root_parent])
        for span in every:
            if span.parent in by_id:
                self.assertLessEqual(by_id[span.parent].span.start_time_unix_nano, span.span.start_time_unix_nano)
        return roots[0]

    def below(self, child, parent):
        self.assertEqual(child.parent, parent.id, f"{child} is not below {parent}")

    def check_request(self, proxy):
        status, text = self.program.get("/span", traceparent=traceparent(), tracestate="a=1", x_request_id="mine")
        self.assertEqual((status, text), (200, "4"))
        spans = self.spans(
            ["GET /words", "Front.respond(to:)", "prepare", "Catalogue.length(of:)", "Catalogue.length(of:)"]
        )
        root = self.assertTree(spans, CLIENT[1])
        self.assertEqual(root.trace, CLIENT[0])
        self.assertEqual((root.name, root.process), ("GET /words", proxy))
        self.assertEqual(root.span.kind, Span.SPAN_KIND_SERVER)
        self.assertEqual(root.span.trace_state, "a=1")
        expected = {
            "http.request.method": "GET",
            "http.route": "/words",
            "http.response.status_code": 200,
            "url.path": "/words/span",
            "url.scheme": "http",
            "server.address": "127.0.0.1",
            "server.port": self.program.port,
            "swerve.application": "words",
            "swerve.deployment": "Front",
            "swerve.request_id": "mine",
        }
        self.assertEqual({name: root.attributes.get(name) for name in expected}, expected)
        [front], [prepare] = spans["Front.respond(to:)"], spans["prepare"]
        client, execution = spans["Catalogue.length(of:)"]
        self.below(front, root)
        self.below(prepare, front)
        self.below(client, prepare)
        self.below(execution, client)
        self.assertEqual([event.name for event in prepare.span.events], ["begun"])
        self.assertEqual(client.span.kind, Span.SPAN_KIND_CLIENT)
        self.assertEqual(execution.attributes["swerve.deployment"], "Catalogue")
        self.assertEqual(execution.attributes["swerve.request_id"], "mine")
        self.assertEqual(root.attributes["swerve.replica"], front.attributes["swerve.replica"])
        return root, front, client, execution

    def test_a_request_is_one_tree_over_the_processes(self):
        self.start()
        root, front, client, execution = self.check_request("instance")
        self.assertEqual(front.span.kind, Span.SPAN_KIND_SERVER)
        self.assertEqual(execution.span.kind, Span.SPAN_KIND_SERVER)
        self.assertEqual((front.process, client.process, execution.process), ("replica", "replica", "replica"))
        processes = [span.resource["process.pid"] for span in (root, front, execution)]
        self.assertEqual(len(set(processes)), 3)
        self.assertTrue(front.span.flags & 0x200)
        self.assertFalse(client.span.flags & 0x200)

    def test_a_proxy_process_is_the_entrance(self):
        self.start(proxies=1)
        self.check_request("proxy")

    def test_a_direct_replica_is_the_entrance(self):
        self.start(placement="direct")
        root, front, _, _ = self.check_request("replica")
        self.assertEqual(front.span.kind, Span.SPAN_KIND_INTERNAL)
        self.assertEqual(root.resource["process.pid"], front.resource["process.pid"])

    def test_in_one_process_the_tree_is_the_same(self):
        self.start(placement="here")
        root, front, client, execution = self.check_request("instance")
        self.assertEqual(front.span.kind, Span.SPAN_KIND_INTERNAL)
        self.assertEqual(execution.span.kind, Span.SPAN_KIND_INTERNAL)

    def check_batch(self):
        self.assertEqual(self.program.get("/batch", traceparent=traceparent()), (200, "15"))
        method, name = "Ranker.score(_:)", "batch score(batch:)"

        def sizes(spans):
            return [span.attributes["swerve.batch.size"] for span in spans if span.name == name]

        found = self.collector.wait(lambda spans: sum(sizes(spans)) == 3 and len(spans) >= 8 + 4 * len(sizes(spans)))
        count = len(sizes(found))
        self.assertLess(count, 3)
        spans = self.spans(
            ["GET /words", "Front.respond(to:)"]
            + 6 * [method]
            + count * [name, "model", "Catalogue.length(of:)", "Catalogue.length(of:)"]
        )
        self.assertTree(spans, CLIENT[1])
        ids = {span.id for span in spans[method]}
        members = [span for span in spans[method] if span.parent in ids]
        clients = [span for span in spans[method] if span.parent not in ids]
        self.assertEqual((len(members), len(clients)), (3, 3))
        [front] = spans["Front.respond(to:)"]
        for client in clients:
            self.below(client, front)
        for batch in spans[name]:
            own = {member.id for member in members if member.links == {batch.id}}
            self.assertEqual(batch.links, own)
            self.assertEqual(batch.attributes["swerve.batch.size"], len(own))
            self.assertIn(batch.parent, own)
            [model] = [model for model in spans["model"] if model.parent == batch.id]
            self.assertEqual(model.attributes["words"], len(own))
            [call] = [call for call in spans["Catalogue.length(of:)"] if call.parent == model.id]
            self.assertEqual(call.span.kind, Span.SPAN_KIND_CLIENT)
        self.assertEqual(sorted(id for batch in spans[name] for id in batch.links), sorted(span.id for span in members))

    def test_a_batch_and_its_members_name_each_other(self):
        self.start()
        self.check_batch()

    def test_a_batch_in_one_process(self):
        self.start(placement="here")
        self.check_batch()

    def check_wait(self):
        self.assertEqual(self.program.get("/queue", traceparent=traceparent()), (200, "8"))
        names = ["GET /words", "Front.respond(to:)", "queue Catalogue"] + 4 * ["Catalogue.length(of:)"]
        spans = self.spans(names)
        self.assertTree(spans, CLIENT[1])
        [wait] = spans["queue Catalogue"]
        clients = [span for span in spans["Catalogue.length(of:)"] if span.span.kind == Span.SPAN_KIND_CLIENT]
        [waiting] = [client for client in clients if client.id == wait.parent]
        [execution] = [span for span in spans["Catalogue.length(of:)"] if span.parent == waiting.id]
        self.assertLessEqual(wait.span.end_time_unix_nano, execution.span.start_time_unix_nano)

    def test_the_wait_for_a_replica_is_a_span(self):
        self.start()
        self.check_wait()

    def test_the_wait_in_one_process(self):
        self.start(placement="here")
        self.check_wait()

    def test_an_error_is_in_the_status_of_all_that_it_passes(self):
        self.start()
        self.assertEqual(self.program.get("/error", traceparent=traceparent())[0], 500)
        spans = self.spans(["GET /words", "Front.respond(to:)"] + 2 * ["Catalogue.length(of:)"])
        self.assertTree(spans, CLIENT[1])
        for group in spans.values():
            for span in group:
                self.assertEqual(span.span.status.code, Status.STATUS_CODE_ERROR, span)
        self.assertEqual(spans["GET /words"][0].attributes["error.type"], "500")
        execution = spans["Catalogue.length(of:)"][1]
        self.assertIn("Refusal", execution.attributes["error.type"])
        self.assertEqual(execution.span.status.message, "there is no word")

    def test_a_replica_that_is_lost_is_in_the_status(self):
        self.start()
        status, _ = self.program.get("/exit", traceparent=traceparent())
        self.assertIn(status, (502, 503))
        root = self.spans(["GET /words"])["GET /words"][0]
        self.assertEqual(root.attributes["http.response.status_code"], status)
        self.assertEqual(root.span.status.code, Status.STATUS_CODE_ERROR)

    def test_without_a_traceparent_a_trace_begins(self):
        self.start()
        self.program.get("/")
        first = self.spans(["GET /words", "Front.respond(to:)"])
        root = self.assertTree(first, "")
        self.assertFalse(root.span.flags & 0x200)
        self.program.get("/")
        every = self.collector.wait(lambda spans: len(spans) == 4)
        self.assertEqual(len({span.trace for span in every}), 2)

    def test_a_malformed_traceparent_begins_a_trace(self):
        self.start()
        self.program.get("/", traceparent=traceparent().upper(), tracestate="a=1")
        root = self.assertTree(self.spans(["GET /words", "Front.respond(to:)"]), "")
        self.assertNotEqual(root.trace, CLIENT[0])
        self.assertEqual(root.span.trace_state, "")

    def test_a_call_by_handle_begins_a_trace(self):
        self.start()
        self.assertEqual(self.program.call("three"), "length 5")
        spans = self.spans(2 * ["Catalogue.length(of:)"])
        self.assertTree(spans, "")
        client, execution = spans["Catalogue.length(of:)"]
        self.assertEqual((client.process, execution.process), ("instance", "replica"))

    def test_user_code_sees_the_trace_for_its_own_requests(self):
        self.start()
        _, text = self.program.get("/context", traceparent=traceparent(), tracestate="a=1, b=2")
        front = self.spans(["GET /words", "Front.respond(to:)"])["Front.respond(to:)"][0]
        self.assertEqual(text, f"00-{CLIENT[0]}-{front.id}-01 a=1,b=2")

    def test_a_client_that_wants_no_spans_gets_none(self):
        self.start()
        _, text = self.program.get("/context", traceparent=traceparent("00"))
        self.assertEqual(text, f"{traceparent('00')} -")
        self.assertEqual(self.program.get("/batch", traceparent=traceparent("00")), (200, "15"))
        self.program.get("/")
        self.spans(["GET /words", "Front.respond(to:)"])
        self.assertTree({span.name: [span] for span in self.collector.spans}, "")

    def check_nothing(self, **arguments):
        self.start(sampling="0", **arguments)
        self.assertEqual(self.program.get("/context"), (200, "- -"))
        self.assertEqual(self.program.get("/batch"), (200, "15"))
        self.assertEqual(self.program.get("/span"), (200, "4"))
        self.assertEqual(self.program.call("three"), "length 5")
        self.assertEqual(self.program.end(), 0)
        self.assertEqual((self.collector.requests, self.collector.spans), (0, []))

    def test_a_share_of_0_gives_nothing(self):
        self.check_nothing()

    def test_a_share_of_0_gives_nothing_in_one_process(self):
        self.check_nothing(placement="here")

    def test_a_share_of_0_follows_the_client(self):
        self.start(sampling="0")
        self.program.get("/", traceparent=traceparent())
        self.assertTree(self.spans(["GET /words", "Front.respond(to:)"]), CLIENT[1])

    def test_without_tracing_the_headers_still_travel(self):
        self.start(sampling="off")
        self.assertEqual(self.program.get("/context", traceparent=traceparent()), (200, f"{traceparent()} -"))
        self.assertEqual(self.program.end(), 0)
        self.assertEqual(self.collector.requests, 0)

    def test_the_end_of_the_program_sends_what_is_left(self):
        self.start()
        for _ in range(20):
            self.program.get("/span")
        self.assertEqual(self.program.end(), 0)
        self.assertEqual(len(self.collector.spans), 100)
        self.assertEqual(self.collector.problems, [])

    def check_away(self, url):
        self.program = Program(url)
        self.addCleanup(self.program.end)
        for _ in range(20):
            self.assertEqual(self.program.get("/span"), (200, "4"))
        begun = time.monotonic()
        self.assertEqual(self.program.end(), 0)
        self.assertLess(time.monotonic() - begun, 20)
        self.assertNotIn("secret", "".join(self.program.log))

    def test_a_collector_that_is_down_costs_spans_only(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.check_away(f"http://127.0.0.1:{port}/v1/traces")

    def test_a_collector_that_is_silent_costs_spans_only(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.check_away(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces")

    def test_a_collector_that_is_busy_costs_spans_only(self):
        collector = Collector(503)
        self.addCleanup(collector.close)
        self.check_away(collector.url)
        self.assertGreater(collector.requests, 0)

    def test_a_collector_that_comes_back_gets_the_spans(self):
        self.start(status=503)
        self.program.get("/span")
        with self.collector.lock:
            while self.collector.requests < 1:
                self.collector.lock.wait(SECONDS)
            self.collector.status = 200
        self.assertTree(self.spans(
            ["GET /words", "Front.respond(to:)", "prepare", "Catalogue.length(of:)", "Catalogue.length(of:)"]
        ), "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
