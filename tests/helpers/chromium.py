"""A headless Chromium driven over its DevTools protocol, through a pipe: no further package."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_SECONDS = 30.0  # a bound against hanging, not a measurement
# The sandbox needs rights that containers lack; the only page ever opened is our own.
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-pipe",
)
# Chromium reads its commands from descriptor 3 and answers on 4. Ours are first moved out of the
# way of those two; a shell's redirections would do, were they not limited to one digit in some.
LAUNCHER = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_chromium() -> str | None:
    """Name the installed Chromium, or the one that the variable CHROMIUM names."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One open tab: commands go out, answers and events come back as JSON ended by a zero byte."""

    def __init__(self, read: int, write: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._read, self._write = read, write
        self._unread = b""
        self._count = 0
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come meanwhile are kept."""
        self._count += 1
        command = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        while (message := self._receive()).get("id") != self._count:
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        return message["result"]

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript in the page and return its value."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def open(self, page: Path) -> None:
        """Open a file and wait until it has loaded and its script has run."""
        self.events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{page} did not load")
            self.run("new Promise((done) => setTimeout(done, 20))")

    def look(self, *, width: int, scheme: str, height: int = 900, media: str = "screen") -> None:
        """Set the width of the window in CSS pixels and the colour scheme, light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", media=media, features=[feature])

    def screenshot(self, target: Path, **clip: float) -> None:
        """Write what is visible, or the part ``x, y, width, height`` of the page, as PNG."""
        options: dict[str, Any] = {"captureBeyondViewport": bool(clip)}
        if clip:
            options["clip"] = {**clip, "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", **options)["data"]
        target.write_bytes(base64.b64decode(data))

    def problems(self) -> list[str]:
        """List what the page complained of and what it fetched beyond itself."""
        wrong = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}
        found = [str(event["params"]) for event in self.events if event.get("method") in wrong]
        requests = (
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        )
        return found + [url for url in requests if not url.startswith(("file:", "data:"))]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            if not select.select([self._read], [], [], PATIENCE_SECONDS)[0]:
                raise TimeoutError("Chromium does not answer")
            part = os.read(self._read, 1 << 16)
            if not part:
                raise RuntimeError("Chromium has ended")
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\0")
        return json.loads(line)


@contextmanager
def open_tab() -> Iterator[Tab]:
    """Start Chromium with a profile of its own and end it afterwards."""
    chromium = find_chromium()
    assert chromium is not None, "the caller skips where there is no Chromium"
    to_browser, from_browser = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        ends = (to_browser[0], from_browser[1])
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, *map(str, ends)]
        arguments = [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            [*launcher, *arguments], pass_fds=ends, stderr=subprocess.DEVNULL
        )
        try:
            yield Tab(from_browser[0], to_browser[1])
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
            for descriptor in (*to_browser, *from_browser):
                os.close(descriptor)
