"""Models of open_clip: by name and tag, from its hub format, or from a local checkpoint."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, IdRows
from namebasis.encoders.embedded import InputRows, Slot
from namebasis.encoders.loading import (
    SMALL_FILES,
    choose_device,
    find_source,
    fingerprint_of,
    refusing,
)
from namebasis.encoders.open_clip.files import model_from_file, register_config
from namebasis.encoders.open_clip.params import find_settings
from namebasis.encoders.open_clip.pooled import pooled_end
from namebasis.encoders.open_clip.tokenizer import naming_text_tower, read_tokenizer
from namebasis.encoders.specs import OPEN_CLIP_FORMS, split_listed
from namebasis.encoders.token_places import TokenStates
from namebasis.encoders.towers.clip_text import ClipText
from namebasis.encoders.towers.text_tower import fast_tower
from namebasis.encoders.towers.tokenizer import ClipTokenizer
from namebasis.errors import EncoderError, MissingExtraError, NamebasisWarning
from namebasis.forks import Turn
from namebasis.pretrained import check_kernels, without_code

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

_HUB, _LOCAL = "hf-hub:", "local-dir:"
_OWN_CONFIG = re.compile(r"(.+?\.json)@(.+)\Z", re.IGNORECASE | re.DOTALL)
_SAFE, _PICKLED = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
_HUB_FILES = [(*SMALL_FILES, _SAFE), (*SMALL_FILES, _PICKLED)]
_BATCH = 64


@dataclass(frozen=True)
class _Chosen:
    """A model as open_clip is asked for it."""

    spec: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None
    settings: str = ""
    """What changes text vectors and is written in no weight; part of the fingerprint."""


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load a model that is listed, lies in a folder of its hub format, or in a checkpoint file."""
    named, at, file = rest.partition("@")
    if at and not named.lower().endswith(".json"):
        _checkpoint_file(rest, file)  # refused before the library is loaded
    try:
        import open_clip
    except ImportError:
        raise MissingExtraError(f"open_clip:{rest}", "open-clip") from None
    place = choose_device(device)
    commit = None
    if rest.startswith((_HUB, _LOCAL)):
        spec, name, commit = _folder(rest, revision)
        chosen = _Chosen(spec, name)
    elif revision is not None:
        raise EncoderError(f"open_clip:{rest}: only hf-hub: repositories have revisions.")
    else:
        chosen = _own(open_clip, rest) or _listed(open_clip, rest)
    remedy = f"Is it a checkpoint of {chosen.name}?" if chosen.file is not None else ""
    naming = naming_text_tower(open_clip, chosen.name, chosen.spec)
    with refusing(chosen.spec, remedy), _silence(), without_code(), naming:
        if chosen.file is None:
            model = open_clip.create_model(
                chosen.name,
                require_pretrained=True,  # random weights would answer every question wrongly
                pretrained_text=False,
                weights_only=True,
                **chosen.options,
            )
        else:
            model = model_from_file(
                open_clip, chosen.name, chosen.file, chosen.options, chosen.spec
            )
        length = chosen.options.get("force_context_length")
        tokenizer = read_tokenizer(
            open_clip, chosen.name, file=chosen.file, context_length=length, spec=chosen.spec
        )
    import torch

    return OpenClipEncoder(
        chosen.spec, model, tokenizer, place, getattr(torch, dtype), commit, chosen.settings
    )


