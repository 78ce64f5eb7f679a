"""Count the captions of a training set that mention names, and go on where a count was stopped."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from namebasis.atomic import replacing_file
from namebasis.checks import IntArray, Progress, check_count, shown
from namebasis.errors import CorpusError, NamebasisError
from namebasis.formation.mentions.captions import FORMATS, MENDED, STDIN, Reader, Source, sources_of
from namebasis.formation.mentions.matching import Matcher
from namebasis.formation.mentions.results import Mentions, named_parts
from namebasis.reading import UnreadableError, parse_json, read_arrays

SAVED_EVERY = 30.0
"""Seconds between two writings of the state."""
_FORMAT = "namebasis.mentions/1"
_MEGABYTE = 1_000_000


def count_mentions(
    captions: str | Path | Sequence[str | Path],
    names: Sequence[str],
    *,
    caption_column: str | None = None,
    caption_format: str | None = None,
    with_parts: bool = True,
    only_capitals: bool = False,
    every: int | None = None,
    batch_size: int = 1,
    state: str | Path | None = None,
    progress: Progress | Literal["auto"] | None = "auto",
) -> Mentions:
    """Count the captions that mention each name.

    A name stands in a caption as words do in its script, whatever its case and its Latin or Greek
    accents; see `matching.Matcher`. Memory does not grow with the captions.

    Parameters
    ----------
    captions : str, Path or sequence of these
        Files or folders: parquet, csv, tsv, jsonl (``.gz``, ``.bz2``, ``.zst``), text of a caption
        a line, or webdataset tars; "-" reads the standard input. In the order of the training
        where `every` is given.
    names : sequence of str
        Spellings that fold to one are one, as it is written first.
    caption_column : str, optional
        Column of tables, or key of JSON, that holds the captions; by default the first that is
        called as captions are. Of a table without a header, its number from 1.
    caption_format : {"parquet", "csv", "tsv", "jsonl", "txt", "tar"}, optional
        What the files are, whatever they are called.
    with_parts : bool
        Count the given and family names of full names too.
    only_capitals : bool
        `count` is of captions in which the name stands with a capital.
    every : int, optional
        Steps between two counts, which are cumulative, as `formation` reads them.
    batch_size : int
        Captions of one step.
    state : str or Path, optional
        File that holds how far the count is, so that the same call goes on from there; removed
        at the end.
    progress : callable, "auto" or None
        In megabytes of files.

    Returns
    -------
    Mentions

    Raises
    ------
    CorpusError
        If captions cannot be read, or no name is left.
    NamebasisError
        If the state is of another count.
    ValueError
        If a number is out of range.
    """
    if caption_format is not None and caption_format not in FORMATS:
        raise ValueError(
            f"caption_format must be one of {', '.join(FORMATS)}; got {caption_format!r}."
        )
    check_count(batch_size, "batch_size", 1)
    if every is None and batch_size != 1:
        raise ValueError(
            "batch_size says how many captions a step has; give every, the steps between two "
            f"counts, too. Got {batch_size}."
        )
    if every is not None:
        check_count(every, "every", 1)
    places = [captions] if isinstance(captions, (str, Path)) else list(captions)
    sources = sources_of(places, caption_format)
    if not sources:
        raise CorpusError("no captions are given; give a file or a folder.")
    if caption_column is not None and all(one.kind == "txt" for one in sources):
        raise CorpusError(
            f"{sources[0].path}: is read as text with a caption a line, which has no column "
            f"{caption_column!r}; leave caption_column out, or say by caption_format what it is."
        )
    matcher = Matcher([*names, *(named_parts(names) if with_parts else ())])
    if not matcher.names:
        raise CorpusError("no name is left to count; each needs a letter or digit.")
    can_go_on = state is not None and all(str(one.path) != STDIN for one in sources)
    key = _key(sources, matcher, caption_column, every, batch_size)
    tally = _Tally(len(matcher.names), None if every is None else every * batch_size)
    kept = _State(Path(state), key) if can_go_on and state is not None else None
    if kept is not None:
        kept.restore(tally)
    with shown(progress, "captions", " MB") as report:
        _count(
            sources, Reader(sources, caption_column, tally.refused), matcher, tally, kept, report
        )
    if kept is not None:
        kept.path.unlink(missing_ok=True)
    if not tally.n_captions:
        raise CorpusError(f"{places[0]}: holds no caption.")
    if every is not None and tally.n_captions > tally.at_boundary:
        tally.end_step()
    asked = set(names)
    steps = None
    if every is not None:
        ends = [every * (at + 1) for at in range(len(tally.steps))]
        ends[-1] = -(-tally.n_captions // batch_size)
        steps = tuple(ends)
    return Mentions(
        matcher.names,
        tuple("full" if name in asked else "part" for name in matcher.names),
        np.array([one[0] for one in tally.steps] if steps else [tally.counts]),
        np.array([one[1] for one in tally.steps] if steps else [tally.capitals]),
        steps,
        tally.n_captions,
        tally.n_with_capitals / tally.n_captions,
        only_capitals,
        {why: n for why, n in tally.refused.items() if n and why != MENDED},
        matcher.left_out,
        tally.refused[MENDED],
    )


@dataclass
class _Tally:
    """What was counted so far, and from where it goes on: a caption of a source."""

    n_names: int
    every: int | None = None  # captions between two counts
    source: int = 0
    position: int = 0
    n_captions: int = 0
    n_with_capitals: int = 0
    at_boundary: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)  # refused before the current source
    steps: list[tuple[IntArray, IntArray]] = field(default_factory=list)
    is_whole: bool = True  # False while a batch is being added

    def __post_init__(self) -> None:
        self.counts = np.zeros(self.n_names, dtype=np.int64)
        self.capitals = np.zeros(self.n_names, dtype=np.int64)

    def add(self, matcher: Matcher, captions: Sequence[str]) -> None:
        found = matcher.find(captions)
        self.is_whole = False
        self.counts += np.bincount(found.names, minlength=self.n_names)
        self.capitals += np.bincount(found.names[found.capitals], minlength=self.n_names)
        self.n_captions += len(captions)
        self.position += len(captions)
        self.n_with_capitals += sum(1 for text in captions if text != text.lower())
        if self.every is not None and self.n_captions - self.at_boundary == self.every:
            self.end_step()
        self.is_whole = True

    def cut(self, batch: list[str]) -> Iterator[list[str]]:
        """Parts of a batch none of which reaches over a step whose counts are kept."""
        start = 0
        while start < len(batch):
            left = len(batch)
            if self.every is not None:
                left = self.every - (self.n_captions - self.at_boundary)
            yield batch[start : start + left]
            start += left

    def end_step(self) -> None:
        self.steps.append((self.counts.copy(), self.capitals.copy()))
        self.at_boundary = self.n_captions


def _count(
    sources: Sequence[Source],
    reader: Reader,
    matcher: Matcher,
    tally: _Tally,
    kept: _State | None,
    report: Progress | None,
) -> None:
    sizes = [one.path.stat().st_size if str(one.path) != STDIN else 0 for one in sources]
    n_bytes = sum(sizes)
    saved = time.monotonic()
    try:
        for at in range(tally.source, len(sources)):
            if at > tally.source:
                tally.source, tally.position = at, 0
            tally.before = Counter(tally.refused)
            for batch in reader.batches(sources[at], tally.position):
                for part in tally.cut(batch):
                    tally.add(matcher, part)
                if kept is not None and time.monotonic() - saved > SAVED_EVERY:
                    kept.write(tally)
                    saved = time.monotonic()
                if report is not None and n_bytes:
                    done = sum(sizes[:at]) + reader.share * sizes[at]
                    report(int(done / _MEGABYTE), -(-n_bytes // _MEGABYTE))
    except KeyboardInterrupt:
        if kept is not None and tally.is_whole:
            kept.write(tally)
        raise


def _key(
    sources: Sequence[Source],
    matcher: Matcher,
    column: str | None,
    every: int | None,
    batch_size: int,
) -> str:
    """What a count is of: another one's state is not taken for it."""
    files = [
        (str(one.path.absolute()), one.kind, facts.st_size, facts.st_mtime_ns)
        for one in sources
        if str(one.path) != STDIN
        for facts in [one.path.stat()]
    ]
    told = json.dumps([files, matcher.names, column, every, batch_size])
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass
class _State:
    """The file that holds how far a count is."""

    path: Path
    key: str

    def write(self, tally: _Tally) -> None:
        about: dict[str, Any] = {
            "format": _FORMAT, "key": self.key, "source": tally.source, "position": tally.position,
            "n_captions": tally.n_captions, "n_with_capitals": tally.n_with_capitals,
            "at_boundary": tally.at_boundary, "before": tally.before,
        }  # fmt: skip
        steps = np.array(tally.steps, dtype=np.int64).reshape(-1, 2, tally.n_names)
        with replacing_file(self.path, overwrite=True) as stream:
            np.savez(
                stream, about=np.array(json.dumps(about)), counts=tally.counts,
                capitals=tally.capitals, steps=steps,
            )  # fmt: skip

    def restore(self, tally: _Tally) -> None:
        if not self.path.exists():
            return
        other = (
            f"{self.path}: is no state of this count: its names, captions or options are others. "
            "Count as before to go on, or remove the file to begin."
        )
        try:
            held = read_arrays(self.path, None)
            about = parse_json(str(held["about"]), self.path)
            if about["format"] != _FORMAT or about["key"] != self.key:
                raise NamebasisError(other)
            shape = (tally.n_names,)
            if held["counts"].shape != shape or held["capitals"].shape != shape:
                raise NamebasisError(other)
            tally.counts, tally.capitals = held["counts"].copy(), held["capitals"].copy()
            tally.steps = [(counts, capitals) for counts, capitals in held["steps"]]
            for name in ("source", "position", "n_captions", "n_with_capitals", "at_boundary"):
                setattr(tally, name, int(about[name]))
            tally.refused.update(about["before"])
        except (UnreadableError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, NamebasisError) and not isinstance(error, UnreadableError):
                raise
            raise NamebasisError(other) from None
