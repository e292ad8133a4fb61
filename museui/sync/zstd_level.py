"""The zstd level for a line: compressing must never be what a push waits for, nor the line if it can be helped."""

from __future__ import annotations


def choose_level(*, loopback: bool, rtt_s: float, bytes_per_s: float | None) -> tuple[int, str]:
    """A zstd level and the reason for it, from what is known about the line.

    ``rtt_s``: the round trip of the first request; ``bytes_per_s``: what earlier uploads to this hub reached, if any
    is remembered.  Level 1 compresses about 250 MB/s a core, 3 about 130, 9 about 40 (two cores).
    """
    if loopback:
        return 1, "loopback"
    if bytes_per_s is not None:
        speed = f"{bytes_per_s / 1e6:.0f} MB/s last time"
        if bytes_per_s >= 150e6:
            return 1, speed
        return (3, speed) if bytes_per_s >= 20e6 else (9, speed)
    if rtt_s < 0.003:
        return 1, f"{rtt_s * 1e3:.1f} ms round trip"
    return (3 if rtt_s < 0.03 else 9), f"{rtt_s * 1e3:.0f} ms round trip"
