"""Models of transformers: CLIP, SigLIP and other image-text models, and plain text models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, check_template, fingerprint_of, mean_token_embeddings
from namebasis.encoders.clip_text import ClipText, padded_batches, stack
from namebasis.encoders.loading import loading, local_or_hub
from namebasis.encoders.minilm import choose_device
from namebasis.encoders.text_tower import fast_tower
from namebasis.encoders.tokenizer import ClipTokenizer
from namebasis.errors import EncoderError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

_FIXED_WIDTH = ("siglip", "siglip2")
"""Trained on padding to the full width, which their text tower attends to."""


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load a repository of the hub or a local folder."""
    spec = f"hf:{rest}"
    place = local_or_hub(spec, rest)
    options = {"revision": revision} if revision else {}
    with loading(spec):
        from transformers import AutoConfig, AutoTokenizer

        config = AutoConfig.from_pretrained(place, **options)
        model = read_model(_model_class(config), place, choose_device(device), dtype, **options)
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
    return HuggingFace(spec, model, tokenizer, place, revision)


def read_model(kind: Any, place: str, device: torch.device, dtype: str, **options: Any) -> Any:
    """Read a transformers model's safetensors onto a device, in evaluation mode."""
    from transformers.utils import logging as library_log

    library_log.disable_progress_bar()
    model = kind.from_pretrained(
        place, dtype=getattr(torch, dtype), use_safetensors=True, **options
    )
    return model.eval().to(device)


def _model_class(config: Any) -> Any:
    """The class to load: text towers of CLIP by their own, everything else by the auto class."""
    import transformers

    named = (config.architectures or [""])[0]
    if named in ("CLIPTextModelWithProjection", "CLIPTextModel", "SiglipTextModel"):
        return getattr(transformers, named)
    return transformers.AutoModel


class HuggingFace(Encoder):
    """A transformers model, with the fast text tower where its configuration allows.

    Image-text models give their projected text and image features. A text model without a
    projection of its own is averaged over its tokens.

    Parameters
    ----------
    spec : str
    model : PreTrainedModel
    tokenizer : PreTrainedTokenizerBase
    place : str
        Folder or repository, for the image processor.
    revision : str, optional
    """

    def __init__(
        self, spec: str, model: Any, tokenizer: Any, place: str | None, revision: str | None = None
    ) -> None:
        self.spec, self.revision = spec, revision
        self._model, self._library_tokenizer, self._place = model, tokenizer, place
        self._processor: Any = None
        self.fingerprint = fingerprint_of(model.state_dict())
        self.has_images = hasattr(model, "get_image_features") and place is not None
        self._table = self._token_table()
        self.token_dim = 0 if self._table is None else self._table.shape[1]
        tower = fast_tower(model)
        clip = ClipTokenizer.from_transformers(tokenizer) if tower else None
        self._fast = ClipText(clip, tower) if tower and clip else None
        self.dim = self._fast.dim if self._fast else self._library_rows(["a"]).shape[1]

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> FloatArray:
        """Embed ``template.format(name)``; the template's beginning is computed once."""
        if self._fast is None or not len(names):
            return super().encode_names(names, template, batch_size=batch_size)
        kept = self._check_texts(names, "names")
        return self._unit(self._fast.embed_names(kept, check_template(template)), "text")

    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of a text."""
        return (
            self._fast.pieces(text) if self._fast else list(self._library_tokenizer.tokenize(text))
        )

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Return the number of pieces of each text."""
        kept = self._check_texts(texts, "texts")
        if self._fast is not None:
            return self._fast.count(kept)
        rows = self._bare_ids(kept)
        return np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))

    def token_embeddings(self, names: Sequence[str]) -> FloatArray:
        """Return the mean input token embedding of each name."""
        kept = self._check_texts(names, "names")
        if self._table is None:
            raise EncoderError(f"{self.spec} has no table of input token embeddings.")
        if self._fast is not None:
            return self._fast.token_means(self._table, kept)
        return mean_token_embeddings(self._table, self._bare_ids(kept))

    def _bare_ids(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        rows: list[list[int]] = self._library_tokenizer(texts, add_special_tokens=False)[
            "input_ids"
        ]
        return rows

    def _token_table(self) -> FloatArray | None:
        text = getattr(self._model, "text_model", self._model)
        try:
            table = text.get_input_embeddings()
        except NotImplementedError:
            return None
        return np.asarray(table.weight.detach().float().cpu()) if table is not None else None

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        if self._fast is not None:
            return self._fast.embed(texts)
        # Texts of like length together keep the padding small; the order comes back at the end.
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = [
            self._library_rows([texts[row] for row in order[some]])
            for some in padded_batches(len(texts), batch_size, 64)
        ]
        return stack(parts)[np.argsort(order)]

    def _library_rows(self, texts: list[str]) -> FloatArray:
        fixed = getattr(self._model.config, "model_type", "").startswith(_FIXED_WIDTH)
        given = self._library_tokenizer(
            texts,
            padding="max_length" if fixed else True,
            truncation=True,
            max_length=_context_length(self._model.config),
            return_tensors="pt",
        ).to(self._model.device)
        with torch.inference_mode():
            return np.asarray(self._text_features(given).float().cpu())

    def _text_features(self, given: Any) -> torch.Tensor:
        if hasattr(self._model, "get_text_features"):
            return _tensor(self._model.get_text_features(**given))
        output = self._model(**given)
        rows: torch.Tensor | None = getattr(output, "text_embeds", None)
        if rows is None and "clip_text" in self._model.config.model_type:
            rows = output.pooler_output
        if rows is None:
            mask = given["attention_mask"].unsqueeze(-1).to(output.last_hidden_state.dtype)
            rows = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
        return rows

    def _embed_images(self, images: list[Image]) -> FloatArray:
        if self._processor is None:
            with loading(self.spec):
                self._processor = _image_processor(self.spec, str(self._place), self.revision)
        given = self._processor(images=images, return_tensors="pt")
        given = {
            key: value.to(
                self._model.device, self._model.dtype if value.is_floating_point() else None
            )
            for key, value in given.items()
        }
        with torch.inference_mode():
            rows = _tensor(self._model.get_image_features(**given))
        return np.asarray(rows.float().cpu())


def _image_processor(spec: str, place: str, revision: str | None) -> Any:
    try:
        import torchvision  # noqa: F401
    except ImportError:
        raise MissingExtraError(f"reading images with {spec}", "open-clip") from None
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(place, **({"revision": revision} if revision else {}))


def _context_length(config: Any) -> int:
    text = getattr(config, "text_config", None) or config
    return int(getattr(text, "max_position_embeddings", 512))


def _tensor(output: Any) -> torch.Tensor:
    """Features as a tensor: transformers returns them bare or as `pooler_output`."""
    if isinstance(output, torch.Tensor):
        return output
    pooled: torch.Tensor = output.pooler_output
    return pooled
