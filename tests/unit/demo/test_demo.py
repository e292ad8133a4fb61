"""The demo's environment: nothing of a person's is in it, and nothing leads out of its folder."""

from __future__ import annotations

from pathlib import Path

from museui.demo.theatre import private_environment


def test_the_demo_has_a_home_of_its_own_and_neither_tokens_nor_proxies() -> None:
    mine = {
        "HOME": "/home/ada",
        "XDG_CONFIG_HOME": "/c",
        "MUSEUI_TOKEN": "muse_x",
        "https_proxy": "p",
        "ALL_PROXY": "p",
    }
    kept = {"PATH": "/bin", "TERM": "xterm", "NO_COLOR": "1"}
    made = private_environment(Path("/tmp/d"), mine | kept)
    assert kept.items() <= made.items()
    assert all(value.startswith("/tmp/d/") for name, value in made.items() if name not in kept)
    assert {"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"} <= made.keys()
    assert not {"MUSEUI_TOKEN", "https_proxy", "ALL_PROXY"} & made.keys()
