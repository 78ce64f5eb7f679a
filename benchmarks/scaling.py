"""What a build costs by the number of names: time, memory, bytes; and what 100 million would.

Every size runs in a process of its own. The synthetic encoder costs next to nothing, so its rows
show the store's own price; minilm and ViT-B-32 (random weights, which do not change the speed)
show the encoder's, on names from Faker, with one thread: a core is what Ray gives an actor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

SIZES = {False: (10_000, 100_000, 1_000_000), True: (2_000, 10_000)}
N_ENCODED = {False: 500, True: 200}
TEMPLATES = "photo12"
TARGET = 100_000_000
DIM = 384


def peak_mb() -> float:
    """Largest resident memory of this process, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def folder_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def store(n_names: int) -> dict[str, float]:
    """Build with the synthetic encoder: time of the rows and of all, memory, bytes."""
    from _synthetic import SyntheticEncoder, resident_mb, synthetic_names

    from namebasis.namespace.building.build import build_space

    names, encoder = synthetic_names(n_names), SyntheticEncoder(DIM)
    before, started = resident_mb(), time.perf_counter()
    rows_done, cpu = [started], time.process_time()

    def progress(done: int, total: int) -> None:
        if done == total:
            rows_done.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.space"
        build_space(names, path, encoder=encoder, templates="plain", progress=progress)
        ended = time.perf_counter()
        return {
            "rows": rows_done[-1] - started,
            "seconds": ended - started,
            "cpu": time.process_time() - cpu,
            "before": before,
            "peak": peak_mb(),
            "data": folder_bytes(path / "names.lance") / n_names,
            "indices": folder_bytes(path / "indices") / n_names,
        }


def encoder_of(kind: str, folder: Path) -> Any:
    from namebasis.encoders.registry import load_encoder

    if kind == "minilm":
        return load_encoder("minilm", device="cpu")
    import open_clip
    import torch

    weights = folder / "weights.pt"
    torch.save(open_clip.create_model("ViT-B-32", pretrained=None).state_dict(), weights)
    return load_encoder(f"open_clip:ViT-B-32@{weights}", device="cpu")


