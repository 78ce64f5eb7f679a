"""How the explorer holds up: load, latencies, first paint, frames of the map, page weight.

`--section load`, `latency`, `paint`, `frames` or `weight` runs one of them. `--space FOLDER` (twice
for two sizes) uses spaces that are there; by default Faker's names are embedded, which takes
minutes. `--peers FOLDER` measures other maps too: a script `NAME.js` in it defines
`window.peer = async (canvas, x, y) => ({ frame: async () => … })`, drawn first and then moved.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

HERE = Path(__file__).parent
TOKEN = "a-secret-of-thirty-letters-in-all"
CLIENTS, RATE, SECONDS = 50, 20, 60
SIZES = (26_400, 67_000)  # of which minilm reads some 24,000 and 61,000
N_POINTS = (67_000, 1_000_000)
QUICK = "--quick" in sys.argv
MIX = {"stored name": 8, "free text": 5, "filter": 4, "card": 3}
"""Of twenty queries."""
FILTERS = (
    "gender = 'F' AND n_tokens = 1", "part = 'family'", "array_has(locales, 'is_IS')",
    "starts_with(name, 'K')",
)  # fmt: skip
WORDS = (
    "old young tall short happy tired quiet famous Icelandic French singer teacher farmer king "
    "lady boy woman sailor doctor friend rich poor smiling winter summer city mountain blue golden"
).split()


def spaces(given: list[Path], folder: Path) -> Iterator[Path]:
    """The spaces to measure: those given, or Faker's names as minilm embeds them."""
    from namebasis import build_space

    if given:
        yield from given
        return
    for size in (300,) if QUICK else SIZES:
        path = folder / f"faker-{size}.space"
        build_space(f"faker,limit={size}", path, encoder="minilm", templates="person")
        yield path


