"""What this process counts for whoever runs the hub, as ``GET /metrics`` shows it; ``docs/operations.md`` lists it.

No label has values that users choose: no repository, no user, no branch.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_P = "museui_hub_"
_FAST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

REQUESTS = Counter(_P + "requests", "Requests answered.", ["route", "method", "status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    _P + "request_seconds",
    "From the head of a request to the end of its answer.",
    ["route"],
    buckets=_FAST_S,
    registry=REGISTRY,
)
REQUESTS_RUNNING = Gauge(_P + "requests_running", "Requests that run now.", registry=REGISTRY)
RECEIVED_BYTES = Counter(_P + "received_bytes", "Bytes of request bodies.", registry=REGISTRY)
SENT_BYTES = Counter(_P + "sent_bytes", "Bytes of answers.", registry=REGISTRY)
REFUSALS = Counter(
    _P + "refusals", "Requests that were answered with an error, by its code.", ["code"], registry=REGISTRY
)
SLOW_CLIENTS = Counter(
    _P + "slow_clients",
    "Clients cut off because they did not send, take, or begin TLS in time.",
    ["what"],
    registry=REGISTRY,
)
PUSHES = Counter(_P + "pushes", "Pushes recorded.", ["strategy"], registry=REGISTRY)
PUSH_SECONDS = Histogram(
    _P + "push_seconds",
    "Seconds of each step of a push.",
    ["strategy", "step"],
    buckets=_FAST_S,
    registry=REGISTRY,
)
PUSHED_BYTES = Counter(_P + "pushed_bytes", "Bytes of recorded pushes as they were sent.", registry=REGISTRY)
STORED_COMMITS = Counter(_P + "stored_commits", "Commits that pushes added.", registry=REGISTRY)
STORED_OBJECTS = Counter(_P + "stored_objects", "Objects that pushes added.", registry=REGISTRY)
STORE_SECONDS = Histogram(
    _P + "store_seconds",
    "Calls to the object store.",
    ["operation"],
    buckets=_FAST_S,
    registry=REGISTRY,
)
STORE_ERRORS = Counter(_P + "store_errors", "Calls to the object store that failed.", ["operation"], registry=REGISTRY)
DATABASE_WAIT_SECONDS = Histogram(
    _P + "database_wait_seconds",
    "How long a transaction that writes waited for the one before.",
    buckets=_FAST_S,
    registry=REGISTRY,
)
DATABASE_ERRORS = Counter(
    _P + "database_errors", "Times the database did not answer, or was busy for too long.", registry=REGISTRY
)

DATABASE_RETRIES = Counter(
    _P + "database_retries", "Transactions done again because another was in their way.", registry=REGISTRY
)


def count_push(strategy: str, steps: Mapping[str, float], wire_bytes: int, commits: int, objects: int) -> None:
    """A push was recorded; ``steps``: its seconds by step."""
    PUSHES.labels(strategy).inc()
    for step, seconds in steps.items():
        PUSH_SECONDS.labels(strategy, step).observe(seconds)
    PUSHED_BYTES.inc(wire_bytes)
    STORED_COMMITS.inc(commits)
    STORED_OBJECTS.inc(objects)