def _folder(rest: str, revision: str | None) -> tuple[str, str, str | None]:
    """Spec, open_clip's name and commit of a folder in open_clip's hub format."""
    is_hub = rest.startswith(_HUB)
    place = rest.removeprefix(_HUB if is_hub else _LOCAL)
    is_folder = os.path.isdir(os.path.expanduser(place))
    if not place or not (is_hub or is_folder):
        raise EncoderError(f"open_clip:{rest}: there is no such folder. {OPEN_CLIP_FORMS}")
    if is_hub and is_folder:
        raise EncoderError(f"open_clip:{rest} is a folder; use open_clip:{_LOCAL}{place}")
    source = find_source(f"open_clip:{rest.partition(':')[0]}", place, _HUB_FILES, revision)
    if not (source.folder / "open_clip_config.json").is_file():
        raise EncoderError(
            f"{source.spec} holds no open_clip_config.json. For a checkpoint file of a listed "
            "model write open_clip:MODEL@file; for a transformers model hf:FOLDER."
        )
    with refusing(source.spec):
        check_kernels(source.folder)
    return source.spec, f"{_LOCAL}{source.folder}", source.revision


def _own(library: Any, rest: str) -> _Chosen | None:
    """A model by a configuration file and a checkpoint file; None where `rest` names none."""
    match = _OWN_CONFIG.match(rest)
    if match is None:
        return None
    config, file = Path(match[1]).expanduser(), _checkpoint_file(rest, match[2])
    if not config.is_file():
        raise EncoderError(f"open_clip:{rest}: there is no configuration file {config}.")
    spec = f"open_clip:{config.resolve()}@{file}"
    name, preprocess = register_config(library, config, spec)
    options, settings = _trained_options(file, config.stem, preprocess)
    return _Chosen(spec, name, options, file, settings)


def _listed(library: Any, rest: str) -> _Chosen:
    """A model by ``MODEL/TAG``, ``MODEL@FILE`` or ``MODEL/TAG@FILE``."""
    name, tag, file = split_listed(rest, library.list_models())
    config = library.get_pretrained_cfg(name, tag) if tag else {}
    if not config and (tag or file is None):
        tags = ", ".join(library.list_pretrained_tags_by_model(name)) or "none"
        raise EncoderError(
            f"open_clip:{rest}: {name} needs a tag; open_clip lists: {tags}. For weights of your "
            f"own write open_clip:{name}@checkpoint-file."
        )
    if file is None:
        spec = f"open_clip:{name}/{tag}"
        return _Chosen(spec, name, _tagged(spec, tag, config))
    path = _checkpoint_file(rest, file)
    if tag:
        # The file is a copy of the tag's weights: it was trained as the tag says.
        options = {
            "force_quick_gelu": bool(config.get("quick_gelu")),
            "force_preprocess_cfg": config,
        }
        return _Chosen(f"open_clip:{name}/{tag}@{path}", name, options, path)
    options, settings = _trained_options(path, name, {})
    return _Chosen(f"open_clip:{name}@{path}", name, options, path, settings)


def _checkpoint_file(rest: str, file: str) -> Path:
    local = os.path.expanduser(file)
    if not os.path.isfile(local):
        raise EncoderError(f"open_clip:{rest}: there is no checkpoint file {local}.")
    return Path(local).resolve()


