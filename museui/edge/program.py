"""A program from its start to its end: encoding, standard streams, signals."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TextIO

from ..core import failpoints
from ..core.early import raise_on_interrupt
from ..core.errors import EXIT_FAILED, EXIT_INTERRUPTED
from .signals import ignore_signals


def run_program(run: Callable[[Sequence[str]], int], at_end: Callable[[], object] | None = None) -> NoReturn:
    """Run the command line of this process with ``run`` and end the process with the exit code it returns.

    SIGTERM and SIGHUP raise :class:`KeyboardInterrupt`, as SIGINT does, so that unfinished work is cleaned up; a signal
    that the parent process had ignored stays ignored. ``at_end`` is called just before Python ends.
    """
    _use_utf8()
    _open_closed_streams()
    failpoints.arm(os.environ.get(failpoints.ENVIRONMENT, ""))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    raise_on_interrupt()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _raise_again
    try:
        code = run(sys.argv[1:])
    except BrokenPipeError:
        code = EXIT_FAILED
    except KeyboardInterrupt:  # a second one, while the error message of the first was being printed
        code = EXIT_INTERRUPTED
    ignore_signals()
    if not _flush(sys.stdout):
        code = code or EXIT_FAILED
    _flush(sys.stderr)
    if code == EXIT_INTERRUPTED:
        os._exit(code)  # a thread may still wait for an answer that nobody needs any more
    if at_end:
        at_end()
    sys.exit(code)


def _use_utf8() -> None:
    """Start over in UTF-8 mode where the locale says otherwise: paths and messages are UTF-8 in every repository."""
    if sys.getfilesystemencoding().lower() != "utf-8" and not sys.flags.utf8_mode and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _open_closed_streams() -> None:
    """Open each standard stream that the parent process has closed as an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _flush(stream: TextIO) -> bool:
    """Return whether all output was written. Output that cannot be is dropped, so that Python's end cannot raise."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True


def _raise_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send the process another SIGINT for one that came in a destructor, which cannot raise."""
    if unraisable.exc_type is KeyboardInterrupt:
        os.kill(os.getpid(), signal.SIGINT)
    else:
        sys.__unraisablehook__(unraisable)
