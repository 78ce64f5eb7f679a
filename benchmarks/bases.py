"""Name bases: speed against scikit-learn, and how good the codes are on real vectors.

`python benchmarks/bases.py` prints all; `--section speed`, `anchors`, `quality` or `chance` one.
The real vectors are made once and kept in the cache folder; the CLIP vectors are read where
../shared is.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from _timing import Race, interleaved
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, orthogonal_mp

from namebasis.analysis.sparse.codes import SparseCode, refit, sparse_code
from namebasis.analysis.sparse.turning import TurnedDictionaries
from namebasis.analysis.sparse.whitening import whitening_matrix
from namebasis.studies.basis.anchors import code_by_others
from namebasis.studies.basis.trust import make_null

SHARED = Path(__file__).parents[2] / "shared" / "data"
CACHE = Path(tempfile.gettempdir()) / "namebasis-bench-bases"


def clustered(n: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Unit rows with the falling spectrum and the clusters of real text vectors, centred."""
    spectrum = np.arange(1, width + 1, dtype=np.float32) ** -0.5
    centres = rng.standard_normal((max(n // 50, 2), width), dtype=np.float32)
    rows = rng.standard_normal((n, width), dtype=np.float32)
    for block in np.array_split(rows, 1 + n // 8192):  # no second copy: the peak is reported
        block += centres[rng.integers(len(centres), size=len(block))]
    rows *= spectrum
    rows -= rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def mixtures(names: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Targets that are sums of three names and noise of equal length."""
    total = names[rng.integers(len(names), size=(n, 3))].sum(axis=1)
    noise = rng.standard_normal(total.shape).astype(np.float32)
    noise *= np.linalg.norm(total, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1)[:, None]
    total += noise
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def residuals(code: SparseCode, names: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.linalg.norm(targets - code.reconstruct(names), axis=1)


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def against_pursuit(n_names: int, n_targets: int, n_peer: int, repeats: int) -> None:
    """Scikit-learn's pursuit as fast as it goes: float32, Fortran order, and one call before.

    Both in turn; in seconds of the processor and of the wall.
    """
    rng = np.random.default_rng(0)
    names = clustered(n_names, 512, rng)
    targets = mixtures(names, n_targets, rng)
    sparse_code(names, targets[:8], 8, nonnegative=False)
    memory = peak_gb()
    code = sparse_code(names, targets, 8, nonnegative=False)
    dictionary, some = np.asfortranarray(names.T), np.asfortranarray(targets[:n_peer].T)
    found: list[np.ndarray] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a target that ends early
        orthogonal_mp(dictionary, some[:, :2], n_nonzero_coefs=8)
        race = interleaved(
            lambda: sparse_code(names, targets, 8, nonnegative=False),
            lambda: found.append(orthogonal_mp(dictionary, some, n_nonzero_coefs=8)),
            repeats, per_peer=n_targets / n_peer, warm=False,
        )  # fmt: skip
    peer = found[-1].reshape(n_names, n_peer)
    same = [set(np.flatnonzero(peer[:, i])) == set(code.indices[i]) for i in range(n_peer)]
    left = np.linalg.norm(some - dictionary @ peer, axis=0)
    ratio = residuals(code, names, targets)[:n_peer] / left
    print(
        f"| {n_targets} targets, {n_names:,} names, 8 nonzero, signed | orthogonal_mp, float32, "
        f"Fortran order, warm, {n_peer} targets | {two(race)} | same support "
        f"{np.mean(same):.1%}, residual × {ratio.mean():.4f}, peak {memory:.2f} GB |"
    )


def two(race: Race) -> str:
    """Cells: our seconds and the peer's, of the wall, and the ratio by both clocks."""
    ours, theirs = race.ours.spread(), race.peer.spread()
    return (
        f"{ours.middle:.2f} s | {theirs.middle * race.per_peer:.1f} s | "
        f"{race.ratio().told('.1f', '×')} | {race.ratio('cpu').told('.1f', '×')}"
    )


def against_lasso(n_names: int, n_targets: int, n_peer: int, repeats: int) -> None:
    """SpLiCE's settings: a Lasso per target, no intercept, 10,000 iterations, tolerance 1e-6."""
    rng = np.random.default_rng(0)
    names = clustered(n_names, 512, rng)
    targets = mixtures(names, n_targets, rng)
    dictionary, found = np.asfortranarray(names.T), []
    model = Lasso(
        alpha=0.25 / (2 * 512), fit_intercept=False, positive=True, max_iter=10_000, tol=1e-6
    )

    def peer() -> None:
        found[:] = [model.fit(dictionary, target).coef_.copy() for target in targets[:n_peer]]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        race = interleaved(
            lambda: sparse_code(names, targets, 8), peer, repeats, per_peer=n_targets / n_peer
        )
    lower = []
    for weights, target in zip(found, targets, strict=False):
        if (weights > 0).any():
            k = int((weights > 0).sum())
            own = residuals(sparse_code(names, target[None], k), names, target[None])[0]
            lower.append((own, np.linalg.norm(target - dictionary @ weights)))
    own, other = np.array(lower).T
    print(
        f"| the same, nonnegative | Lasso(positive=True), float32, Fortran order, {n_peer} "
        f"targets | {two(race)} | residual at equal nonzeros (median "
        f"{np.median((np.array(found) > 0).sum(axis=1)):.0f}) {own.mean():.3f} against "
        f"{other.mean():.3f}, lower for {(own < other).mean():.0%} |"
    )


def speed(quick: bool) -> None:
    print("d = 512, medians of turns; the peer is timed on its targets and scaled to all\n")
    print("| work | peer | ours | peer's | ratio, wall | ratio, CPU | quality |")
    print("|---|---|---|---|---|---|---|")
    against_pursuit(10_000, 256, 8 if quick else 64, 1 if quick else 5)
    against_lasso(10_000, 256, 4 if quick else 64, 1 if quick else 5)
    against_pursuit(100_000, 256, 1 if quick else 8, 1 if quick else 5)


def anchors(quick: bool) -> None:
    rng = np.random.default_rng(0)
    n = 4_000 if quick else 60_000
    names = clustered(n, 384, rng)
    start, before = time.perf_counter(), time.process_time()
    code = code_by_others(names, 8, np.full((n, 0), -1))
    wall, cpu = time.perf_counter() - start, time.process_time() - before
    print(
        f"\nAnchors, {n:,} × 384, 8 nonzero, each name by all others, exact: {wall:.0f} s "
        f"({cpu:.0f} s of processor time), peak {peak_gb():.1f} GB, mean cosine "
        f"{np.nanmean(code.similarities):.3f}."
    )


def faker_names() -> tuple[list[str], np.ndarray]:
    """Given and family names of Faker that minilm can read, with their vectors."""
    from namebasis.encoders.registry import load_encoder
    from namebasis.namespace.corpus.sources import read_names

    names = read_names("faker")
    singles = sorted({*names.select("given").strings, *names.select("family").strings})
    encoder = load_encoder("minilm")
    readable = [name for name in singles if "[UNK]" not in encoder.tokenize(name)]
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"minilm-{len(readable)}.npy"
    if not path.exists():
        np.save(path, encoder.encode_names(readable, "a photo of {}"))
    return readable, np.load(path)


def full_targets(seed: int, readable: set[str]) -> list[tuple[str, str]]:
    """200 pairs of a given and a family name drawn evenly among those that can be read."""
    from namebasis.namespace.corpus.sources import read_names

    names = read_names("faker")
    given, family = names.select("given").strings, names.select("family").strings
    rng = np.random.default_rng(seed)
    pairs = []
    while len(pairs) < 200:
        pair = given[rng.integers(len(given))], family[rng.integers(len(family))]
        if {*pair} <= readable:
            pairs.append(pair)
    return pairs


def quality(quick: bool) -> None:
    from namebasis.encoders.registry import load_encoder
    from namebasis.namespace.search.targets import fold

    readable, rows = faker_names()
    encoder = load_encoder("minilm")
    mean = rows.mean(axis=0)
    names = rows - mean
    folded = [fold(name) for name in readable]
    print(
        f"\nFull names from {len(readable):,} given and family names (Faker, minilm; names with "
        "letters outside its vocabulary left out), both parts within 4 atoms, up to case and "
        "accents:\n\n| way | "
        + " | ".join(("tuning, seed 0", "report, seed 1", "report, seed 2"))
        + " |"
    )
    print("|---|---|---|---|")
    ways: dict[str, tuple[float | None, int, bool]] = {
        "signed pursuit": (None, 0, False),
        "nonnegative pursuit": (None, 0, True),
        "nonnegative, exchange": (None, 2, True),
        **{f"whitened, ridge {r:g}, exchange": (r, 2, True) for r in (3.0, 1.0, 0.3, 0.1)},
    }
    if quick:
        ways = dict(list(ways.items())[:2])
    table: dict[str, list[str]] = {way: [] for way in ways}
    for seed in (0, 1, 2)[: 1 if quick else 3]:
        pairs = full_targets(seed, set(readable))
        targets = encoder.encode_names([" ".join(p) for p in pairs], "a photo of {}") - mean
        for way, (ridge, n_sweeps, nonnegative) in ways.items():
            matrix = None if ridge is None else whitening_matrix(names, ridge)
            code = sparse_code(
                names if matrix is None else names @ matrix,
                targets if matrix is None else targets @ matrix,
                4,
                nonnegative=nonnegative,
                n_sweeps=n_sweeps,
            )
            plain = refit(names, targets, code.indices, nonnegative=nonnegative)
            hits = [
                {fold(part) for part in pair} <= {folded[i] for i in chosen}
                for pair, chosen in zip(pairs, code.indices, strict=True)
            ]
            table[way].append(f"{np.mean(hits):.1%} (cosine {plain.similarities.mean():.3f})")
    for way, cells in table.items():
        print(f"| {way} | " + " | ".join(cells) + " |")
    clip_codes(8 if quick else 40)


def clip_codes(n_draws: int) -> None:
    """Leave-one-out codes of real CLIP vectors, with random dictionaries beside them."""
    rows = clip_rows()
    if rows is None:
        return
    own = np.arange(len(rows))
    rng = np.random.default_rng(0)
    turned = TurnedDictionaries(rows)
    sample = rng.choice(len(rows), 100, replace=False)
    plain = sparse_code(rows, rows, 8, exclude=own)
    swept = sparse_code(rows, rows, 8, exclude=own, n_sweeps=2)
    nulls, standings = [], []
    for row in sample:
        drawn = np.concatenate(
            [
                sparse_code(names, seen, 8, exclude=np.full(len(seen), row)).similarities
                for names, seen in turned.draws(rows[row], n_draws, rng)
            ]
        )
        nulls.append(drawn.mean())
        own_cosine = float(plain.similarities[row])
        standings.append(make_null("turned", len(rows), drawn, own_cosine).z)
    print(
        f"\nReal CLIP vectors ({len(rows):,} categories, ViT-B-32), leave-one-out, 8 nonnegative "
        f"atoms: mean centred cosine {np.nanmean(plain.similarities):.3f}, with exchange "
        f"{np.nanmean(swept.similarities):.3f}; random dictionaries of the same size and "
        f"covariance ({n_draws} draws for each of {len(sample)} categories) {np.mean(nulls):.3f}; "
        f"z median {np.median(standings):.1f}, at least 2 for "
        f"{np.mean(np.array(standings) >= 2):.0%}."
    )


def clip_rows() -> np.ndarray | None:
    """Centred unit vectors of the LVIS categories, where they are."""
    path = SHARED / "clip-vit-b-32-lvis.npy"
    if not path.exists():
        print(f"\n{path.name} is not here: left out.")
        return None
    rows = np.load(path).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows - rows.mean(axis=0))


def chance(quick: bool) -> None:
    """Whether the control by random dictionaries is right where the truth is known."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, 49) ** -0.5
    plain = rng.standard_normal((1_000, 48)) * spectrum
    centres = rng.standard_normal((40, 48))
    clusters = 0.7 * rng.standard_normal((1_000, 48)) + centres[rng.integers(40, size=1_000)]
    clusters *= spectrum
    # One name in seven lies near one of 12 directions of a plane of 4 dimensions, far out: names
    # that an encoder cannot read.
    odd = 0.3 * rng.standard_normal((1_000, 48)) * spectrum
    ways = rng.standard_normal((12, 4)) @ rng.standard_normal((4, 48))
    odd[:150] = ways[rng.integers(12, size=150)] + 0.05 * rng.standard_normal((150, 48))
    sets = {"Gaussian": plain, "40 clusters": clusters, "a far plane": odd}
    clip = None if quick else clip_rows()
    if clip is not None:
        sets["CLIP, LVIS"] = clip
    if not quick:
        sets["minilm, Faker names"] = faker_sample()
    n = 4 if quick else 40
    print(
        "\n| dictionary | unrelated: |z| < 2 | unrelated: z ≥ 2 | z, median (2.5 to 97.5 %) | sum "
        "of 3 names of few components: z ≥ 2 | sum of any 3: z ≥ 2 |\n|---|---|---|---|---|---|"
    )
    for label, rows in sets.items():
        names = np.asarray(rows - rows.mean(axis=0), dtype=np.float32)
        turned = TurnedDictionaries(names)
        unrelated = (rng.standard_normal((n, len(turned.variances))) * turned.variances**0.5) @ (
            turned.axes.T
        )
        share = ((names @ turned.axes[:, :4]) ** 2).sum(axis=1) / (names**2).sum(axis=1)
        few = np.argsort(-share)[:50]
        sums = [
            np.stack([names[rng.choice(of, 3, replace=False)].sum(axis=0) for _ in range(n // 4)])
            for of in (few, np.arange(len(names)))
        ]
        z, of_few, of_any = (scores(turned, names, t, rng) for t in (unrelated, *sums))
        low, middle, high = np.quantile(z, (0.025, 0.5, 0.975))
        print(
            f"| {label}, {names.shape[0]:,} × {names.shape[1]} | {np.mean(abs(z) < 2):.0%} | "
            f"{np.mean(z >= 2):.0%} | {middle:.1f} ({low:.1f} to {high:.1f}) | "
            f"{np.mean(of_few >= 2):.0%} | {np.mean(of_any >= 2):.0%} |"
        )


def faker_sample() -> np.ndarray:
    """2,000 of Faker's names, those that minilm cannot read among them."""
    from namebasis.encoders.registry import load_encoder
    from namebasis.namespace.corpus.sources import read_names

    names = read_names("faker").select(limit=2_000, seed=0)
    return load_encoder("minilm").encode_names(names.strings, "a photo of {}")


def scores(
    turned: TurnedDictionaries, names: np.ndarray, targets: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """z of each target's code of 5 names against 200 random dictionaries, as `basis` has it."""
    observed = sparse_code(names, targets, 5, n_sweeps=2).similarities
    found = []
    for target, own in zip(targets, observed, strict=True):
        drawn = np.concatenate(
            [
                sparse_code(rows, seen, 5, n_sweeps=2).similarities
                for rows, seen in turned.draws(target, 200, rng)
            ]
        )
        found.append(make_null("turned", len(names), drawn, float(own)).z)
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--section", choices=("speed", "anchors", "quality", "chance"))
    wanted = parser.parse_args()
    sections = {"speed": speed, "anchors": anchors, "quality": quality, "chance": chance}
    for name, section in sections.items():
        if wanted.section in {None, name}:
            section(wanted.quick)


if __name__ == "__main__":
    main()
