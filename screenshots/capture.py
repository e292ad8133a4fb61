"""The pictures in this folder: made of the real programs, or made again and compared.

    python screenshots/capture.py            writes them
    python screenshots/capture.py --check    makes them again, and says which are not as they are here

Needs no terminal. ``story.py`` has the programs, ``fixed.py`` what is given fixed values, and why.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from textual.widgets import Input  # noqa: E402

from museui.tui.app import MuseApp  # noqa: E402
from museui.tui.widgets.folders import FolderTree  # noqa: E402
from screenshots.fixed import HOME, NOW  # noqa: E402
from screenshots.story import Story  # noqa: E402
from tests.helpers.picture import check_picture, take_picture  # noqa: E402
from tests.helpers.tui import Screen, never  # noqa: E402

SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (200, 60)
SIZES = (SMALL, MIDDLE, LARGE)
THEMES = ("dark", "light", "monochrome")


Size = tuple[int, int]
Step = tuple[str, tuple[str, ...], tuple[str, ...]]


def step(name: str, keys: str, *seen: str) -> Step:
    """Press ``keys``, with blanks between, wait for what is to be ``seen``, and take a picture if it has a ``name``."""
    names = {"?": "question_mark", "/": "slash"}
    return name, tuple(names.get(key, key) for key in keys.split()), seen


class HomePath(type(Path())):  # type: ignore[misc]
    """A folder below ``/home/ada``, as the tree of folders looks at it: what is there is in the story's home."""

    real: ClassVar[str] = ""

    def _there(self) -> Path:
        return Path(str(self).replace(HOME, self.real, 1))

    def iterdir(self) -> Any:
        """What is in it."""
        return (HomePath(self, path.name) for path in self._there().iterdir())

    def is_dir(self, **options: Any) -> bool:
        """Whether it is a folder."""
        return self._there().is_dir(**options)

    def is_symlink(self) -> bool:
        """Whether it is a link."""
        return self._there().is_symlink()


def is_asking(app: MuseApp) -> bool:
    """Whether something was asked of the daemon and is not answered yet."""
    asking = any(thread.name == "background" for thread in threading.enumerate())
    return asking or any(worker.node is app and not worker.is_finished for worker in app.workers)


class Album:
    """Takes pictures of the story; ``troubles`` has what differs from the files."""

    def __init__(self, story: Story, *, write: bool) -> None:
        self._story = story
        self._write = write
        self.names: set[str] = set()
        self.troubles: list[str] = []

    @asynccontextmanager
    async def open(
        self, size: Size = SMALL, theme: str = "dark", start: Callable[[], object] = never
    ) -> AsyncIterator[Screen]:
        """The interface, as a person with this terminal sees it."""
        if theme == "monochrome":
            os.environ["NO_COLOR"] = "1"
        else:
            os.environ.pop("NO_COLOR", None)
        app = MuseApp(self._story.client, start, lambda: NOW, theme=f"museui-{theme}")
        app.animation_level = "none"
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Screen(app, pilot)

    async def take(self, screen: Screen, name: str, *seen: str) -> None:
        """A picture once all of ``seen`` is on it, what was asked is answered, and nothing moves any more."""
        await screen.sees(*seen)
        await screen.until(lambda: not is_asking(screen.app), "an answer")
        for box in screen.app.screen.query(Input):
            box.cursor_blink = False
        before = ""
        while (now := take_picture(screen.app)) != before:
            before = now
            await asyncio.sleep(0.06)
            await screen.pilot.pause()
        width, height = screen.app.size
        theme = screen.app.theme.removeprefix("museui-")
        file = HERE / f"{name}-{width}x{height}-{theme}.svg"
        assert file.name not in self.names, file.name
        self.names.add(file.name)
        if trouble := check_picture(file, now, write=self._write):
            self.troubles.append(trouble)

    async def walk(
        self, steps: Sequence[Step], sizes: Sequence[Size] = (SMALL,), themes: Sequence[str] = ("dark",)
    ) -> None:
        """Take the steps in each theme, and the pictures at each size."""
        for theme in themes:
            async with self.open(sizes[0], theme) as screen:
                for name, keys, seen in steps:
                    await screen.press(*keys)
                    await screen.sees(*seen)
                    for size in sizes if name else ():
                        await screen.pilot.resize_terminal(*size)
                        await self.take(screen, name, *seen)
                    await screen.pilot.resize_terminal(*sizes[0])


async def capture(album: Album, story: Story) -> None:
    """Every state, one after the other."""
    welcome = step("first-run", "", "Welcome to MuseUI")
    await album.walk([welcome, step("sign-in", "i", "Sign in")])
    story.make_repositories()
    await album.walk([step("", "", "Welcome"), step("add", "a", "5 found", "▸ music", "▸ work")], (SMALL, MIDDLE))
    story.become_safe()
    await capture_safe(album)
    story.be_refused()
    story.begin_to_push()
    await capture_pushing(album)
    story.run_into_trouble()
    await capture_trouble(album)
    story.lose_the_hub()
    await capture_hub_gone(album)
    await capture_daemon_gone(album, story)


