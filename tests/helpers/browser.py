"""A server in this process and a headless Chromium before it; tests are skipped, loudly, where there is none."""

import shutil
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from wordbrush import Editor
from wordbrush.server.app import make_app
from wordbrush.server.run import bind

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="NO BROWSER: the page is NOT tested here; install chromium (apt-get install chromium)"
)


@contextmanager
def serving(editor: Editor) -> Iterator[str]:
    """The address of a server."""
    listening = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        make_app(editor, page=True), log_level="warning", access_log=False, timeout_graceful_shutdown=1
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
