"""Disks for tests: small ones that can be full, and, where the system lets us, ones whose power can be cut.

``image``: ext4 in a file, mounted through a loop device. The power is cut by the file system's own emergency stop
(``EXT4_IOC_SHUTDOWN`` without flushing its journal): from that moment nothing reaches the device, and what was not made
durable before is gone when it is mounted again. Needs root, loop devices and ``mkfs.ext4``.
``memory``: a tmpfs. It can be full; needs root.
``folder``: anybody's; it can be neither.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

_SHUTDOWN = 0x8004587D
_NO_FLUSH = 2
_FILLER = ".filler"
_SHARED_MEMORY = Path("/dev/shm")


class Disk:
    """A file system of its own at ``path``, which it makes; ``kind`` says of which sort it could be.

    ``why_not`` says what the system has refused, in one sentence, and is empty for an ``image``.
    """

    def __init__(self, path: Path, *, mib: int = 48, kind: str = "image") -> None:
        self.path = path
        self.full = False
        self.why_not = ""
        self._image: Path | None = None
        path.mkdir(exist_ok=True)
        self.kind = self._mount(mib, kind)

    def _mount(self, mib: int, kind: str) -> str:
        if os.getuid():
            self.why_not = "No disk can be mounted, so none is full and no power is cut: this user is not root."
            return "folder"
        if kind == "image":
            try:
                self._make_image(mib)
                return "image"
            except (OSError, subprocess.CalledProcessError) as exc:
                said = getattr(exc, "stderr", b"") or str(exc).encode()
                self.why_not = f"No power is cut: there is no loop device with ext4 here ({said.decode().strip()})."
                self._drop_image()
        mounted = _call("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(self.path), check=False)
        if mounted.returncode:
            self.why_not = (
                f"No disk is full and no power is cut: nothing can be mounted ({mounted.stderr.decode().strip()})."
            )
            return "folder"
        return "memory"

    def _make_image(self, mib: int) -> None:
        place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
        descriptor, name = tempfile.mkstemp(prefix="museui-disk-", dir=place)
        self._image = Path(name)
        os.truncate(descriptor, mib << 20)
        os.close(descriptor)
        _call("mkfs.ext4", "-q", "-m", "0", name)
        self._attach()
        (self.path / "lost+found").rmdir()

    def _attach(self) -> None:
        # The journal is written when somebody asks for it and not every five seconds: what nobody asked for is lost.
        _call("mount", "-o", "loop,commit=300", str(self._image), str(self.path))

    def _drop_image(self) -> None:
        if self._image:
            self._image.unlink(missing_ok=True)
            self._image = None

    def cut_power(self) -> None:
        """Lose what was not made durable. Nothing may run that has a file open here but what was killed."""
        assert self.kind == "image"
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_FLUSH))
        finally:
            os.close(descriptor)
        _call("umount", str(self.path))
        self._attach()
        self.full = (self.path / _FILLER).exists()

    def sync(self) -> None:
        """Make everything durable."""
        if self.kind == "image":
            _call("sync", "-f", str(self.path))

    def fill(self, leave_bytes: int = 0) -> None:
        """Leave room for so much and no more. A plain folder is only said to be full."""
        self.full = True
        if self.kind == "folder":
            return
        with (self.path / _FILLER).open("ab", buffering=0) as filler:
            for piece in (4 << 20, 1 << 18, 1 << 12):
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), piece)
            filler.truncate(max(0, filler.seek(0, os.SEEK_END) - leave_bytes))

    def free(self) -> None:
        """There is room again."""
        self.full = False
        (self.path / _FILLER).unlink(missing_ok=True)

    def clear(self) -> None:
        """Nothing is on it."""
        self.free()
        for path in self.path.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def close(self) -> None:
        """It is gone, and the folder it was at."""
        if self.kind != "folder":
            _call("umount", "-l", str(self.path))
        self._drop_image()
        shutil.rmtree(self.path, ignore_errors=True)


def _call(*command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=check)
