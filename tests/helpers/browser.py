"""A server in this process and a headless Chromium before it; tests are skipped, loudly, where there is none."""

import io
import re
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image

from wordbrush import Editor
from wordbrush.server.app import make_app
from wordbrush.server.run import bind

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="NO BROWSER: the page is NOT tested here; install chromium (apt-get install chromium)"
)


SLOW = 180_000
"""Milliseconds that a page may take for one thing: machines are shared."""


@contextmanager
def serving(editor: Editor, port: int = 0, keep: Path | None = None) -> Iterator[str]:
    """The address of a server."""
    listening = bind("127.0.0.1", port)
    config = uvicorn.Config(
        make_app(editor, page=True, keep=keep), log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def chromium() -> Iterator[object]:
    """A browser that reaches loopback and nothing else."""
    from playwright.sync_api import sync_playwright

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
            )
            yield browser
            browser.close()


@contextmanager
def opened(browser: Any, address: str, **device: Any) -> Iterator[Any]:
    """The page of a new person, once it is ready; whatever goes wrong in it fails the test. `device` is theirs."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}, "accept_downloads": True, **device})
    context.set_default_timeout(SLOW)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and not busy(said.text) else None)
    page.on(
        "request", lambda request: request.url.startswith((address, "data:", "blob:")) or wrong.append(request.url)
    )
    page.goto(address)
    ready(page)
    yield page
    context.close()
    assert wrong == []


def busy(said: str) -> bool:
    """Whether a browser says of its own that a server had no room, which the page tells in words."""
    return "status of 429" in said or "status of 503" in said


def ready(page: Any) -> None:
    """Wait until the page has shown what it begins with."""
    page.wait_for_selector("html[data-ready]")


def grow(page: Any, action: Callable[[], object], by: int = 1) -> None:
    """Do something, and wait until the history has so many pictures more."""
    count = page.locator("#strip li").count()
    action()
    page.locator("#strip li").nth(count + by - 1).wait_for()  # no function: the page's policy lets none be made
    page.wait_for_selector("#run", state="hidden")


def edit(page: Any) -> None:
    """Press Edit, and wait for the picture."""
    grow(page, lambda: page.click("#edit"))


def current(page: Any) -> str:
    """The id of the picture that is shown."""
    found = re.search(r"pictures/([^/]+)/file", page.get_attribute("#download", "href"))
    assert found
    return found[1]


def made_by(page: Any) -> dict[str, Any]:
    """The request that made the picture that is shown."""
    picture = page.evaluate("async (id) => (await fetch(`/api/pictures/${id}`)).json()", current(page))
    return dict(picture["request"])


def drop(page: Any, data: bytes, name: str, media_type: str) -> None:
    """Drop a file on the page."""
    page.evaluate(
        """([bytes, name, type]) => {
          const given = new DataTransfer();
          given.items.add(new File([new Uint8Array(bytes)], name, { type }));
          dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));
        }""",
        [list(data), name, media_type],
    )


def fetched(page: Any, path: str) -> Image.Image:
    """A picture of the server, as this person gets it."""
    return Image.open(io.BytesIO(page.request.get(page.url.rstrip("/") + path).body())).convert("RGB")