class Client:
    """One connection that stays open, as a browser's does."""

    def __init__(self, port: int) -> None:
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path: str) -> bytes:
        self.link.request("GET", path, headers={"authorization": f"Bearer {TOKEN}"})
        answer = self.link.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {path}: {body[:200]!r}")
        return body

    def post(self, path: str, body: object) -> Any:
        self.link.request(
            "POST", path, json.dumps(body),
            {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
        )  # fmt: skip
        return json.loads(self.link.getresponse().read())


@contextlib.contextmanager
def serving(path: Path) -> Iterator[tuple[int, str]]:
    """The explorer in a process of its own; its port and the name of the space."""
    words = [
        sys.executable,
        "-c",
        "from namebasis.cli import main; main()",
        "explore",
        str(path),
        "--no-open",
    ]
    words += ["--port", "18900", "--token", TOKEN]
    running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stderr is not None
        found = None
        while found is None:
            said = running.stderr.readline()
            if not said:
                raise RuntimeError("the explorer did not start")
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        port = int(found[1])
        client, deadline = Client(port), time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                name = json.loads(client.ask("/api/spaces"))[0]["space"]
                break
            client = Client(port)
            time.sleep(0.1)
        yield port, name
    finally:
        running.terminate()
        running.wait(30)


def questions(space: str, names: list[str], seed: int) -> Iterator[tuple[str, str]]:
    """Endless questions of the mix; no free text and no filter comes twice."""
    rng = random.Random(seed)
    kinds = [kind for kind, weight in MIX.items() for _ in range(weight)]
    while True:
        kind, name = rng.choice(kinds), rng.choice(names)
        text = " ".join(rng.sample(WORDS, 3)) + f" {rng.randrange(10**6)}"
        where = f"{rng.choice(FILTERS)} AND id <> {rng.randrange(-(10**6), 0)}"
        asked = {
            "stored name": f"nearest?k=50&q={quote(name, safe='')}",
            "free text": f"nearest?k=50&as=text&q={quote(text)}",
            "filter": f"nearest?k=50&q={quote(name, safe='')}&where={quote(where)}",
            "card": f"card?name={quote(name, safe='')}",
        }
        yield kind, f"/api/{space}/{asked[kind]}"


def names_of(client: Client, space: str) -> list[str]:
    told = json.loads(client.ask(f"/api/{space}/names?limit=5000&columns=name&sort=name"))
    return [row["name"] for row in told["rows"] if not re.search(r"\s[+\u2212-]\s", row["name"])]


def load(port: int, space: str, rate: float, seconds: float) -> dict[str, list[float]]:
    """Many clients at once, each at random times; seconds from when a question was due."""
    names = names_of(Client(port), space)
    found: dict[str, list[float]] = {kind: [] for kind in MIX}
    found["errors"] = []
    start = time.perf_counter() + 1

    def client(at: int) -> None:
        rng, link, asked = random.Random(at), Client(port), questions(space, names, at)
        due = start
        while True:
            due += rng.expovariate(rate / CLIENTS)
            if due > start + seconds:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            kind, path = next(asked)
            try:
                link.ask(path)
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                print(error, file=sys.stderr)
                found["errors"].append(time.perf_counter() - due)
                link = Client(port)
            else:
                found[kind].append(time.perf_counter() - due)

    threads = [threading.Thread(target=client, args=(at,)) for at in range(CLIENTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return found


def percentiles(seconds: list[float]) -> str:
    return " | ".join(f"{1000 * np.percentile(seconds, q):.0f}" for q in (50, 95, 99, 100))


def cpu_of(port: int) -> float:
    """CPU seconds so far of the process that listens at a port, among our own children."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes()
            if int(words[1]) == os.getpid() and b"explore" in command:
                return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return float("nan")


def print_load(port: int, space: str, size: int) -> None:
    seconds = 3 if QUICK else SECONDS
    print(f"\n{CLIENTS} clients at once on {size:,} names, for {seconds} s; milliseconds from when "
          "a question was due to the end of its answer.\n")  # fmt: skip
    print("| queries a second | beside a job | kind | asked | median | p95 | p99 | most |")
    print("|---|---|---|---|---|---|---|---|")
    client = Client(port)
    client.ask(f"/api/{space}/encoder")  # as a page does when it opens
    for rate, has_job in ((RATE, False), (RATE, True)):
        stop = threading.Event()
        beside = threading.Thread(target=keep_painting, args=(port, space, stop))
        if has_job:
            beside.start()
        cpu = cpu_of(port)
        found = load(port, space, rate, seconds)
        cpu = cpu_of(port) - cpu
        stop.set()
        if has_job:
            beside.join()
        errors = found.pop("errors")
        label = f"{rate} | {'paint' if has_job else 'none'}"
        for kind, times in found.items():
            if times:
                print(f"| {label} | {kind} | {len(times)} | {percentiles(times)} |")
        times = [one for times in found.values() for one in times]
        print(f"| {label} | **all**, {len(errors)} errors | {len(times)} | {percentiles(times)} |")
        each = 1000 * cpu / max(1, len(times))
        print(f"| {label} | CPU of the service: {each:.0f} ms a question, "
              f"{cpu / seconds:.2f} cores | | | | | |")  # fmt: skip
    client.link.close()


def keep_painting(port: int, space: str, stop: threading.Event) -> None:
    """One long job after another."""
    client = Client(port)
    while not stop.is_set():
        job = client.post(f"/api/{space}/jobs/paint", {"q": "a senior lady from Iceland"})
        while job["state"] in ("queued", "running") and not stop.is_set():
            time.sleep(0.5)
            job = json.loads(client.ask(f"/api/jobs/{job['id']}"))
    client.link.request(
        "DELETE", f"/api/jobs/{job['id']}", headers={"authorization": f"Bearer {TOKEN}"}
    )
    client.link.getresponse().read()


def print_latency(port: int, space: str, size: int) -> None:
    client = Client(port)
    asked = questions(space, names_of(client, space), 999)
    found: dict[str, list[float]] = {kind: [] for kind in MIX}
    for _ in range(20):
        client.ask(next(asked)[1])
    n = 5 if QUICK else 100
    while min(map(len, found.values())) < n:
        kind, path = next(asked)
        started = time.perf_counter()
        client.ask(path)
        found[kind].append(time.perf_counter() - started)
    print(f"\nOne client, warm, on {size:,} names; milliseconds.\n")
    print("| kind | asked | median | p95 | p99 | most |\n|---|---|---|---|---|---|")
    for kind, times in found.items():
        print(f"| {kind} | {len(times)} | {percentiles(times)} |")


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


FIRST = """() => {
  const of = (name) => performance.getEntriesByName(name)[0]?.startTime ?? null;
  return { paint: of('first-contentful-paint'), list: of('names shown'), map: of('map drawn') };
}"""

WEIGHT = """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
  .reduce((sum, one) => sum + one.transferSize, 0)"""
MARKED = "(mark) => performance.getEntriesByName(mark).length > 0"


def print_paint(port: int, space: str, size: int) -> None:
    """Milliseconds from the address to what is seen, in a new browser without a cache."""
    client = Client(port)
    make_map(client, space)
    rows = []
    with chromium() as browser:
        for tab, mark in (("names", "names shown"), ("map&color=gender", "map drawn")):
            times, bytes_ = [], 0
            for _ in range(2 if QUICK else 5):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{port}/?tab={tab}", wait_until="commit")
                page.wait_for_selector("body[data-ready]", timeout=60_000)
                while not page.evaluate(MARKED, mark):
                    time.sleep(0.02)
                times.append(page.evaluate(FIRST))
                bytes_ = page.evaluate(WEIGHT)
                context.close()
            first = np.median([one["paint"] for one in times])
            shown = [one["list" if tab == "names" else "map"] for one in times]
            label = f"{size:,} | {tab.split('&')[0]}"
            rows.append(f"| {label} | {first:.0f} | {np.median(shown):.0f} | "
                        f"{max(shown):.0f} | {bytes_ / 1e6:.2f} |")  # fmt: skip
    print("\nA new browser window without a cache; milliseconds from the address.\n")
    print("| names | tab | first contentful paint | names or map shown, median | most | MB |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


def make_map(client: Client, space: str) -> None:
    job = client.post(f"/api/{space}/jobs/map", {"view": "text"})
    while job["state"] in ("queued", "running"):
        time.sleep(0.5)
        job = json.loads(client.ask(f"/api/jobs/{job['id']}"))
    if job["state"] != "done":
        raise RuntimeError(f"no map: {job}")


OWN = """async ([n, isFlat]) => {
  const { PointMap } = await import("/assets/map.js");
  if (isFlat) {
    const given = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return kind.startsWith("webgl") ? null : given.call(this, kind, ...rest);
    };
  }
  window.peer = async (canvas, x, y) => {
    const act = { hover: () => {}, click: () => {}, select: () => {} };
    const map = new PointMap(canvas, x, y, act);
    map.paint((row) => [row & 255, 90, 160], () => true);
    const gl = map.gl, pixel = new Uint8Array(4);
    const end = () => gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    map._draw();
    end();
    return { frame: async () => {
      map.center[0] += 0.01;
      map.isMoving = true;
      map._draw();
      end();
      await new Promise(requestAnimationFrame);
    } };
  };
  return await (%s)([n, isFlat]);
}"""
MEASURED = """async ([n]) => {
  let seed = 1;
  const uniform = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const normal = () => uniform() + uniform() + uniform() + uniform() - 2;
  const x = Float32Array.from({ length: n }, normal), y = Float32Array.from({ length: n }, normal);
  document.body.innerHTML = "";
  const canvas = document.createElement("canvas");
  Object.assign(canvas.style, { width: "900px", height: "600px", display: "block" });
  document.body.append(canvas);
  let began = performance.now();
  const peer = await window.peer(canvas, x, y);
  const first = performance.now() - began, times = [];
  for (let at = 0; at < 15; at++) {
    began = performance.now();
    await peer.frame();
    times.push(performance.now() - began);
  }
  return [first, times.sort((a, b) => a - b)[7], times.at(-1)];
}"""


def print_frames(port: int, peers: Path | None) -> None:
    """First draw and frames of moving, of our map and of others, with normal clouds of points."""
    print("\nMaps of random points, 900 × 600, in headless Chromium without a graphics card.\n")
    print("| map | points | first draw, ms | frame while moving, median ms | most |")
    print("|---|---|---|---|---|")
    sizes = (2_000,) if QUICK else N_POINTS
    with chromium() as browser:
        for name, is_flat in (("ours, WebGL", False), ("ours, canvas", True)):
            for n in sizes[:1] if is_flat else sizes:  # a million on a canvas take minutes
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{port}/openapi.json")
                found = page.evaluate(OWN % MEASURED, [n, is_flat])
                print(f"| {name} | {n:,} | " + " | ".join(f"{one:.0f}" for one in found) + " |")
                page.close()
        for script in sorted(peers.glob("*.js")) if peers else ():
            for n in sizes:
                page = browser.new_page()
                page.add_script_tag(path=script)
                found = page.evaluate(MEASURED, [n])
                print(f"| {script.stem} | {n:,} | " + " | ".join(f"{one:.0f}" for one in found)
                      + " |")  # fmt: skip
                page.close()


def print_weight() -> None:
    assets = HERE.parent / "namebasis" / "explore" / "assets"
    sizes = {one.name: one.stat().st_size for one in assets.iterdir() if one.is_file()}
    most = max(sizes, key=lambda name: sizes[name])
    print(f"\nThe page before any names: {sum(sizes.values()) / 1e6:.2f} MB in {len(sizes)} files, "
          f"of which {most} is {sizes[most] / 1e6:.2f}.")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--section", choices=["load", "latency", "paint", "frames", "weight"])
    parser.add_argument("--space", type=Path, action="append", default=[])
    parser.add_argument("--peers", type=Path)
    wanted = parser.parse_args()
    asked = {wanted.section} if wanted.section else {"load", "latency", "paint", "frames", "weight"}
    if "weight" in asked:
        print_weight()
    has_frames = False
    if asked - {"weight"}:
        with tempfile.TemporaryDirectory() as folder:
            for path in spaces(wanted.space, Path(folder)):
                with serving(path) as (port, space):
                    size = json.loads(Client(port).ask("/api/spaces"))[0]["n_names"]
                    if "latency" in asked:
                        print_latency(port, space, size)
                    if "load" in asked and (QUICK or size > 50_000):
                        print_load(port, space, size)
                    if "paint" in asked:
                        print_paint(port, space, size)
                if "frames" in asked and not has_frames:
                    has_frames = True
                    with serving(path) as (port, _):
                        print_frames(port, wanted.peers)


if __name__ == "__main__":
    main()
