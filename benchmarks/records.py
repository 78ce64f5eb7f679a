"""How well minilm's readings follow records; `--section first`, `next`, `census` or `locales`.

Births: the 3,000 most common given names, on which every choice was made, then the next 3,000,
which are for checking only. `--html FOLDER` keeps the pages.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import namebasis as nb
from namebasis.studies.attributes.records import compare

DATA = Path(__file__).parents[2] / "shared" / "data"
ARCHIVE, SURNAMES = DATA / "ssa-names.zip", DATA / "census-2010-surnames.csv"
SIZE = 300 if "--quick" in sys.argv else 3_000


def after(option: str) -> str | None:
    return sys.argv[sys.argv.index(option) + 1] if option in sys.argv else None


def corpora() -> Iterator[tuple[str, nb.Names, str]]:
    """What to compare: a label, names, and the records."""
    section = after("--section")
    if section in (None, "first", "next") and ARCHIVE.exists():
        births = nb.read_names(f"ssa:{ARCHIVE}").table
        if section != "next":
            yield f"births, first {SIZE:,}", nb.Names(births.slice(0, SIZE)), f"ssa:{ARCHIVE}"
        if section != "first" and SIZE == 3_000:
            yield f"births, next {SIZE:,}", nb.Names(births.slice(SIZE, SIZE)), f"ssa:{ARCHIVE}"
    if section in (None, "census") and SURNAMES.exists():
        yield "census", nb.read_names(f"census:{SURNAMES}"), f"census:{SURNAMES}"
    if section in (None, "locales"):
        yield "locales", nb.read_names("faker", part="given", limit=SIZE), "locales"


def main() -> None:
    encoder = nb.load_encoder("minilm")
    pages = after("--html")
    print("| names | fact | measure | reading | value | 95 % interval | null | n |")
    print("|---|---|---|---|---|---|---|---|")
    for label, names, records in corpora():
        with tempfile.TemporaryDirectory() as folder:
            space = nb.build_space(names, f"{folder}/s.space", encoder=encoder, templates="plain")
            report = compare(space, records)
        for m in report.measures:
            print(
                f"| {label} | {m.fact} | {m.measure} | {m.reading} | {m.value:.3f} "
                f"| {m.low:.3f} to {m.high:.3f} | {m.null:.3f} | {m.n_names:,} |",
                flush=True,
            )
        for p in report.popularity:
            print(
                f"| {label}, {p.first:,} to {p.last:,} | {p.fact} | {p.measure} | {p.reading} "
                f"| {p.value:.3f} | {p.low:.3f} to {p.high:.3f} | {p.null:.3f} | {p.n:,} |",
                flush=True,
            )
        if pages:
            report.write_html(Path(pages) / f"{label.replace(', ', '-').replace(' ', '-')}.html")


if __name__ == "__main__":
    main()
