"""Sends spans and logs as an instrumented application would: the Python OpenTelemetry
SDK, its batch processors, its handler for `logging` and its OTLP exporters, by gRPC or HTTP.

One job per line on stdin (see otel.ts for the fields), one answer per line on
stdout: {"sent": records, "failed": records, "traces": [the first trace ids]}.
"""

import json
import logging
import random
import sys
import time

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from grpc import Compression as GrpcCompression


class Counting:
    """Passes records on and remembers what became of them."""

    SUCCESS = (SpanExportResult.SUCCESS, LogRecordExportResult.SUCCESS)

    def __init__(self, inner):
        self.inner = inner
        self.sent = 0
        self.failed = 0

    def export(self, records):
        result = self.inner.export(records)
        if result in self.SUCCESS:
            self.sent += len(records)
        else:
            self.failed += len(records)
        return result

    def force_flush(self, timeout_millis=30_000):
        return self.inner.force_flush(timeout_millis)

    def shutdown(self):
        self.inner.shutdown()


class CountingSpans(Counting, SpanExporter):
    """Counts spans."""


class CountingLogs(Counting, LogRecordExporter):
    """Counts log records."""


def exporter(job, http, grpc, path):
    gzip = job.get("gzip", False)
    headers = job.get("headers")
    if job.get("protocol", "grpc") == "http":
        compression = HttpCompression.Gzip if gzip else HttpCompression.NoCompression
        return http(f"{job['endpoint']}{path}", headers=headers, compression=compression, timeout=10)
    compression = GrpcCompression.Gzip if gzip else GrpcCompression.NoCompression
    return grpc(job["endpoint"], insecure=True, headers=headers, compression=compression, timeout=10)


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


def write(job, tracer):
    """Lines through Python's own logging; those of a trace are written inside a span."""
    counting = CountingLogs(exporter(job, HttpLogs, GrpcLogs, "/v1/logs"))
    provider = LoggerProvider(resource=Resource.create(job["resource"]))
    provider.add_log_record_processor(BatchLogRecordProcessor(counting, max_queue_size=100_000))
    logger = logging.Logger("shop.orders")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    traces = []
    for group in job["logs"]:
        level = logging.getLevelName(group.get("level", "INFO"))
        for index in range(group.get("count", 1)):
            body = group["body"].replace("{n}", str(index))
            if group.get("in_span"):
                with tracer.start_as_current_span(group["in_span"], kind=SpanKind.SERVER) as span:
                    traces.append(format(span.get_span_context().trace_id, "032x"))
                    logger.log(level, body, extra=group.get("attributes"))
            else:
                logger.log(level, body, extra=group.get("attributes"))
    provider.force_flush(30_000)
    provider.shutdown()
    return counting, traces


def run(job):
    counting = CountingSpans(exporter(job, Http, Grpc, "/v1/traces"))
    provider = TracerProvider(resource=Resource.create(job["resource"]))
    # The queue drops what does not fit, so it must hold the whole job.
    total = sum(g.get("count", 1) * (1 + len(g.get("children", []))) for g in job.get("spans", []))
    provider.add_span_processor(BatchSpanProcessor(counting, max_queue_size=max(total + 1, 2048)))
    tracer = provider.get_tracer("end2end", "1")
    now = time.time_ns()
    traces = []
    for group in job.get("spans", []):
        count = group.get("count", 1)
        newest = now - int(group.get("until_s_ago", 0) * 1e9)
        spread = int(group.get("over_s", 0) * 1e9)
        for index in range(count):
            trace = request(tracer, group, newest - spread * (count - 1 - index) // max(count, 1))
            if len(traces) < 100:
                traces.append(trace)
    counted = [counting]
    if job.get("logs"):
        lines, of_lines = write(job, tracer)
        counted.append(lines)
        traces += of_lines
    provider.force_flush(30_000)
    provider.shutdown()
    return {"sent": sum(c.sent for c in counted), "failed": sum(c.failed for c in counted), "traces": traces}


for line in sys.stdin:
    try:
        answer = run(json.loads(line))
    except Exception as problem:  # The harness must hear of it, whatever it is.
        answer = {"sent": 0, "failed": 0, "traces": [], "error": repr(problem)}
    print(json.dumps(answer), flush=True)
