"""CLIP's tokenizer, which no checkpoint holds, from the vocabulary that open_clip brings."""

from __future__ import annotations

import gzip
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from namebasis.encoders.single_file.towers import N_VOCABULARY
from namebasis.errors import EncoderError, MissingExtraError

_FILE = "bpe_simple_vocab_16e6.txt.gz"
_START, _END = "<|startoftext|>", "<|endoftext|>"


def vocabulary_file(spec: str) -> Path:
    """The file of merges in the installed open_clip, which is not imported.

    Raises
    ------
    MissingExtraError
        If open_clip is not installed.
    EncoderError
        If this release keeps it elsewhere.
    """
    found = importlib.util.find_spec("open_clip")
    places = list(found.submodule_search_locations or []) if found else []
    if not places:
        raise MissingExtraError(f"{spec}: CLIP's tokenizer", "open-clip")
    path = Path(places[0]) / _FILE
    if not path.is_file():
        raise EncoderError(
            f"{spec}: this release of open_clip has no {_FILE}, CLIP's vocabulary; install the "
            "release in constraints.txt."
        )
    return path


def clip_tokenizer(path: Path, n_positions: int) -> Any:
    """Make transformers' tokenizer of CLIP, as the folders of OpenAI's and LAION's models hold it.

    Parameters
    ----------
    path : Path
        Of `vocabulary_file`.
    n_positions : int
        Tokens that a text may have.
    """
    from transformers import CLIPTokenizer

    stamp = path.stat()
    vocabulary, merges = _pieces_and_merges(path, stamp.st_mtime_ns, stamp.st_size)
    # Words are added to a tokenizer, and each has its own: copies.
    return CLIPTokenizer(vocab=dict(vocabulary), merges=list(merges), model_max_length=n_positions)


@lru_cache(maxsize=1)
def _pieces_and_merges(
    path: Path, _changed: int, _size: int
) -> tuple[dict[str, int], list[tuple[str, ...]]]:
    """Numbers of all pieces, and the pairs that are merged, read once for every text encoder."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    n_merges = N_VOCABULARY - 2 * len(letters) - 2
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)  # a heading
        merges = [tuple(line.split()) for line, _ in zip(lines, range(n_merges), strict=False)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += ["".join(merge) for merge in merges]
    vocabulary = {piece: number for number, piece in enumerate([*pieces, _START, _END])}
    return vocabulary, merges
