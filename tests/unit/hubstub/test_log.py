"""Log lines: one for each thing that happened, whatever a client put into its names."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from hubstub import log


@pytest.fixture
def restored_logger() -> Iterator[None]:
    handlers, level, propagate = log.logger.handlers[:], log.logger.level, log.logger.propagate
    yield
    log.logger.handlers[:], log.logger.propagate = handlers, propagate
    log.logger.setLevel(level)


def _written(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log.configure_log(as_json)
    scope = {"method": "GET", "path": "/a\nb/ü", "query_string": b"secret=1", "request_id": "0123"}
    log.log_request(scope, 404, 0.0123456, 10)
    log.logger.debug("not shown")
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        logging.getLogger("hubstub.part").exception("failed")
    return stream.getvalue()


@pytest.mark.usefixtures("restored_logger")
def test_text_lines_quote_the_path_and_leave_out_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *trace = _written(False, monkeypatch).splitlines()
    assert first.endswith(
        "request method=GET path=/a%0Ab/%C3%BC status=404 ms=12.35 bytes=10 user=- client=- request_id=0123"
    )
    assert "error" in second and trace[-1] == "RuntimeError: boom"


@pytest.mark.usefixtures("restored_logger")
def test_json_lines_are_whole_documents_with_the_trace_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = map(json.loads, _written(True, monkeypatch).splitlines())
    assert (first["message"], first["path"], first["status"], first["ms"]) == ("request", "/a%0Ab/%C3%BC", 404, 12.35)
    assert "secret" not in json.dumps(first)
    assert second["logger"] == "hubstub.part" and "RuntimeError: boom" in second["exception"]
