"""How well minilm's readings follow US births: the 3,000 most common given names, then the next.

Every choice was made on the first 3,000; the next 3,000 are for checking only.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import namebasis as nb
from namebasis.studies.attribute_records import compare

ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "ssa-names.zip"


def main() -> None:
    if not ARCHIVE.exists():
        print(f"left out: {ARCHIVE.name} is not here")
        return
    size = 300 if "--quick" in sys.argv else 3_000
    names = nb.read_names(f"ssa:{ARCHIVE}")
    encoder = nb.load_encoder("minilm")
    print("| names | measure | reading | value | 95 % interval |\n|---|---|---|---|---|")
    for label, start in (("most common", 0), ("next", size)):
        if "--quick" in sys.argv and start:
            break
        part = nb.Names(names.table.slice(start, size))
        with tempfile.TemporaryDirectory() as folder:
            space = nb.build_space(part, f"{folder}/s.space", encoder=encoder, templates="plain")
            report = compare(space, f"ssa:{ARCHIVE}")
        for m in report.measures:
            print(
                f"| {size:,} {label} | {m.measure} | {m.reading} | {m.value:.3f} "
                f"| {m.low:.3f} to {m.high:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
