"""The pictures of docs/page.md, and how long a person waits: from `wordbrush ui` to the first picture and edit.

python tools/page_pictures.py docs/page
"""

import io
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright


@contextmanager
def serving() -> Iterator[str]:
    """The address of `wordbrush ui`, run as a person runs it."""
    command = [sys.executable, "-m", "wordbrush", "ui", "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http\S+", process.stdout.readline())
        assert found, "wordbrush ui did not say where it is"
        try:
            yield found[0]
        finally:
            process.terminate()


def opened(browser: Browser, address: str, width: int, height: int, scheme: str, began: float | None = None) -> Page:
    """The page of a new person, after its first edit; seconds are told since `began`, or since it was opened."""
    page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
    page.set_default_timeout(300_000)
    began = time.perf_counter() if began is None else began
    page.goto(address)
    page.wait_for_selector("#strip li")
    first = time.perf_counter() - began
    page.wait_for_selector("html[data-ready]")
    print(f"{width} wide: first picture after {first:.1f} s, first edit after {time.perf_counter() - began:.1f} s")
    page.wait_for_timeout(500)
    return page


def first_preview(page: Page) -> float:
    """Milliseconds from pressing Edit to the first preview of the edit, which is made once more."""
    page.evaluate(
        """() => {
          const after = document.getElementById("after");
          const began = performance.now();
          new MutationObserver(() => {
            if (after.src.startsWith("data:")) window.preview ??= performance.now() - began;
          }).observe(after, { attributeFilter: ["src"] });
          document.getElementById("edit").click();
        }"""
    )
    page.wait_for_selector("#strip li:nth-child(3)")
    page.wait_for_selector("#run", state="hidden")
    return float(page.evaluate("window.preview"))


def sweep(page: Page) -> None:
    """A sheet over the weight of the lion, while the last picture is made."""
    page.mouse.move(5, 5)
    page.click("#sweep")
    page.select_option("#sweep-what", label="Weight of “lion”")
    page.click("#sweep-form .primary")
    page.wait_for_selector("#sheet-pictures button:nth-child(5):enabled")
    page.wait_for_selector("#sheet-pictures button:nth-child(6) img[src^='data:']")


def search(page: Page) -> None:
    """The sheet of a search, once it knows some scores and tries more."""
    page.click("#best")
    page.wait_for_selector("#sheet-pictures >> text=score")
    page.wait_for_selector("#sheet-pictures button:nth-child(4) img[src^='data:']")


def save(page: Page, path: Path) -> None:
    """A screenshot with few colours, which is small."""
    shot = Image.open(io.BytesIO(page.screenshot()))
    rgb = shot.convert("RGB")
    rgb.quantize(palette=rgb.quantize(256), dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def animate(page: Page, path: Path) -> None:
    """The divider moving over an edit."""
    frames = []
    for percent in (*range(95, 4, -10), *range(5, 95, 10)):
        page.fill("#compare", str(percent))
        shot = Image.open(io.BytesIO(page.locator("#stage").screenshot())).convert("RGB")
        frames.append(shot.resize((256, 256), Image.Resampling.LANCZOS).quantize(64, dither=Image.Dither.NONE))
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=110, loop=0, optimize=True)


def main() -> None:
    """Take all of them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        began = time.perf_counter()
        with serving() as address:
            print(f"wordbrush ui: open after {time.perf_counter() - began:.1f} s")
            take(browser, address, folder, began)
        browser.close()


def take(browser: Browser, address: str, folder: Path, began: float) -> None:
    """Take all of them of a server that was started when it `began`."""
    page = opened(browser, address, 1360, 980, "light", began)
    save(page, folder / "wide-light.png")
    animate(page, folder / "divider.gif")
    page.hover("#source-words .word >> text=dog")
    page.wait_for_timeout(300)
    save(page, folder / "map.png")
    save(opened(browser, address, 820, 1100, "dark"), folder / "tablet-dark.png")
    phone = opened(browser, address, 390, 844, "light")
    save(phone, folder / "phone-light.png")
    print(f"{first_preview(phone):.0f} ms from the press of Edit to the first preview")
    search(phone)
    save(phone, folder / "search.png")
    sweep(page)
    save(page, folder / "sweep.png")


if __name__ == "__main__":
    main()
