"""Text embeddings of a model in memory, as it is at this moment, without a trace in its training.

Where the tower is CLIP's, its weights are read into the fast tower, which draws no random numbers
and knows no modes. Any other model is asked by its own forward with every module in evaluation,
and each module's mode is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray
from namebasis.encoders.base import Encoder, IdRows
from namebasis.encoders.towers.clip_text import ClipText
from namebasis.encoders.towers.text_tower import fast_tower
from namebasis.encoders.towers.tokenizer import ClipTokenizer
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor, nn

Embed = Callable[[Any, Sequence[str]], Any]
"""From a model and texts to a row each."""
_WRAPPERS = ("DistributedDataParallel", "DataParallel", "DeepSpeedEngine")
_AT_ONCE = 256
_SHARDED = (
    "the model is sharded (FSDP or ZeRO-3), and no process has all of its weights; measure its "
    "checkpoints with `namebasis formation` instead."
)


def plain_model(model: Any) -> Any:
    """A model without what parallelism and compilers wrap it in.

    Raises
    ------
    EncoderError
        If its weights are sharded over processes.
    """
    while True:
        kind = type(model).__name__
        if kind == "FullyShardedDataParallel":
            raise EncoderError(_SHARDED)
        if kind in _WRAPPERS:
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            break
    for parameter in model.parameters() if hasattr(model, "parameters") else ():
        is_part = type(parameter).__name__ == "DTensor" or hasattr(parameter, "ds_id")
        if is_part and (parameter.numel() == 0 or hasattr(parameter, "full_tensor")):
            raise EncoderError(_SHARDED)
    return model


def plain_tokenizer(tokenizer: Any) -> Any:
    """The tokenizer of what transformers calls a processor; any other as it is."""
    is_processor = hasattr(tokenizer, "image_processor") and hasattr(tokenizer, "tokenizer")
    return tokenizer.tokenizer if is_processor else tokenizer


class LiveEncoder(Encoder):
    """The text tower of a model in memory.

    Parameters
    ----------
    model : Module
        Of transformers (with `get_text_features`) or open_clip (with `encode_text`), or any where
        `embed` is given.
    tokenizer : object
        That it is trained with.
    embed : callable, optional
        From the model and texts to a row each; by default the library's own text features.

    Raises
    ------
    EncoderError
        If how it embeds text is not known, or there is no tokenizer.
    """

    has_images = False

    def __init__(self, model: Any, tokenizer: Any, embed: Embed | None = None) -> None:
        self.spec, self.fingerprint = "the model in training", "live"
        self._model, self.tokenizer = plain_model(model), plain_tokenizer(tokenizer)
        self._embed, self._is_open_clip = embed, hasattr(self._model, "encode_text")
        self._fast: ClipText | None = None
        self._clip: ClipTokenizer | None = None
        if embed is None:
            self._check()
            self.max_tokens = self._longest() - self._n_special()
            self._clip = self._clip_tokenizer()
        self.refresh(self._model)
        self.dim = self._fast.dim if self._fast else self._embed_texts(["a"], None).shape[1]

    def _check(self) -> None:
        if self.tokenizer is None:
            raise EncoderError(
                "no tokenizer: give the one that the model is trained with (of a Trainer: "
                "processing_class, or trainer_callback(tokenizer))."
            )
        if not self._is_open_clip and not hasattr(self._model, "get_text_features"):
            raise EncoderError(
                f"{type(self._model).__name__} has neither get_text_features nor encode_text; "
                "give embed, a function from the model and texts to a row each."
            )

    def refresh(self, model: Any) -> None:
        """Read the weights of now."""
        import torch

        self._model = plain_model(model)
        if self._embed is None and self._clip is not None:
            with torch.no_grad():
                tower = fast_tower(self._model)
            self._fast = ClipText(self._clip, tower) if tower is not None else None

    def tokenize(self, text: str) -> list[str]:
        """Return the vocabulary's strings of a text; its words where no tokenizer tells."""
        if self._embed is not None:
            return text.split()
        if self._clip is not None:
            return self._clip.all_pieces([text])[0]
        inner = getattr(self.tokenizer, "tokenizer", self.tokenizer)
        if hasattr(inner, "tokenize"):
            return list(inner.tokenize(text))
        return [self.tokenizer.decoder[token] for token in self.tokenizer.encode(text)]

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        raise EncoderError(f"{self.spec} shows no table of input embeddings.")

    def _embed_names(self, names: list[str], template: str, batch_size: int | None) -> FloatArray:
        if self._fast is not None:
            return self._fast.embed_names(names, template)
        return super()._embed_names(names, template, batch_size)

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        if self._fast is not None:
            return self._fast.embed(texts)
        size = batch_size or _AT_ONCE
        with _at_rest(self._model):
            parts = [self._forward(texts[at : at + size]) for at in range(0, len(texts), size)]
        return np.concatenate(parts)

    def _forward(self, texts: list[str]) -> FloatArray:
        if self._embed is not None:
            return _as_rows(self._embed(self._model, texts))
        device = next(self._model.parameters()).device
        if self._is_open_clip:
            return _as_rows(self._model.encode_text(self.tokenizer(texts).to(device)))
        # SigLIP reads its padding, and was trained with all of it.
        is_siglip = str(self._model.config.model_type).startswith("siglip")
        read = self.tokenizer(
            texts, padding="max_length" if is_siglip else True, truncation=True,
            max_length=self._longest(), return_tensors="pt",
        )  # fmt: skip
        return _as_rows(
            self._model.get_text_features(**{key: value.to(device) for key, value in read.items()})
        )

    def _longest(self) -> int:
        """Tokens that the model reads, special ones included."""
        if self._is_open_clip:
            return int(self.tokenizer.context_length)
        text = getattr(self._model.config, "text_config", self._model.config)
        return min(int(text.max_position_embeddings), int(self.tokenizer.model_max_length))

    def _n_special(self) -> int:
        inner = getattr(self.tokenizer, "tokenizer", self.tokenizer)
        count = getattr(inner, "num_special_tokens_to_add", None)
        return 2 if count is None else int(count())  # open_clip's own has a start and an end

    def _clip_tokenizer(self) -> ClipTokenizer | None:
        if self._is_open_clip:
            return ClipTokenizer.from_open_clip(self.tokenizer)
        return ClipTokenizer.from_transformers(self.tokenizer, context_length=self._longest())


@contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """Evaluate without gradients; every module gets back the mode that it was in."""
    import torch

    modules = list(model.modules()) if hasattr(model, "modules") else []
    modes = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _as_rows(output: Any) -> FloatArray:
    """Rows of what a model gives: a tensor, an array, or transformers' output with a pooled one."""
    if hasattr(output, "pooler_output"):
        output = output.pooler_output
    if hasattr(output, "detach"):
        tensor: Tensor = output.detach().float().cpu()
        output = tensor.numpy()
    return np.asarray(output, dtype=np.float32)