def _trained_options(
    file: Path, name: str, preprocess: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Options for a checkpoint file from its training's params.txt, where that is of this model."""
    options: dict[str, Any] = {"force_preprocess_cfg": preprocess} if preprocess else {}
    found = find_settings(file)
    if found is None:
        return options, ""
    if not found.fits(name):
        message = (
            f"{found.path} is of {found.model}, not of {name}; its settings are not used for "
            f"{file.name}."
        )
        warnings.warn(message, NamebasisWarning, stacklevel=5)
        return options, ""
    merged = {**preprocess, **found.options.get("force_preprocess_cfg", {})}
    options = {**found.options, **({"force_preprocess_cfg": merged} if merged else {})}
    return options, "quick_gelu" * bool(options.get("force_quick_gelu"))


def _tagged(spec: str, tag: str, config: dict[str, Any]) -> dict[str, Any]:
    """Options for listed weights; those on the hub are fetched here, once and without retries."""
    # A tag trained with QuickGELU gives other vectors without it, and open_clip only warns.
    options: dict[str, Any] = {"force_quick_gelu": bool(config.get("quick_gelu"))}
    repository, _, file = str(config.get("hf_hub") or "").rpartition("/")
    if not repository:
        return {**options, "pretrained": tag}
    file = file or _PICKLED
    safe = [_SAFE if file == _PICKLED else f"{Path(file).stem}.safetensors"]
    try:
        source = find_source("hf", repository, [safe, [file]], None)
    except EncoderError as error:
        raise EncoderError(
            f"{spec}: its weights are hf:{repository}. {str(error).partition('Give a')[0]}Fetch "
            f"the file on another machine and write {spec}@FILE"
        ) from None
    found = [source.folder / name for name in (*safe, file) if (source.folder / name).is_file()]
    if not found:
        raise EncoderError(f"{spec}: hf:{repository} has no {file}.")
    return {**options, "pretrained": str(found[0]), "force_preprocess_cfg": config}


@contextmanager
def _silence() -> Iterator[None]:
    """Hold open_clip's log back: it goes to the root logger, and errors are raised here."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


class OpenClipEncoder(Encoder):
    """An open_clip model, with the fast text tower where its configuration allows.

    Parameters
    ----------
    spec : str
    model : open_clip.CLIP or open_clip.CustomTextCLIP
        In float32 on the CPU.
    tokenizer : object
        What ``open_clip.get_tokenizer`` gives for it.
    device : torch.device
    dtype : torch.dtype
    revision : str, optional
    settings : str
        What changes the rows and is written in no weight, such as an activation that a training
        forced; part of the fingerprint.
    """

    has_images = True

    def __init__(
        self,
        spec: str,
        model: Any,
        tokenizer: Any,
        device: torch.device,
        dtype: torch.dtype,
        revision: str | None = None,
        settings: str = "",
    ) -> None:
        self.spec, self.revision = spec, revision
        self.fingerprint = fingerprint_of(model.state_dict(), settings)
        self.model, self.tokenizer = model.eval().to(device=device, dtype=dtype), tokenizer
        self._device, self._dtype = device, dtype
        # Cutting and padding are settings of a tokenizer: no thread may change them under another.
        self._turn = Turn()
        self.unknown_piece = getattr(getattr(tokenizer, "tokenizer", None), "unk_token", None)
        self._words = _word_table(model)
        self.token_dim = 0 if self._words is None else self._words.shape[1]
        tower, context = fast_tower(model), getattr(tokenizer, "context_length", None)
        self.max_tokens = context - _n_special(tokenizer) if context else None
        clip = ClipTokenizer.from_open_clip(tokenizer, context_length=context) if tower else None
        self._fast = ClipText(clip, tower) if tower and clip else None
        with refusing(spec):
            self.dim = self._fast.dim if self._fast else self._embed_texts(["a"], None).shape[1]

    def tokenize(self, text: str) -> list[str]:
        """Return the vocabulary's strings of a text."""
        return self.pieces([text])[0]

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the vocabulary's strings of many texts."""
        kept = self._check_texts(texts, "texts")
        if self._fast is not None:
            return self._fast.pieces(kept)
        rows = self._ids(kept)
        inner = getattr(self.tokenizer, "tokenizer", None)
        if inner is not None:
            return [inner.convert_ids_to_tokens(row) for row in rows]
        return [[self.tokenizer.decoder[token] for token in row] for row in rows]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Return the number of pieces of each text."""
        rows = self._ids(self._check_texts(texts, "texts"))
        return np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        if self._words is None:
            raise EncoderError(f"{self.spec} has no table of input token embeddings.")
        return self._words, self._ids(names)

    def _ids(self, texts: list[str]) -> IdRows:
        if self._fast is not None:
            return self._fast.ids(texts)
        inner = getattr(self.tokenizer, "tokenizer", None)
        if inner is None:
            return [self.tokenizer.encode(text) for text in texts]
        if not texts:
            return []
        clean = getattr(self.tokenizer, "clean_fn", None) or _clean_for_siglip
        cleaned = [clean(text) for text in texts]
        with self._turn:
            return list(inner(cleaned, add_special_tokens=False)["input_ids"])

    def _embed_names(self, names: list[str], template: str, batch_size: int | None) -> FloatArray:
        if self._fast is not None:
            return self._fast.embed_names(names, template)
        return super()._embed_names(names, template, batch_size)

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        import torch

        if self._fast is not None:
            return self._fast.embed(texts)
        size, parts = batch_size or _BATCH, []
        for start in range(0, len(texts), size):
            with self._turn:
                ids = self.tokenizer(texts[start : start + size]).to(self._device)
            with torch.inference_mode():
                parts.append(self.model.encode_text(ids).float().cpu().numpy())
        return np.concatenate(parts)

    def _token_states(
        self, names: list[str], template: str, is_penultimate: bool, padded_to: int | None
    ) -> TokenStates:
        if self._fast is None:
            return super()._token_states(names, template, is_penultimate, padded_to)
        return self._fast.token_states(names, template, is_penultimate=is_penultimate)

    def _prompt_ids(self, text: str) -> Sequence[int]:
        if self._fast is not None:
            return self._fast.prompt_ids(text)
        with self._turn:
            row: list[int] = self.tokenizer([text])[0].tolist()
        return row

    def _embed_slot(self, slot: Slot, rows: FloatArray) -> FloatArray:
        import torch

        if self._fast is not None:
            return self._fast.embed_slot(slot, rows)
        with torch.inference_mode():
            found: FloatArray = self._slot_rows(slot, torch.from_numpy(rows)).cpu().numpy()
        return found

    def _slot_rows(self, slot: Slot, rows: Tensor) -> Tensor:
        import torch

        ids = torch.tensor([slot.ids] * len(rows), device=self._device)
        with self._input_rows.placed(slot.start, rows.to(self._device)):
            # What the fast tower is given ends with the pooled token.
            ends = self._fast is not None
            found: Tensor = pooled_end(self.model, ids) if ends else self.model.encode_text(ids)
            return found.float()

    @cached_property
    def _input_rows(self) -> InputRows:
        return InputRows(_words_of(self.model))

    @cached_property
    def _prepare(self) -> Any:
        from open_clip.transform import PreprocessCfg, image_transform_v2

        return image_transform_v2(PreprocessCfg(**self.model.visual.preprocess_cfg), is_train=False)

    def _embed_images(self, images: list[Image]) -> FloatArray:
        import torch

        pixels = torch.stack([self._prepare(image) for image in images])
        with torch.inference_mode():
            rows = self.model.encode_image(pixels.to(self._device, self._dtype))
        found: FloatArray = rows.float().cpu().numpy()
        return found


def _n_special(tokenizer: Any) -> int:
    """How many places of a context the tokenizer keeps for its special tokens."""
    inner = getattr(tokenizer, "tokenizer", None)
    if inner is None:
        return 2  # the start and the end
    if getattr(tokenizer, "tokenizer_mode", "") == "clips":
        return 3  # and a class token behind the padding
    return int(inner.num_special_tokens_to_add())


def _clean_for_siglip(text: str) -> str:
    from open_clip.tokenizer import basic_clean, canonicalize_text

    return str(canonicalize_text(basic_clean(text)))


def _words_of(model: Any) -> Any:
    """The module of input embeddings of a model's text tower; None where it shows none."""
    text = getattr(model, "text", model)
    words = getattr(text, "token_embedding", None)
    if words is None:
        find = getattr(getattr(text, "transformer", None), "get_input_embeddings", None)
        words = find() if find is not None else None
    return words


def _word_table(model: Any) -> FloatArray | None:
    words = _words_of(model)
    return None if words is None else np.asarray(words.weight.detach().float().cpu())
