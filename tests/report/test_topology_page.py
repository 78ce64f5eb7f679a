from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from namebasis.report.page import definitions, embedded_json, page, table, tiles
from namebasis.report.palette import cluster_colors, darker
from namebasis.report.topology_page import MapPoints, TopologyPage, render, spread_equal
from namebasis.report.topology_tables import AgreementRow, ClusterRow

HOSTILE = ("<script>alert(1)</script>", "</script><b>x", "'\"><img src=x onerror=alert(2)>",
           "{{7*7}}", "\u2028line", "\\u003c", "http://evil.example/x.js")  # fmt: skip


def content(n: int = 300, names: tuple[str, ...] = HOSTILE) -> TopologyPage:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 4 - 1
    places = (rng.standard_normal((n, 2)) + 6 * np.column_stack([labels, labels**2])).astype(
        np.float32
    )
    everyone = [*names, *(f"Name {i}" for i in range(n - len(names) - 1)), "Vicki"]
    row = ClusterRow(names[0], n // 4, names[:3], (1, 5), [("is_IS", "92 % · ×50")], 0.5)
    return TopologyPage(
        title=f"A {names[0]} page",
        lead=names[2],
        finding=names[1],
        facts=[(names[0], names[2])],
        points=MapPoints(
            names=everyone,
            details=[names[2]] * n,
            places=places,
            labels=labels.astype(np.int64),
            probabilities=np.where(labels < 0, 0.0, 0.5),
            neighbours=np.tile(np.arange(3), (n, 1)),
            similarities=np.full((n, 3), 0.25, np.float32),
        ),
        clusters=[row, row, row],
        agreement=[
            AgreementRow("locale", 10, 2, 0.7, 0.1, 0.667, 0.5, 0.01, 0.4, 0.1),
            AgreementRow("gender", 0, 0, None, None, None, None, None, None, None),
        ],
        n_permutations=99,
        notes=[names[0]],
        footer=[("space", names[1])],
    )


class Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def html() -> str:
    return render(content())


def test_hostile_text_stays_text(html: str) -> None:
    parser, harmless = Collector(), Collector()
    parser.feed(html)
    plain = content(names=("a", "b", "c", "d", "e", "f", "g"))
    harmless.feed(render(plain))
    assert [tag for tag, _ in parser.elements] == [tag for tag, _ in harmless.elements]
    assert not [a for _, attrs in parser.elements for a in attrs if a.startswith("on")]
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    data = re.search(r'id="data">(.*?)</script>', html, re.S)
    assert data is not None
    assert tuple(json.loads(data[1])["names"][: len(HOSTILE)]) == HOSTILE


def test_nothing_points_outside(html: str) -> None:
    parser = Collector()
    parser.feed(html)
    for tag, attributes in parser.elements:
        for name in ("src", "href", "action", "data", "poster"):
            assert not (attributes.get(name) or "").startswith(("http", "//")), (tag, attributes)
    assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", html)
    policy = next(a["content"] for t, a in parser.elements if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy
    assert "http" not in policy


def test_undefined_agreement_is_said(html: str) -> None:
    assert re.search(r"<b>gender</b>.*?undefined.*?–", html, re.S)
    assert 'title="0.700"' in html
    assert "40.0 %" in html


def test_size_for_sixty_thousand_names_is_bounded() -> None:
    small, large = (len(render(content(n)).encode()) for n in (1_000, 3_000))
    per_name = (large - small) / 2_000
    assert small + 59_000 * per_name < 15e6


def test_a_page_without_clusters_is_drawn() -> None:
    base = content(30)
    bare = MapPoints(
        names=base.points.names,
        details=base.points.details,
        places=np.zeros((30, 2), np.float32),
        labels=np.full(30, -1, np.int64),
        probabilities=np.zeros(30),
        neighbours=base.points.neighbours,
        similarities=base.points.similarities,
    )
    page_text = render(TopologyPage("t", "l", "f", [], bare, [], [], 99, [], []))
    assert "<p>There are none.</p>" in page_text


def test_equal_places_are_spread_without_meeting() -> None:
    places = np.array([[0, 0]] * 50 + [[10, 10], [5, 5]], np.float32)
    spread = spread_equal(places)
    np.testing.assert_array_equal(spread[0], [0, 0])
    np.testing.assert_array_equal(spread[50:], places[50:])
    assert len(np.unique(spread, axis=0)) == 52
    assert np.abs(spread[:50]).max() < 0.1


def test_parts_escape() -> None:
    for part in (
        tiles([(HOSTILE[0], HOSTILE[0])]),
        definitions([(HOSTILE[0], HOSTILE[0])]),
        table([HOSTILE[0]], []),
        embedded_json("i", HOSTILE[0]),
        page(HOSTILE[0], ""),
    ):
        assert "<script>alert" not in part
    embedded = embedded_json("i", list(HOSTILE)).split(">", 1)[1]
    assert json.loads(embedded.removesuffix("</script>")) == list(HOSTILE)


def test_colours_are_different_and_valid() -> None:
    colors = cluster_colors(60)
    assert len(set(colors)) == 60
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
    assert darker("#ffffff", 0.5) == "#808080"
    # A published value: oklch(0.62 0.145 255) lies in sRGB near #3f8ad8.
    channels = [int(colors[0][i : i + 2], 16) for i in (1, 3, 5)]
    np.testing.assert_allclose(channels, [0x3F, 0x8A, 0xD8], atol=8)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium")
    return found


def browse(
    chromium: str, folder: Path, url: str, *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}",
            "--window-size=1280,1200", "--virtual-time-budget=6000", *options, url,
        ],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip


def test_browser_draws_the_map_and_finds_a_name(chromium: str, html: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(html, encoding="utf-8")
    run = browse(chromium, tmp_path, f"{file.as_uri()}#name=vicki", "--dump-dom")
    dom = run.stdout
    assert 'data-ready="yes"' in dom
    assert "<h3>Vicki</h3>" in dom
    assert "nearest names" in dom
    # Neighbours are the hostile names: shown as text in the panel.
    assert dom.count("<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>") >= 1
    errors = [line for line in run.stderr.splitlines() if "CONSOLE" in line and "rror" in line]
    assert not errors, errors


def test_browser_paints_coloured_dots(chromium: str, tmp_path: Path) -> None:
    from PIL import Image

    file, picture = tmp_path / "page.html", tmp_path / "page.png"
    file.write_text(render(content(2000)), encoding="utf-8")
    browse(chromium, tmp_path, file.as_uri(), f"--screenshot={picture}")
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    wanted = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in cluster_colors(3)]
    map_area = pixels[:, :880]
    for color in wanted:
        close = (np.abs(map_area - color).max(axis=2) < 40).sum()
        assert close > 200, (color, close)
