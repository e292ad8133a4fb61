"""Headless Chromium for tests, driven over WebDriver: Debian's packages ``chromium`` and ``chromium-driver``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.expected_conditions import url_to_be
from selenium.webdriver.support.wait import WebDriverWait

HOW = "no chromium and chromedriver on PATH; on Debian: apt-get install chromium chromium-driver"
_ARRIVE_S = 60
_FLAGS = (
    "--headless",
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """One Chromium with an empty profile. Nothing is downloaded: the driver is named, so nobody looks for one."""

    def __init__(self, chromium: str, driver: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="museui-chromium-", ignore_cleanup_errors=True)
        options = ChromeOptions()
        options.binary_location = chromium
        for flag in (*_FLAGS, f"--user-data-dir={self._profile.name}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        try:
            with pytest.MonkeyPatch.context() as patch:  # the driver listens on loopback, whatever is set here
                for name in ("NO_PROXY", "no_proxy"):
                    patch.setenv(name, "localhost,127.0.0.1")
                self.driver = Chrome(options, Service(driver))
        except BaseException:
            self._profile.cleanup()
            raise

    def look(self, width: int, *, dark: bool = False) -> None:
        """Be a screen of ``width`` CSS pixels, in light or dark colours; narrow ones are phones."""
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self._command("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._command("Emulation.setEmulatedMedia", {"features": [scheme]})

    def arrive(self, url: str) -> None:
        """Return once the browser is at ``url``: what a click sets off ends after it."""
        WebDriverWait(self.driver, _ARRIVE_S).until(url_to_be(url))

    def run(self, script: str) -> Any:
        """What ``script`` returns, run as one's own and not as the page's."""
        return self.driver.execute_script(script)

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def forget(self) -> None:
        """Drop all cookies."""
        self._command("Network.clearBrowserCookies", {})

    def close(self) -> None:
        """End it, and leave nothing."""
        self.driver.quit()
        self._profile.cleanup()

    def _command(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.driver.execute_cdp_cmd(name, dict(arguments))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for the whole session; skips without Chromium, which in CI is a failure."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip(HOW)
    made = Browser(chromium, driver)
    yield made
    made.close()
