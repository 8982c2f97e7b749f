"""What a process tells of itself: logs, metrics, traces.

Logs are JSON by Powertools in a function, plain lines on standard error on a laptop; each line names the action that
it is about, and the trace where there is one. Metrics are CloudWatch's embedded format, written by functions alone.
Traces are off unless `ENABLE_TELEMETRY` says otherwise: then spans go out by OTLP over HTTP, in AWS by the ADOT layer,
which has set up the SDK before this code is loaded. No text of a post and no id of another user is put into a span.

Libraries that log requests at DEBUG, with their Authorization header, are kept at WARNING whatever the level.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

LOUD = ("tweepy", "oauthlib", "requests_oauthlib", "urllib3", "botocore", "boto3", "pynamodb", "opentelemetry")
"""Libraries whose DEBUG and INFO lines carry headers, bodies or keys."""
FLUSH_MILLISECONDS = 3_000
"""How long a tick's end may wait for its spans to be taken: less than a writer's shortest time to spare."""

_about: ContextVar[str] = ContextVar("songpost_action", default="")
_state = {"traces": False}


def configure(level: str, *, in_lambda: bool, account: str) -> None:
    """Set up the root logger once for this process; a second call changes the level and the account."""
    root = logging.getLogger()
    root.setLevel(level)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    if in_lambda:
        _powertools(root, account)
    elif not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)
    for each in root.handlers:
        if not any(isinstance(one, Correlation) for one in each.filters):
            each.addFilter(Correlation())


def _powertools(root: logging.Logger, account: str) -> None:
    """Give every handler of the runtime the JSON form of Powertools, with the account on each line."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    formatter = LambdaPowertoolsFormatter()
    formatter.append_keys(account=account)
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        handler.setFormatter(formatter)


class Correlation(logging.Filter):
    """Puts on each line which action it is about, and the W3C ids of the span in which it was said."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields `action`, `trace_id` and `span_id` where there is something to say; keep every line."""
        if key := _about.get():
            record.action = key
        if _state["traces"]:
            from opentelemetry import trace

            here = trace.get_current_span().get_span_context()
            if here.is_valid:
                record.trace_id = trace.format_trace_id(here.trace_id)
                record.span_id = trace.format_span_id(here.span_id)
        return True


@contextmanager
def about(action_key: str) -> Iterator[None]:
    """Every line logged inside is about this action."""
    token = _about.set(action_key)
    try:
        yield
    finally:
        _about.reset(token)


# ---------------------------------------------------------------------------------------------------------- metrics


def emit(figures: Mapping[str, tuple[str, float]]) -> None:
    """Write a tick's figures, `{name: (CloudWatch unit, value)}`, as one line of CloudWatch's embedded metric format.

    Namespace and service are Powertools' own variables, `Songpost` and `songpost` where they are not set. No figures
    are no line.
    """
    if not figures:
        return
    from aws_lambda_powertools.metrics import Metrics

    metrics = Metrics(
        namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Songpost"),
        service=os.environ.get("POWERTOOLS_SERVICE_NAME", "songpost"),
    )
    for name, (unit, value) in figures.items():
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()


# ----------------------------------------------------------------------------------------------------------- traces


def start_traces(*, in_lambda: bool) -> None:
    """Turn spans on; on a laptop the SDK is set up by OpenTelemetry's distribution, from the `OTEL_*` variables.

    Raises nothing where the distribution is not installed: it says so, and there are no traces.
    """
    if _state["traces"]:
        return
    if not in_lambda and not _laptop():
        return
    _state["traces"] = True


def _laptop() -> bool:
    try:
        from opentelemetry.distro import OpenTelemetryConfigurator
    except ImportError:
        logging.getLogger(__name__).warning("no traces: install the extra 'telemetry' (make setup does)")
        return False
    from opentelemetry.environment_variables import OTEL_LOGS_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_TRACES_EXPORTER
    from opentelemetry.sdk.environment_variables import OTEL_SERVICE_NAME

    for name, value in {
        OTEL_TRACES_EXPORTER: "otlp_proto_http",
        OTEL_METRICS_EXPORTER: "none",
        OTEL_LOGS_EXPORTER: "none",
        OTEL_SERVICE_NAME: "songpost",
    }.items():
        os.environ.setdefault(name, value)
    OpenTelemetryConfigurator().configure()  # type: ignore[no-untyped-call]
    return True


class Span:
    """A span that takes attributes; where traces are off it is nothing."""

    def tell(self, **attributes: str | bool | float) -> None:
        """Add attributes. Never a text of a post, never a user id of somebody else."""


class _Recording(Span):
    def __init__(self, span: object) -> None:
        self._span = span

    def tell(self, **attributes: str | bool | float) -> None:
        """Add attributes, under Songpost's own prefix."""
        self._span.set_attributes({f"songpost.{name}": value for name, value in attributes.items()})  # type: ignore[attr-defined]


_NOTHING = nullcontext(Span())


def span(name: str, *, client: bool = False, **attributes: str | bool | float) -> AbstractContextManager[Span]:
    """One step of a tick as a span: `tick`, `admission`, `commit`, or a call to X by the name of its endpoint.

    An error that passes through is named by its class alone: its words may hold a text.
    """
    return _recorded(name, client=client, attributes=attributes) if _state["traces"] else _NOTHING


@contextmanager
def _recorded(name: str, *, client: bool, attributes: Mapping[str, str | bool | float]) -> Iterator[Span]:
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, Status, StatusCode

    tracer = trace.get_tracer("songpost")
    kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
    with tracer.start_as_current_span(
        name, kind=kind, record_exception=False, set_status_on_exception=False
    ) as current:
        recording = _Recording(current)
        recording.tell(**attributes)
        try:
            yield recording
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(Status(StatusCode.ERROR))
            raise


def flush() -> None:
    """Hand over what was recorded before the process ends, or the function freezes."""
    if not _state["traces"]:
        return
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    hand_over = getattr(provider, "force_flush", None)
    if hand_over is not None:
        hand_over(FLUSH_MILLISECONDS)
