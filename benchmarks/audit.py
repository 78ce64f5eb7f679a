"""What an audit costs, and how often it finds something where there is nothing.

    python benchmarks/audit.py [--quick]                       # both tables
    python benchmarks/audit.py cost [--model ViT-B-32]
    python benchmarks/audit.py chance --folder FOLDER --seeds 20 --layers 2

`cost` runs each audit in a process of its own, with one thread: CPU seconds and the largest memory
of every step. `chance` audits open_clip's text towers with random weights, which believe nothing:
every claim beyond chance is a false alarm. It appends one line of JSON for each part of an audit to
FOLDER/audits.jsonl and goes on where it stopped; `show` prints the table of what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import namebasis as nb
from namebasis.auditing.inquiry import Inquiry, Skipped
from namebasis.auditing.parts import PARTS, Asked
from namebasis.auditing.plan import Size, load_plan

MODELS = ("ViT-S-32-alt", "ViT-M-32-alt", "ViT-B-32")
LINES = "audits.jsonl"
LEVEL = 0.05
SIZE = {"given": 400, "family": 300, "world": 500, "made_up": 400, "people": 12,
        "templates": "person"}  # fmt: skip
"""Of audits whose false alarms are counted: less than the quick size."""
N_DRAWS = 4_999
"""As the packaged plan: fewer leave no claim a p that passes the correction."""
PICTURES = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
"""A small image tower: no audit asks it anything."""


def with_random_weights(model: str, seed: int, folder: Path, layers: int | None = None) -> str:
    """Write an open_clip model as it is before any training, with fewer layers; its spec."""
    import open_clip
    import torch

    config = json.loads(json.dumps(open_clip.get_model_config(model)))
    file = folder / f"random-{model}.json"
    if layers is not None:
        config["text_cfg"]["layers"] = layers
    file.write_text(json.dumps({**config, "vision_cfg": PICTURES}))
    open_clip.add_model_config(file)
    torch.manual_seed(seed)
    torch.save(open_clip.create_model(file.stem).state_dict(), folder / "weights.pt")
    return f"open_clip:{file}@{folder / 'weights.pt'}"


def peak_gb(*, reset: bool = False) -> float:
    """Largest memory since the last reset, where the system lets it be reset."""
    try:
        status = Path("/proc/self/status").read_text()
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def one(what: str, *, quick: bool) -> None:
    """Audit in this process; JSON of what every step took."""
    steps: list[tuple[str, float, float]] = []
    current, started = "", time.process_time()

    def begin(step: str) -> None:
        nonlocal current, started
        if current:
            steps.append((current, time.process_time() - started, peak_gb(reset=True)))
        current, started = step, time.process_time()

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        spec = what if what == "minilm" else with_random_weights(what, 0, folder)
        clock = time.perf_counter()
        found = nb.audit(spec, folder / "audit", quick=quick, begin=begin)
        begin("end")
        wall = time.perf_counter() - clock
    n = sum(corpus["n_read"] for corpus in found.corpora.values())
    print(json.dumps({"n": n, "wall": wall, "steps": steps}))


BARS = {("minilm", True): "90", ("minilm", False): "360", ("ViT-B-32", False): "1,200"}
"""Seconds on the clock that an audit may take; 3 GB are the bar of its memory."""


def cost(what: str, quick: bool) -> None:
    """Seconds and memory of every step, in both sizes."""
    found: list[tuple[str, dict[str, Any]]] = []
    for is_quick in (True,) if quick else (True, False):
        words = [sys.executable, __file__, "cost", "--one", what, *(["--quick"] * is_quick)]
        done = subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE)
        facts = json.loads(done.stdout.splitlines()[-1])
        title = f"{what}{', random weights' * (what != 'minilm')}{', quick' * is_quick}"
        found.append((title, facts | {"bar": BARS.get((what, is_quick), "–")}))
    titles = [f"{title}, {facts['n']:,} names" for title, facts in found]
    print(f"| step | {' | '.join(titles)} |\n|---|{'---|' * len(titles)}")
    for at, (step, _, _) in enumerate(found[0][1]["steps"]):
        cells = [facts["steps"][at] for _, facts in found]
        print(f"| {step} | {' | '.join(f'{s:.1f} s, {gb:.2f} GB' for _, s, gb in cells)} |")
    totals = [
        (sum(s for _, s, _ in facts["steps"]), max(gb for *_, gb in facts["steps"]), facts["n"])
        for _, facts in found
    ]
    print(f"| **all** | {' | '.join(f'{s:.0f} s, {gb:.2f} GB' for s, gb, _ in totals)} |")
    print(f"| per 1,000 names | {' | '.join(f'{1000 * s / n:.1f} s' for s, _, n in totals)} |")
    walls = [f"{facts['wall']:.0f} s (bar: {facts['bar']})" for _, facts in found]
    print(f"| on the clock | {' | '.join(walls)} |")
    print("\nCPU seconds of one thread and the largest memory of each step (bar: 3 GB). One run.")


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """The audits that are finished."""
    file = folder / LINES
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:  # cut off where a run was killed
            continue


def chance(folder: Path, seeds: int, layers: int | None) -> None:
    """Ask every model with random weights each part that it has not been asked, seed by seed."""
    from namebasis.auditing.corpora import read_corpora

    folder.mkdir(parents=True, exist_ok=True)
    done = {(line["model"], line["seed"], line["part"]) for line in lines(folder)}
    plan = replace(load_plan(quick=True), size=Size(**SIZE), n_draws=N_DRAWS)
    corpora, every = read_corpora(plan.size)
    for seed, model in product(range(seeds), MODELS):
        parts = [part for part in PARTS if (model, seed, part.key) not in done]
        if not parts:
            continue
        with tempfile.TemporaryDirectory() as place:
            spec = with_random_weights(model, seed, Path(place), layers)
            space = nb.build_space(every, Path(place) / "names.space", encoder=spec,
                                   templates=plan.size.templates)  # fmt: skip
            inquiry = Inquiry(space, corpora, plan, None, seed)
            for part in parts:
                line = {"model": model, "seed": seed, "layers": layers, **asked(part, inquiry)}
                with (folder / LINES).open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(line) + "\n")
        print(f"{model} {seed}", file=sys.stderr, flush=True)


def asked(part: Asked, inquiry: Inquiry) -> dict[str, Any]:
    """All claims of a part that chance could have made."""
    started, skipped, claims = time.process_time(), None, []
    try:
        claims = [one for one in part.run(inquiry).claims if one.is_tested]
    except Skipped as reason:
        skipped = str(reason)
    return {
        "part": part.key, "seconds": round(time.process_time() - started, 2), "skipped": skipped,
        "claims": [(one.key, one.value, one.p) for one in claims],
    }  # fmt: skip


def tested(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was asked, and every claim of it with p corrected within its audit, as audits do."""
    from scipy.stats import false_discovery_control

    held = list(lines(folder))
    audits: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for line in held:
        own = audits.setdefault((line["model"], line["seed"]), [])
        own += [
            {"model": line["model"], "seed": line["seed"], "part": line["part"], "key": key, "p": p}
            for key, _, p in line["claims"]
        ]
    for claims in audits.values():
        for claim, p in zip(
            claims, false_discovery_control([one["p"] for one in claims]), strict=True
        ):
            claim["is_false"] = bool(p <= LEVEL)
    return held, [claim for claims in audits.values() for claim in claims]


