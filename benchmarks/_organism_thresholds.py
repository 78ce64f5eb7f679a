"""Thresholds of the study `identity`, learned where the truth is known; see data/identity.toml.

Learns on the first training, in standard deviations of made-up names above their mean, and says
how well each threshold tells the kinds apart there and on the others.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

import namebasis as nb
from namebasis.organism.run_folder import step_folders
from namebasis.organism.world import World
from namebasis.studies.identity.study import identity
from namebasis.studies.identity.thresholds import EVIDENCES

FEWEST = 300
# What has each evidence, and what has not.
TOLD = {
    "strength": (("A", "B", "C", "D", "E", "N"), ("made-up",)),
    "own_score": (("C", "D", "L", "narrowing"), ("A", "N")),
    "hold": (("E",), ("A", "B", "C", "D", "N")),
    "leakage": (("D",), ("C",)),
}


def measure(run: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Kinds, and evidences in deviations of the made-up names, which come last as "made-up"."""
    world = World.load(run / "world.json")
    encoder = nb.load_encoder(f"hf:{list(step_folders(run).values())[-1]}")
    names = [name for name in world.names if name.exposures >= FEWEST or name.kind == "N"]
    with tempfile.TemporaryDirectory() as folder:
        space = nb.build_space(
            nb.read_names([name.name for name in names]), Path(folder) / "s.space",
            encoder=encoder, templates="plain",
        )  # fmt: skip
        found = identity(space, [name.name for name in names])
    evidences = {}
    for key in EVIDENCES:
        asked, null = found.column(key), found.made_up[key]
        evidences[key] = (np.r_[asked, null] - null.mean()) / null.std(ddof=1)
    n = len(found.made_up["strength"])  # of leakage there are more, and nobody asks for them
    evidences = {key: column[: len(names) + n] for key, column in evidences.items()}
    kinds = [name.kind for name in names] + ["made-up"] * n
    return np.array(kinds), evidences


def told(kinds: np.ndarray, values: np.ndarray, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of the names that have the evidence or surely have not, and which they are."""
    have, lack = TOLD[key]
    rows = np.isin(kinds, have + lack) & np.isfinite(values)
    return values[rows, None], np.isin(kinds[rows], have)


def print_thresholds(folders: list[Path]) -> None:
    """Learn on the first training; judge it and the others."""
    runs = [measure(folder) for folder in folders]
    for key in EVIDENCES:
        values, labels = told(runs[0][0], runs[0][1][key], key)
        judge = LogisticRegression(class_weight="balanced", C=100.0).fit(values, labels)
        slope = float(judge.coef_[0, 0])
        shown = []
        for kinds, evidences in runs:
            values, labels = told(kinds, evidences[key], key)
            right = balanced_accuracy_score(labels, judge.predict(values))
            shown.append(f"AUC {roc_auc_score(labels, values[:, 0]):.3f}, accuracy {right:.3f}")
        print(
            f"{key}: z = {-judge.intercept_[0] / slope:.2f}, softness = {1 / slope:.2f}; "
            + "; ".join(shown), flush=True
        )  # fmt: skip
