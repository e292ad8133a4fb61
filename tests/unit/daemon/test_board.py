"""The board: the whole state first, then what changes, put together for whoever is slow."""

from __future__ import annotations

from daemon import board as board_module
from daemon.board import Board
from museui.local.messages import LogLine, decode
from museui.local.state import State, parse_state


def line(number: int, message: str = "") -> LogLine:
    return LogLine(number, 1.0, "info", message)


async def test_a_reader_gets_the_state_and_then_what_changes() -> None:
    board = Board()
    board.put("log", "1", line(1))
    reader = board.open_reader()
    board.put("log", "2", line(2))
    board.drop("log", "1")
    state = State()
    for event in await reader.next_events():
        state.apply(event)
    assert state.log == {"2": line(2)}
    assert parse_state(board.state()) == state


async def test_of_an_item_that_changed_often_a_reader_gets_the_newest_alone() -> None:
    board = Board()
    reader = board.open_reader()
    await reader.next_events()
    for number in range(100):
        board.put("log", "1", line(1, str(number)))
    (event,) = await reader.next_events()
    assert decode(LogLine, event["value"]).message == "99"


async def test_what_is_the_same_as_before_is_not_told() -> None:
    board = Board()
    board.put("log", "1", line(1))
    reader = board.open_reader()
    board.put("log", "1", line(1))
    board.drop("log", "7")
    assert [event["event"] for event in await reader.next_events()] == ["state"]


async def test_a_reader_with_too_long_a_backlog_is_marked() -> None:
    board = Board()
    reader = board.open_reader()
    for number in range(board_module._MAX_BACKLOG + 1):
        board.put("log", str(number), line(number))
    assert reader.too_slow


async def test_the_log_shows_the_newest_lines_alone_to_whoever_looks_on_too() -> None:
    board = Board()
    reader, state = board.open_reader(), State()
    for number in range(1000):
        board.put("log", str(number), line(number))
        for event in await reader.next_events() if number % 300 == 0 or number == 999 else ():
            state.apply(event)
    assert list(board.items("log")) == [str(number) for number in range(800, 1000)]
    assert state == parse_state(board.state())


async def test_a_closed_reader_is_told_nothing() -> None:
    board = Board()
    reader = board.open_reader()
    assert board.readers == 1
    await reader.next_events()
    board.close_reader(reader)
    board.put("log", "1", line(1))
    assert (board.readers, reader._changed) == (0, {})