async def capture_safe(album: Album) -> None:
    """All is well: the dashboard, and every other screen."""
    safe = step("safe", "", "✓ all 5 safe", "✓ now")
    await album.walk([safe], SIZES)
    await album.walk([safe], (MIDDLE,), ("light", "monochrome"))
    push = step("push", "G enter", "is on the hub", "The hub's receipt", "usual")
    await album.walk([step("", "", "✓ all 5 safe"), push], SIZES, THEMES)
    places = (
        step("hub", "b", "Pushed there", "promotion"),
        step("doctor", "D", "All is well"),
        step("settings", "s", "commit by itself"),
    )
    await album.walk([step("", "", "✓ all 5 safe"), *places], (SMALL, MIDDLE))
    back = "✓ all 5 safe"
    await album.walk(
        [
            step("", "", back),
            step("help", "?", "Push the repository now"),
            step("theme", "escape t", "museui-light"),
            step("palette", "escape ctrl+p", "Find repositories and"),
            step("remove", "escape delete", "Nothing is deleted"),
            step("panel-push", "escape 2", "advance ref"),
            step("panel-queue", "3", "nothing waits"),
            step("panel-history", "4", "when"),
            step("panel-log", "5", "main is on"),
            step("filter", "1 / s o n", "song"),
        ]
    )


async def capture_trouble(album: Album) -> None:
    """What needs a person."""
    trouble = step("trouble", "", "✗ 3 need you", "for 2 h")
    await album.walk([trouble], SIZES)
    await album.walk([trouble], (MIDDLE,), ("light", "monochrome"))
    history = step("history", "G H", "24 pushes ", "median")
    await album.walk([step("", "", "✗ 3 need you"), history], SIZES, THEMES)
    repository = step("repository", "G up enter", "Queue")
    failed = step("push-failed", "escape H down down down enter", "What went wrong")
    await album.walk(
        [
            step("", "", "✗ 3 need you"),
            repository,
            failed,
            step("doctor-trouble", "escape escape D", "checks failed"),
        ],
        (SMALL, MIDDLE),
    )


async def capture_pushing(album: Album) -> None:
    """A push is on its way."""
    begin = step("", "", "◐ 1 pushing")
    await album.walk([begin, step("pushing", "G", "◐ 1 pushing", "new")], SIZES, THEMES)
    await album.walk(
        [begin, step("panel-push-running", "G 2", "transfer 61 %"), step("panel-queue-full", "3", "stopped", "soon")]
    )
    await album.walk([begin, step("push-running", "G enter", "of song: transfer", "usual")], (SMALL, MIDDLE))


async def capture_hub_gone(album: Album) -> None:
    """Nobody answers."""
    gone = step("hub-gone", "", "○ gone", "↑ 1 queued", "in 8 s")
    await album.walk([gone], (MIDDLE,))
    await album.walk(
        [step("hub-gone", "", "○ gone"), step("queue-hub-gone", "3", "in 8 s"), step("hub-trouble", "b", "because")]
    )


async def capture_daemon_gone(album: Album, story: Story) -> None:
    """It goes while somebody looks on; then it is not there, and is started."""
    async with album.open() as screen:
        await screen.sees("↑ 1 queued")
        story.daemon.kill()
        for size in (SMALL, MIDDLE):
            await screen.pilot.resize_terminal(*size)
            await album.take(screen, "daemon-gone", "daemon ○ gone", "not known")
    await album.walk([step("daemon-missing", "", "The daemon does not run")])
    over = threading.Event()
    async with album.open(start=over.wait) as screen:
        await album.take(screen, "daemon-starting", "Starting the daemon")
        over.set()


def main() -> int:
    """Write, or compare; 1 when something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs, and end with 1 if so")
    options = parser.parse_args()
    os.environ["HOME"], os.environ["TZ"] = HOME, "UTC"
    time.tzset()
    began_s = time.monotonic()
    with Story() as story:
        HomePath.real = str(story.daemon.home)
        FolderTree.PATH = HomePath
        album = Album(story, write=not options.check)
        asyncio.run(capture(album, story))
    for file in sorted(HERE.glob("*.svg")):
        if file.name not in album.names:
            if options.check:
                album.troubles.append(f"{file.name} is of nothing that is pictured")
            else:
                file.unlink()
    for trouble in album.troubles:
        print(trouble)
    print(f"{len(album.names)} pictures, {len(album.troubles)} differ, {time.monotonic() - began_s:.0f} s")
    return 1 if album.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
