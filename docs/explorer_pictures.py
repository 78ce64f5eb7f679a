"""Retake the pictures of docs/explorer.md from two spaces.

    python docs/explorer_pictures.py my.space other.space

Needs the extra explore, playwright, Pillow and Chromium. `my.space` is that of `namebasis demo`, or
another with names of Faker's lists; `other.space` has some of the same names by another template
or encoder. Reports and cards that are not kept in the spaces yet are made, which takes minutes.
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from namebasis.explore.guard import Rules
from namebasis.explore.server import create_app
from namebasis.explore.warm import Warm

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1240, "height": 800}
PATIENCE = 600_000
MOST = 150_000
"""Bytes of a picture."""
SENIOR = "q=a+senior+lady"
SHOTS: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("names", "?q=Vicki&card=Vicki", "light",
     (("press", "Measure what the model believes"), ("for", "#beliefs"))),
    ("map", "?tab=map&color=locales&q=Vicki&beside={other}", "dark",
     (("for", ".map-title"), ("rest", "4"))),
    ("basis", f"?tab=basis&{SENIOR}", "light", (("for", ".gauge.has-chance"),)),
    ("paint", f"?tab=paint&{SENIOR}&n=3&neg=1&ran=paint", "light", (("for", ".sides"),)),
    ("walk", "?tab=walk&along=gender&at=1.8", "dark", (("for", ".here .link"),)),
    ("select", "?tab=select&many=40&per=locale%3D3&short=2&ran=select", "light",
     (("for", "#selected"),)),
    ("compare", "?tab=compare&other={name}&otherview=text", "light", (("for", "#compared"),)),
    ("topology", "?tab=topology&space={name}", "dark",
     (("press", "Make the report"), ("for", "iframe.report"), ("rest", "12"), ("reach", "#map"))),
)  # fmt: skip
"""Name of the file, address, scheme, and what is done before the picture is taken."""


def main(paths: list[str]) -> None:
    """Take every picture."""
    warm = Warm(paths)
    for space in warm.names:
        warm.places(space)
    token = "a-secret-of-this-script-alone"
    server = uvicorn.Server(uvicorn.Config(create_app(warm, Rules(token=token)), ws="none",
                                           log_level="error"))  # fmt: skip
    with socket.socket() as taken, sync_playwright() as started:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        threading.Thread(target=server.run, args=([taken],), daemon=True).start()
        while not server.started:
            time.sleep(0.1)
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, query, scheme, acts in SHOTS:
            words = {"name": warm.names[1], "other": f'["{warm.names[1]}","text"]'}
            page = browser.new_page(viewport=SIZE, color_scheme=scheme)
            page.goto(address + query.format(**words))
            page.wait_for_selector("body[data-ready]", timeout=PATIENCE)
            for act in acts:
                _act(page, *act)
            page.wait_for_timeout(500)
            size = _kept(page.screenshot(), IMAGES / f"{name}.webp")
            sys.stdout.write(f"{name} {size:,} bytes\n")
            page.close()
        browser.close()
    server.should_exit = True


def _act(page: Page, verb: str, what: str) -> None:
    if verb == "press":
        button = page.get_by_role("button", name=what)
        if button.is_visible():  # what is kept already has none
            button.click()
    elif verb == "rest":
        page.wait_for_timeout(1000 * int(what))
    elif verb == "reach":  # a place in the report's own frame
        page.frame_locator("iframe.report").locator(what).evaluate(
            "(one) => scrollBy(0, one.getBoundingClientRect().top - 12)"
        )
    else:
        page.wait_for_selector(what, timeout=PATIENCE)


def _kept(shot: bytes, path: Path) -> int:
    """Write a picture as WebP, as good as its limit allows; return its bytes."""
    with Image.open(io.BytesIO(shot)) as picture:
        for quality in (85, 75, 60, 45):
            stream = io.BytesIO()
            picture.convert("RGB").save(stream, "WEBP", quality=quality, method=6)
            if stream.tell() <= MOST:
                break
    path.write_bytes(stream.getvalue())
    return stream.tell()


if __name__ == "__main__":
    main(sys.argv[1:3])
