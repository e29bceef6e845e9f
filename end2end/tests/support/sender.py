"""Sends spans as an instrumented application would: the Python OpenTelemetry SDK,
its batch processor and its OTLP exporters, by gRPC or HTTP.

One job per line on stdin (see otel.ts for the fields), one answer per line on
stdout: {"sent": spans, "failed": spans, "traces": [the first trace ids]}.
"""

import json
import random
import sys
import time

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from grpc import Compression as GrpcCompression


class Counting(SpanExporter):
    """Passes spans on and remembers what became of them."""

    def __init__(self, inner):
        self.inner = inner
        self.sent = 0
        self.failed = 0

    def export(self, spans):
        result = self.inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.sent += len(spans)
        else:
            self.failed += len(spans)
        return result

    def shutdown(self):
        self.inner.shutdown()


def exporter(job):
    gzip = job.get("gzip", False)
    headers = job.get("headers")
    if job.get("protocol", "grpc") == "http":
        compression = HttpCompression.Gzip if gzip else HttpCompression.NoCompression
        return Http(f"{job['endpoint']}/v1/traces", headers=headers, compression=compression, timeout=10)
    compression = GrpcCompression.Gzip if gzip else GrpcCompression.NoCompression
    return Grpc(job["endpoint"], insecure=True, headers=headers, compression=compression, timeout=10)


def exception(error):
    """An exception whose type is exactly the name asked for."""
    # A Python type name holds no null character.
    kind = type(error.get("type", "RuntimeError").replace("\0", ""), (Exception,), {"__module__": "builtins"})
    return kind(error.get("message", "it broke"))


def finish(span, error, end):
    if error:
        problem = exception(error)
        span.record_exception(problem, timestamp=end)
        span.set_status(Status(StatusCode.ERROR, str(problem)))
    span.end(end_time=end)


def request(tracer, group, end):
    """One request: a span of the kind asked for and its children, back to back."""
    jitter = 1 + group.get("jitter", 0.2) * (random.random() * 2 - 1)
    start = end - int(group.get("duration_ms", 20) * jitter * 1e6)
    kind = SpanKind[group.get("kind", "SERVER")]
    span = tracer.start_span(
        group["name"], kind=kind, attributes=group.get("attributes"), start_time=start
    )
    at = start
    for child in group.get("children", []):
        inside = tracer.start_span(
            child["name"],
            context=set_span_in_context(span),
            kind=SpanKind[child.get("kind", "CLIENT")],
            attributes=child.get("attributes"),
            start_time=at,
        )
        at += int(child.get("duration_ms", 5) * 1e6)
        finish(inside, child.get("error"), at)
    finish(span, group.get("error"), end)
    return format(span.get_span_context().trace_id, "032x")


def run(job):
    counting = Counting(exporter(job))
    provider = TracerProvider(resource=Resource.create(job["resource"]))
    # The queue drops what does not fit, so it must hold the whole job.
    total = sum(g.get("count", 1) * (1 + len(g.get("children", []))) for g in job["spans"])
    provider.add_span_processor(BatchSpanProcessor(counting, max_queue_size=max(total + 1, 2048)))
    tracer = provider.get_tracer("end2end", "1")
    now = time.time_ns()
    traces = []
    for group in job["spans"]:
        count = group.get("count", 1)
        newest = now - int(group.get("until_s_ago", 0) * 1e9)
        spread = int(group.get("over_s", 0) * 1e9)
        for index in range(count):
            trace = request(tracer, group, newest - spread * (count - 1 - index) // max(count, 1))
            if len(traces) < 100:
                traces.append(trace)
    provider.force_flush(30_000)
    provider.shutdown()
    return {"sent": counting.sent, "failed": counting.failed, "traces": traces}


for line in sys.stdin:
    try:
        answer = run(json.loads(line))
    except Exception as problem:  # The harness must hear of it, whatever it is.
        answer = {"sent": 0, "failed": 0, "traces": [], "error": repr(problem)}
    print(json.dumps(answer), flush=True)
