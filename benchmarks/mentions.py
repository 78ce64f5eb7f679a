"""Captions counted per second of CPU, beside pyahocorasick on the same names and captions.

Run: python benchmarks/mentions.py [--captions 200000] [--names 30000] [--rounds 5]

The peer does less: names and captions in small letters, borders where neither letter nor digit
stands, no accents, no capitals, no order of files. It is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from _timing import REPEATS, Race, in_turn

import namebasis as nb

WORDS = (
    "a the of in with on at and photo portrait red blue woman man stock vector free download image "
    "white background city beach 2019 art design for by from new best home house dog cat pretty "
    "young old beautiful landscape mountain winter sale shirt women's men's black size pack"
).split()


def main() -> None:
    """Print the rates and the largest memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=int, default=200_000)
    parser.add_argument("--names", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=REPEATS)
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    asked = parser.parse_args()
    if asked.quick:
        asked.captions, asked.names, asked.rounds = 2_000, 300, 1
    names = nb.read_names("faker", limit=asked.names).strings
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "captions.parquet"
        texts = write(file, asked.captions, names)
        works: dict[str, Callable[[], object]] = {
            "ours": lambda: nb.formation.count_mentions(
                file, names, progress=None, with_parts=False
            )
        }
        if importlib.util.find_spec("ahocorasick") is not None:
            works["pyahocorasick"] = lambda: peer(file, names)
        times = in_turn(works, asked.rounds, warm=False)
        rate = asked.captions / times["ours"].spread("cpu").middle
        print(f"{asked.captions:,} captions of {texts:.0f} letters, {len(names):,} names:\n")
        print("| what | measured |\n|---|---|")
        print(f"| captions per second of CPU | {rate:,.0f} |")
        print(f"| minutes for 100 million | {1e8 / rate / 60:.0f} |")
        print(f"| memory of a process that only counts | {memory(file, names):.2f} GB |")
        told = "not installed: not measured"
        if "pyahocorasick" in times:
            told = Race(times["ours"], times["pyahocorasick"]).ratio("cpu").told(".2f")
        print(f"| pyahocorasick's CPU seconds over ours | {told} |")


def memory(file: Path, names: Sequence[str]) -> float:
    """Gigabytes that counting takes in a process that does nothing else."""
    listed = file.with_name("names.txt")
    listed.write_text("\n".join(names), encoding="utf-8")
    code = (
        "import sys, namebasis as nb;"
        "names = open(sys.argv[2], encoding='utf-8').read().split('\\n');"
        "nb.formation.count_mentions(sys.argv[1], names, progress=None, with_parts=False);"
        # ru_maxrss would also tell of this process, from which the other one was started.
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    command = [sys.executable, "-c", code, str(file), str(listed)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout) / 1e6


def write(file: Path, n: int, names: Sequence[str]) -> float:
    """Write captions a fifth of which name somebody; their mean length."""
    rng = random.Random(0)
    captions = []
    for _ in range(n):
        words = rng.choices(WORDS, k=rng.randint(6, 14))
        if rng.random() < 0.2:
            words.insert(rng.randint(0, len(words)), rng.choice(names))
        text = " ".join(words)
        captions.append(text.title() if rng.random() < 0.5 else text)
    pq.write_table(pa.table({"TEXT": captions}), file)
    return sum(map(len, captions)) / n


def peer(file: Path, names: Sequence[str]) -> Counter[str]:
    """Counts by pyahocorasick."""
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for name in names:
        automaton.add_word(name.lower(), name.lower())
    automaton.make_automaton()
    counts: Counter[str] = Counter()
    for batch in pq.ParquetFile(file).iter_batches(8192, columns=["TEXT"]):
        for caption in batch.column(0).to_pylist():
            text = caption.lower()
            seen = set()
            for last, name in automaton.iter(text):
                first = last - len(name) + 1
                if not (first and text[first - 1].isalnum()) and not (
                    last + 1 < len(text) and text[last + 1].isalnum()
                ):
                    seen.add(name)
            counts.update(seen)
    return counts


if __name__ == "__main__":
    main()
