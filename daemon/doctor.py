"""What keeps commits from being safe, as far as the daemon can see it: each finding with what to do."""

from __future__ import annotations

import asyncio
import shutil
import stat
from typing import TYPE_CHECKING

from museui.core.errors import MuseError
from museui.local.messages import Check

if TYPE_CHECKING:
    from .service import Service

_ROOM_BYTES = 512 << 20


async def examine(service: Service) -> list[Check]:
    """Look at everything; asks every hub once."""
    from museui.hub.probe import Probe

    checks = [
        *_find_troubles(service),
        _check_watching(service),
        _check_socket(service),
        await asyncio.to_thread(_check_disk, service),
    ]
    async with Probe() as probe:
        bases = list(service.board.items("hubs"))
        answers = await asyncio.gather(*(probe.ask(base, service.authority(base)) for base in bases))
    for base, answer in zip(bases, answers, strict=True):
        if isinstance(answer, MuseError):
            checks.append(Check(f"hub {base}", False, answer.message, answer.hint))
        else:
            checks.append(Check(f"hub {base}", True, f"answers in {answer * 1000:.0f} ms"))
    for view in service.board.items("repositories").values():
        trouble = view["trouble"]
        good = trouble is None
        checks.append(
            Check(
                f"repository {view['path']}",
                good,
                view["state"] if good else trouble["message"],
                "" if good else trouble["hint"],
            )
        )
    return checks


def _find_troubles(service: Service) -> list[Check]:
    (daemon,) = service.board.items("daemon").values()
    found = [Check("daemon", False, trouble["message"], trouble["hint"]) for trouble in daemon["troubles"]]
    return found or [Check("daemon", True, "database and configuration are in order")]


def _check_watching(service: Service) -> Check:
    (daemon,) = service.board.items("daemon").values()
    if trouble := daemon["watching_trouble"]:
        return Check("watching", False, f"{trouble['message']}; repositories are polled instead", trouble["hint"])
    return Check("watching", True, f"{daemon['watches']} folders are watched")


def _check_socket(service: Service) -> Check:
    mode = stat.S_IMODE(service.places.socket.stat().st_mode)
    if mode & 0o077:
        return Check("socket", False, f"others may use {service.places.socket} (mode {mode:04o})", "chmod 600 it.")
    return Check("socket", True, "is for this user alone")


def _check_disk(service: Service) -> Check:
    free = shutil.disk_usage(service.places.data).free
    if free < _ROOM_BYTES:
        return Check("disk", False, f"{free >> 20} MiB are free at {service.places.data}", "Make room.")
    return Check("disk", True, f"{free >> 30} GiB are free")