def encode(kind: str, n_names: int) -> dict[str, Any]:
    """Encode Faker's names with one thread; write them and weigh each column."""
    import torch

    from namebasis.namespace.building.build import build_space
    from namebasis.namespace.building.templates import load_templates
    from namebasis.namespace.corpus.sources import read_names

    torch.set_num_threads(1)
    templates = load_templates(TEMPLATES).templates
    names = read_names("faker", limit=n_names, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        encoder = encoder_of(kind, Path(folder))
        encoder.encode_names(names.strings[:64], templates[0])
        started = time.process_time()
        encoder.encode_names(names.strings, templates[0])
        one = len(names) / (time.process_time() - started)
        path, started = Path(folder) / "a.space", time.process_time()
        # Names that the encoder cannot read are left out.
        n_stored = len(build_space(names, path, encoder=encoder, templates=TEMPLATES))
        build = n_stored / (time.process_time() - started)
        columns = column_bytes(path, n_stored)
    return {"one": one, "build": build, "columns": columns}


def column_bytes(path: Path, n_names: int) -> dict[str, float]:
    """Bytes per name of the vectors and of everything else, as they lie on disk."""
    import lance

    dataset = lance.dataset(str(path / "names.lance"))
    tops = {field.id(): field.name() for field in dataset.lance_schema.fields()}
    found = {"text": 0.0, "token": 0.0, "other": 0.0}
    for field in dataset.stats.data_stats().fields:
        # A list's inner fields are numbered after it and before the next column.
        column = tops[max(top for top in tops if top <= field.id)]
        found[column if column in found else "other"] += field.bytes_on_disk / n_names
    return found


def alone(*words: object) -> dict[str, Any]:
    """Run one measurement in a fresh process."""
    command = [sys.executable, __file__, *map(str, words)]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |")


def store_table(sizes: tuple[int, ...]) -> None:
    print(f"The store's own price: a synthetic encoder of {DIM} dimensions, local engine.\n")
    row(
        "names",
        "rows, s",
        "indices and finish, s",
        "CPU, s",
        "corpus in memory, MB",
        "peak memory, MB",
        "data, bytes a name",
        "index, bytes a name",
    )
    row(*["--:"] * 8)
    found = [alone("--store", n) for n in sizes]
    for n, got in zip(sizes, found, strict=True):
        row(
            f"{n:,}",
            f"{got['rows']:.1f}",
            f"{got['seconds'] - got['rows']:.1f}",
            f"{got['cpu']:.1f}",
            f"{got['before']:,.0f}",
            f"{got['peak']:,.0f}",
            f"{got['data']:,.0f}",
            f"{got['indices']:,.0f}",
        )
    print()
    row("slope", "rows, µs a name", "all, µs a name", "CPU, µs a name", "peak, bytes a name")
    row(*["--:"] * 5)
    for (n, a), (m, b) in pairwise(zip(sizes, found, strict=True)):
        keys = ("rows", "seconds", "cpu", "peak")
        slopes = ((b[key] - a[key]) / (m - n) * 1e6 for key in keys)
        row(f"{n:,} to {m:,}", *(f"{slope:,.0f}" for slope in slopes))


def encoder_table(n_names: int) -> None:
    print(
        f"\nThe encoder's price: {n_names:,} names from Faker, one thread, float32, names for "
        f"each second of a core's time.\nThe last two columns are for {TARGET:,} names × 12 "
        "templates, without indices.\n"
    )
    row(
        "encoder",
        "1 template, encoding alone",
        "12 templates, whole build",
        "text, bytes a name",
        "token, bytes a name",
        "other columns",
        "core-hours",
        "TB",
    )
    row("---", *["--:"] * 7)
    for kind in ("minilm", "ViT-B-32"):
        got = alone("--encode", kind, n_names)
        parts = [got["columns"][key] for key in ("text", "token", "other")]
        row(
            kind,
            f"{got['one']:,.0f}",
            f"{got['build']:,.1f}",
            *(f"{part:,.0f}" for part in parts),
            f"{TARGET / got['build'] / 3600:,.0f}",
            f"{TARGET * sum(parts) / 1e12:.2f}",
        )


def large(folder: Path | None, n_names: int, n_adds: int) -> None:
    """Measure one large space, in a folder that is kept or in one that goes."""
    import _ten_million

    with tempfile.TemporaryDirectory() as passing:
        _ten_million.table(_ten_million.run(folder or Path(passing), n_names, n_adds), n_names)


def index_table(folder: Path | None, n_names: int) -> None:
    """Measure each kind of index of one space, each in a process of its own."""
    from _index_kinds import HEAD, row_of

    from namebasis.index.tuning import KINDS

    print(f"{n_names:,} names × {DIM}; median CPU of a question of a stored name.\n")
    print(HEAD)
    with tempfile.TemporaryDirectory() as passing:
        path = (folder or Path(passing)) / "a.space"
        for kind in KINDS:
            print(row_of(kind, alone("--indexed", kind, n_names, path)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument(
        "--ten-million", action="store_true", help="one large space, all it promises"
    )
    parser.add_argument("--names", type=int, default=10_000_000, help="of --ten-million")
    parser.add_argument("--adds", type=int, default=1000, help="of --ten-million")
    parser.add_argument(
        "--folder", type=Path, help="of --ten-million and --indices; kept, to go on from there"
    )
    parser.add_argument("--indices", type=int, metavar="N", help="kinds of index of N names")
    parser.add_argument("--indexed", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--encode", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.ten_million:
        large(wanted.folder, wanted.names, wanted.adds)
    elif wanted.indices:
        index_table(wanted.folder, wanted.indices)
    elif wanted.indexed:
        from _index_kinds import measure

        kind, n_names, path = wanted.indexed
        print(json.dumps(measure(Path(path), int(n_names), kind)))
    elif wanted.store:
        print(json.dumps(store(wanted.store)))
    elif wanted.encode:
        print(json.dumps(encode(wanted.encode[0], int(wanted.encode[1]))))
    else:
        store_table(SIZES[wanted.quick])
        encoder_table(N_ENCODED[wanted.quick])


if __name__ == "__main__":
    main()
