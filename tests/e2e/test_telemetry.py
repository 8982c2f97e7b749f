"""Traces of one tick, received as a collector receives them: OTLP over HTTP, decoded by OpenTelemetry's own form."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.conftest import NOON, House

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


@pytest.fixture(autouse=True)
def _in_processes(house: House) -> None:
    """Traces are set up once for a process."""
    house.in_processes = True


@dataclass
class Collector:
    """Whatever arrives."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """Every span that arrived."""
        found: list[Span] = []
        for body in self.bodies:
            request = ExportTraceServiceRequest.FromString(body)
            found += [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.paths.append(self.path)
            kept.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


def attributes(span: Span) -> dict[str, object]:
    """A span's attributes as plain values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in span.attributes}


def test_one_tick_is_one_tree_of_spans(house: House, collector: Collector) -> None:
    """Tick, action, admission, commits and the calls to X hang together, and tell no text and no user of X."""
    house.environ |= {"ENABLE_TELEMETRY": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    sent = house.tick()["actions"][0]

    assert {"/v1/traces"} == set(collector.paths)
    spans = {span.span_id: span for span in collector.spans}
    assert 1 == len({span.trace_id for span in spans.values()})
    (tick,) = [span for span in spans.values() if not span.parent_span_id]
    assert "tick" == tick.name
    assert ("writer", "post", False) == tuple(
        attributes(tick)[f"songpost.{k}"] for k in ("function", "mode", "dry_run")
    )

    def parents(name: str) -> set[str]:
        return {spans[span.parent_span_id].name for span in spans.values() if span.name == name}

    assert {"tick"} == parents("action")
    assert {"action"} == parents("admission")
    assert {"action"} == parents("POST /2/tweets")
    assert {"tick"} == parents("GET /2/users/me")
    assert {"tick", "action"} == parents("commit")
    (action,) = [span for span in spans.values() if span.name == "action"]
    assert sent["key"] == attributes(action)["songpost.key"]

    told = b"".join(collector.bodies)
    assert sent["text"].encode() not in told
    assert house.sandbox.told["user_id"].encode() not in told


def test_a_failed_call_is_named_by_its_class_alone(house: House, collector: Collector) -> None:
    """A refused create is an error of its span, without X's words."""
    house.environ |= {"TELEMETRY_ENABLED": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    house.at(NOON)
    house.sandbox.ask("faults", {"endpoint": "POST /2/tweets", "kind": "status", "status": 403})
    house.tick()
    (call,) = [span for span in collector.spans if span.name == "POST /2/tweets"]
    assert 2 == call.status.code
    assert "" == call.status.message
    assert [] == list(call.events)
    assert "Refused" == attributes(call)["error.type"]


def test_without_the_variable_nothing_is_sent(house: House, collector: Collector) -> None:
    """Traces are off unless they are asked for, even where a collector is named."""
    house.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    house.tick()
    assert [] == collector.paths


def test_a_collector_that_is_gone_costs_no_tick(house: House) -> None:
    """The post goes out whether or not its spans are taken, and the command ends."""
    house.environ |= {"ENABLE_TELEMETRY": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    house.environ |= {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_BSP_EXPORT_TIMEOUT": "1000"}
    assert "sent" == house.tick()["actions"][0]["state"]
