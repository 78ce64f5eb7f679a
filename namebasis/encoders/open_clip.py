"""Models of open_clip: by name and tag, from its hub format, or from a local checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, check_template, fingerprint_of, mean_token_embeddings
from namebasis.encoders.clip_text import ClipText, padded_batches, stack
from namebasis.encoders.loading import loading
from namebasis.encoders.minilm import choose_device
from namebasis.encoders.text_tower import fast_tower
from namebasis.encoders.tokenizer import ClipTokenizer
from namebasis.errors import EncoderError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

_SCHEMAS = ("hf-hub:", "local-dir:")
_PRECISION = {"float32": "fp32", "float16": "pure_fp16", "bfloat16": "pure_bf16"}


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load ``MODEL/TAG``, ``MODEL@file``, ``hf-hub:REPO`` or ``local-dir:folder``."""
    try:
        import open_clip
    except ImportError:
        raise MissingExtraError(f"open_clip:{rest}", "open-clip") from None
    spec = f"open_clip:{rest}"
    if revision is not None:
        raise EncoderError(f"{spec}: open_clip takes no revision; leave it out.")
    place = choose_device(device)
    if rest.startswith(_SCHEMAS):
        model_name, weights = rest, None
        options: dict[str, Any] = {}
    else:
        model_name, weights, options = _parse(open_clip, rest, spec)
    with loading(spec):
        model = open_clip.create_model(
            model_name,
            pretrained=weights,
            precision=_PRECISION[dtype],
            device=place,
            require_pretrained=True,  # random weights would answer every question wrongly
            weights_only=True,
            **options,
        )
        tokenizer = open_clip.get_tokenizer(model_name)
    return OpenClip(spec, model.eval(), tokenizer)


def _parse(library: Any, rest: str, spec: str) -> tuple[str, str, dict[str, Any]]:
    """Model, weights and options of ``MODEL/TAG`` or ``MODEL@file``."""
    model_name, at, file = rest.partition("@")
    tag = ""
    if not at:
        model_name, _, tag = rest.rpartition("/")
    model_name = model_name.replace("/", "-")
    if model_name not in library.list_models():
        raise EncoderError(
            f"{spec}: open_clip has no model {model_name or rest!r}. Write open_clip:MODEL/TAG, "
            "such as open_clip:ViT-L-14/openai, or open_clip:MODEL@checkpoint-file."
        )
    if at:
        path = Path(file).expanduser()
        if not path.is_file():
            raise EncoderError(f"{spec}: there is no checkpoint file {path}.")
        return model_name, str(path), {}
    tags = library.list_pretrained_tags_by_model(model_name)
    config = library.get_pretrained_cfg(model_name, tag) if tag else {}
    if not config:
        raise EncoderError(f"{spec}: {model_name} has the weights {', '.join(tags)}.")
    # A tag trained with QuickGELU gives other vectors without it, and open_clip only warns.
    return model_name, tag, {"force_quick_gelu": bool(config.get("quick_gelu"))}


class OpenClip(Encoder):
    """An open_clip model, with the fast text tower where its configuration allows.

    Parameters
    ----------
    spec : str
    model : open_clip.CLIP or open_clip.CustomTextCLIP
        In evaluation mode, on its device.
    tokenizer : object
        What ``open_clip.get_tokenizer`` gives for it.
    """

    has_images = True

    def __init__(self, spec: str, model: Any, tokenizer: Any) -> None:
        self.spec = spec
        self._model, self._library_tokenizer = model, tokenizer
        self.fingerprint = fingerprint_of(model.state_dict())
        self._table = _token_table(model)
        self.token_dim = 0 if self._table is None else self._table.shape[1]
        tower = fast_tower(model)
        context = getattr(tokenizer, "context_length", None)
        clip = ClipTokenizer.from_open_clip(tokenizer, context_length=context) if tower else None
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
        if self._fast is not None:
            return self._fast.pieces(text)
        inner = getattr(self._library_tokenizer, "tokenizer", None)
        if inner is not None and hasattr(inner, "tokenize"):
            return list(inner.tokenize(text))
        plain = self._library_tokenizer
        return [plain.decoder[token] for token in plain.encode(text)]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Return the number of pieces of each text."""
        if self._fast is None:
            return super().count_tokens(texts)
        return self._fast.count(self._check_texts(texts, "texts"))

    def token_embeddings(self, names: Sequence[str]) -> FloatArray:
        """Return the mean input token embedding of each name."""
        kept = self._check_texts(names, "names")
        if self._table is None:
            raise EncoderError(f"{self.spec} has no table of input token embeddings.")
        if self._fast is not None:
            return self._fast.token_means(self._table, kept)
        inner = getattr(self._library_tokenizer, "tokenizer", None)
        if inner is not None and callable(inner):
            ids = inner(kept, add_special_tokens=False)["input_ids"]
        else:
            ids = [self._library_tokenizer.encode(name) for name in kept]
        return mean_token_embeddings(self._table, ids)

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        if self._fast is not None:
            return self._fast.embed(texts)
        batches = padded_batches(len(texts), batch_size, 64)
        return stack([self._library_rows(texts[some]) for some in batches])

    def _library_rows(self, texts: list[str]) -> FloatArray:
        device = next(self._model.parameters()).device
        with torch.inference_mode():
            ids = self._library_tokenizer(texts).to(device)
            rows = self._model.encode_text(ids, normalize=True)
        return np.asarray(rows.float().cpu())

    def _embed_images(self, images: list[Image]) -> FloatArray:
        from open_clip.transform import PreprocessCfg, image_transform_v2

        prepare = image_transform_v2(
            PreprocessCfg(**self._model.visual.preprocess_cfg), is_train=False
        )
        weight = next(self._model.visual.parameters())
        pixels = torch.stack([prepare(image) for image in images]).to(weight.device, weight.dtype)
        with torch.inference_mode():
            rows = self._model.encode_image(pixels, normalize=True)
        return np.asarray(rows.float().cpu())


def _token_table(model: Any) -> FloatArray | None:
    text = getattr(model, "text", model)
    embedding = getattr(text, "token_embedding", None)
    if embedding is None:
        transformer = getattr(text, "transformer", None)
        find = getattr(transformer, "get_input_embeddings", None)
        embedding = find() if find is not None else None
    if embedding is None:
        return None
    return np.asarray(embedding.weight.detach().float().cpu())
