"""Captions counted per second of CPU, beside pyahocorasick on the same names and captions.

Run: python benchmarks/mentions.py [--captions 400000] [--names 30000] [--rounds 5]

The peer does less: names and captions in small letters, borders where neither letter nor digit
stands, no accents, no capitals, no order of files. It is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import namebasis as nb

WORDS = (
    "a the of in with on at and photo portrait red blue woman man stock vector free download image "
    "white background city beach 2019 art design for by from new best home house dog cat pretty "
    "young old beautiful landscape mountain winter sale shirt women's men's black size pack"
).split()


def main() -> None:
    """Print the rates and the largest memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=int, default=400_000)
    parser.add_argument("--names", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    names = nb.read_names("faker", limit=asked.names).strings
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "captions.parquet"
        texts = write(file, asked.captions, names)
        ours, peers = [], []
        for _ in range(asked.rounds):
            start = time.process_time()
            found = nb.formation.count_mentions(file, names, progress=None, with_parts=False)
            ours.append(time.process_time() - start)
            if (counts := peer(file, names)) is not None:
                peers.append(counts[0])
        rate = asked.captions / statistics.median(ours)
        print(f"{asked.captions:,} captions of {texts:.0f} letters, {len(names):,} names")
        print(f"{rate:,.0f} captions per second of CPU: 100 million in {1e8 / rate / 60:.0f} min")
        print(f"a process that only counts holds at most {memory(file, names):.2f} GB")
        print(found.headline())
        if peers:
            ratios = sorted(theirs / mine for theirs, mine in zip(peers, ours, strict=True))
            print(f"pyahocorasick takes {statistics.median(ratios):.2f} times as long "
                  f"({ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip


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


def peer(file: Path, names: Sequence[str]) -> tuple[float, Counter[str]] | None:
    """Seconds of CPU and counts of pyahocorasick; None where it is not installed."""
    try:
        import ahocorasick
    except ImportError:
        return None
    start = time.process_time()
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
    return time.process_time() - start, counts


if __name__ == "__main__":
    main()
