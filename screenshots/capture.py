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
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from museui.tui.app import MuseApp  # noqa: E402
from museui.tui.widgets.folders import FolderTree  # noqa: E402
from screenshots.fixed import HOME, NOW  # noqa: E402
from screenshots.story import Story  # noqa: E402
from tests.helpers.picture import check_picture, take_picture  # noqa: E402
from tests.helpers.tui import Screen, never  # noqa: E402

SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (200, 60)
SIZES = (SMALL, MIDDLE, LARGE)
THEMES = ("dark", "light", "monochrome")


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


class Album:
    """Takes pictures of the story; ``troubles`` has what differs from the files."""

    def __init__(self, story: Story, *, write: bool) -> None:
        self._story = story
        self._write = write
        self.names: set[str] = set()
        self.troubles: list[str] = []

    @asynccontextmanager
    async def open(
        self, size: tuple[int, int] = SMALL, theme: str = "dark", start: Callable[[], object] = never
    ) -> AsyncIterator[Screen]:
        """The interface, as a person with this terminal sees it."""
        if theme == "monochrome":
            os.environ["NO_COLOR"] = "1"
        app = MuseApp(self._story.client, start, lambda: NOW, theme=f"museui-{theme}")
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Screen(app, pilot)

    async def take(self, screen: Screen, name: str, *seen: str) -> None:
        """A picture once all of ``seen`` is on it and nothing moves any more."""
        await screen.sees(*seen)
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

    async def take_everywhere(self, name: str, *seen: str, keys: tuple[str, ...] = (), at: str = "") -> None:
        """The same at every size, in every theme; ``at`` is seen before the ``keys`` are pressed."""
        for theme in THEMES:
            for size in SIZES:
                async with self.open(size, theme) as screen:
                    await screen.sees(at)
                    await screen.press(*keys)
                    await self.take(screen, name, *seen)


async def capture(album: Album, story: Story) -> None:
    """Every state, one after the other."""
    async with album.open() as screen:
        await album.take(screen, "first-run", "Welcome to MuseUI")
    story.make_repositories()
    async with album.open() as screen:
        await screen.sees("Welcome")
        await screen.press("a")
        await album.take(screen, "add", "5 found", "▸ music", "▸ work")
    story.become_safe()
    await album.take_everywhere("safe", "✓ all 5 safe")
    print("x")


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
