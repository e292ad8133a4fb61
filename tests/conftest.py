"""What holds for every test: Hypothesis repeats itself in CI, and there a skipped test is a failure."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.forks import end_sharing, share_forks
from tests.helpers.minio import minio
from tests.helpers.postgresql import new_database, postgresql
from tests.helpers.program import home, museui

__all__ = ["home", "minio", "museui", "new_database", "postgresql"]

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

SERVICE_FIXTURES = {"browser", "minio", "postgresql"}
SERVICE_PARAMETERS = {"minio", "postgresql", "two hubs"}
"""Values of parameters for which a fixture asks for a service by :meth:`getfixturevalue`."""
UNIT = Path(__file__).parent / "unit"

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if IN_CI else "here")


@pytest.fixture(scope="session", autouse=True)
def forked_programs() -> Iterator[None]:
    """Programs are forked from one process of the session that has imported them."""
    share_forks()
    yield
    end_sharing()


def _needs_service(item: pytest.Function) -> bool:
    call = getattr(item, "callspec", None)
    values = [value for value in call.params.values() if isinstance(value, str)] if call else []
    return bool(SERVICE_FIXTURES.intersection(item.fixturenames) or SERVICE_PARAMETERS.intersection(values))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a service as ``services``, and the unit tests that do not and are not ``slow`` as ``quick``."""
    for item in items:
        if isinstance(item, pytest.Function) and _needs_service(item):
            item.add_marker("services")
        slow = item.get_closest_marker("slow") or item.get_closest_marker("services")
        if not slow and item.path.is_relative_to(UNIT):
            item.add_marker("quick")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[Any]:
    """Give back what a program that runs in this process takes for itself: signals, and the mask of new files' modes.

    A verb ignores signals once it is all but done; a hub's command makes files that nobody else may read.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    os.umask(mask := os.umask(0))
    try:
        return (yield)
    finally:
        os.umask(mask)
        for number, handler in before.items():
            signal.signal(number, handler)


def _skipped(session: pytest.Session) -> list[str]:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    return [report.nodeid for report in reporter.stats.get("skipped", [])] if reporter else []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if IN_CI and _skipped(session) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if IN_CI and skipped:
        terminalreporter.write_sep("=", "skipped, which in CI is a failure", red=True)
        for report in skipped:
            terminalreporter.write_line(report.nodeid)