def show(folder: Path) -> None:
    """False alarms by part and by model, and the claims that have most."""
    held, claims = tested(folder)
    groups = [(part.key, "part", part.key) for part in PARTS]
    groups += [(f"all of {model}", "model", model) for model in MODELS]
    rows = [(title, [one for one in claims if one[by] == own]) for title, by, own in groups]
    print("| claims | audits | tested | beyond chance | share | p ≤ 0.05 before correction |")
    print("|---|---|---|---|---|---|")
    for title, own in [*rows, ("**all**", claims)]:
        if own:
            n, false = len(own), sum(one["is_false"] for one in own)
            low = sum(one["p"] <= LEVEL for one in own)
            n_audits = len({(one["model"], one["seed"]) for one in own})
            print(f"| {title} | {n_audits} | {n:,} | {false} | {false / n:.1%} | {low / n:.1%} |")
    alarms = [one for one in claims if one["is_false"]]
    most = Counter(f"`{one['part']}/{one['key']}` {one['model']}" for one in alarms).most_common(8)
    n_audits = len({(line["model"], line["seed"]) for line in held})
    n_with = len({(one["model"], one["seed"]) for one in alarms})
    n_names = sum(SIZE[corpus] for corpus in ("given", "family", "world", "made_up"))
    layers = " or ".join(sorted({str(line["layers"] or "all their") for line in held}))
    print(
        f"\nText towers of {layers} layers with random weights, {n_names:,} names, {N_DRAWS} "
        f"draws. {n_with} of {n_audits} audits have a false alarm. Bar: at most 5 % of the claims."
    )
    if most:
        print("\n" + ", ".join(f"{what}: {n}" for what, n in most))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", nargs="?", choices=("cost", "chance", "show"))
    parser.add_argument("--quick", action="store_true", help="minilm's quick audit; one seed")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where audits are kept; by default a new one")
    parser.add_argument("--layers", type=int, help="of each text tower; by default all it has")
    parser.add_argument("--model", default="minilm", help="of `cost`: a name that open_clip knows")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        one(wanted.one, quick=wanted.quick)
        return
    if wanted.section in (None, "cost"):
        cost(wanted.model, wanted.quick)
        print()
    if wanted.section in (None, "chance", "show"):
        folder = wanted.folder or Path(tempfile.mkdtemp(prefix="audit-chance-"))
        if wanted.section != "show":
            chance(folder, 1 if wanted.quick else wanted.seeds, wanted.layers)
        show(folder)


if __name__ == "__main__":
    main()
