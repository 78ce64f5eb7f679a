"""Each kind of index of one large space: bytes a name, recall, and CPU of a question.

The space is built once, in a folder that is kept or in one that goes, and indexed as each kind.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
from _synthetic import SyntheticEncoder, synthetic_names
from _ten_million import DIM, FILTERS, N_QUERIES, Figures, recall


def measure(path: Path, n: int, kind: str) -> Figures:
    """Index as one kind, and ask `N_QUERIES` stored names with each filter."""
    from namebasis.namespace.building.build import build_space
    from namebasis.space import open_space

    names, started = synthetic_names(n), time.process_time()
    build_space(names, path, encoder=SyntheticEncoder(DIM), templates="plain", index=kind)
    figures: Figures = {"cpu": time.process_time() - started}
    space = open_space(path)
    facts = space.info()["indices"]["text"]
    size = (path / "indices" / "text.faiss").stat().st_size
    figures |= {"factory": facts["factory"], "recall": facts["recall_at_10"], "bytes": size / n}
    ids = np.sort(np.random.default_rng(5).choice(n, N_QUERIES, replace=False))
    for what, where in {"all": None, **FILTERS}.items():
        space.nearest(f"Name{ids[0]:07d}", where=where)
        seconds = []
        for row in ids:
            begun = time.process_time()
            space.nearest(f"Name{row:07d}", where=where)
            seconds.append(time.process_time() - begun)
        figures[f"ms {what}"] = statistics.median(seconds) * 1e3
        figures[f"recall {what}"] = recall(space, ids, where)
    return figures


def row_of(kind: str, found: Figures) -> str:
    """One line of the table."""
    asked = (f"{found[f'ms {what}']:.0f} ({found[f'recall {what}']:.3f})" for what in
             ("all", *FILTERS))  # fmt: skip
    told = "exact" if found["recall"] is None else f"{found['recall']:.3f}"
    cells = (
        kind, found["factory"], f"{found['bytes']:,.0f}", told, *asked,
        f"{found['cpu']:.0f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| kind | factory | bytes a name | recall@10 of `info` | all names, CPU ms (recall@10) "
    "| half of the names | a hundredth | build or indexing, CPU s |\n"
    "| --- | --- | --: | --: | --: | --: | --: | --: |"
)
