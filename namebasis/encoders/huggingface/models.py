"""Models of transformers: CLIP- and SigLIP-like pairs of towers, single towers, text models.

Texts of equal length go together, so nothing is padded, where a model masks its padding. SigLIP
attends to it and gets the width that it was trained with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, IdRows, length_batches
from namebasis.encoders.embedded import InputRows, Slot
from namebasis.encoders.huggingface.changed import read_changed
from namebasis.encoders.huggingface.checked import (
    WholeModel,
    quiet,
    read_model,
    read_tokenizer,
)
from namebasis.encoders.huggingface.padding import settle_attention
from namebasis.encoders.huggingface.pooling import features_of, longest_text
from namebasis.encoders.huggingface.sentence_folder import SentenceFolder, read_sentence_folder
from namebasis.encoders.huggingface.t5_states import is_t5, t5_states
from namebasis.encoders.huggingface.trained_texts import (
    lower_first,
    settle_case,
    settle_end,
)
from namebasis.encoders.loading import (
    SMALL_FILES,
    VARIANTS,
    WEIGHTS,
    Source,
    cast_weights,
    choose_device,
    find_source,
    refusing,
    vocabulary_near,
)
from namebasis.encoders.single_file.additions import split_additions
from namebasis.encoders.token_places import TokenStates
from namebasis.encoders.towers.clip_text import ClipText
from namebasis.encoders.towers.text_tower import fast_tower
from namebasis.encoders.towers.tokenizer import ClipTokenizer
from namebasis.errors import EncoderError
from namebasis.forks import Turn
from namebasis.pretrained import read_pretrained

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

log = logging.getLogger(__name__)

_TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 131_072}


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load a folder or a repository of the hub; see `load_encoder`."""
    place, additions = split_additions("hf", rest)
    # sentence-transformers may have its first module in a folder of its own.
    weights = (*WEIGHTS, *(f"0_*/{name}" for name in WEIGHTS))
    groups = [weights, *([variant] for variant in VARIANTS)]
    source = find_source("hf", place, [(*SMALL_FILES, *group) for group in groups], revision)
    whole = None
    if additions:
        source, whole = read_changed(source, additions, "text_encoder", {})
    import torch

    return HuggingFaceEncoder(source, choose_device(device), getattr(torch, dtype), whole=whole)


class HuggingFaceEncoder(Encoder):
    """A model that transformers wrote with `save_pretrained`.

    Parameters
    ----------
    source : Source
        The model's folder.
    device : torch.device
    dtype : torch.dtype
    architecture : str, optional
        Class of the model; by default what its configuration says.
    tokenizer_folder : Path, optional
        By default the model's.
    whole : WholeModel, optional
        Model and tokenizer, where nothing is to be read from the folder.
    """

    def __init__(
        self,
        source: Source,
        device: torch.device,
        dtype: torch.dtype,
        *,
        architecture: str | None = None,
        tokenizer_folder: Path | None = None,
        whole: WholeModel | None = None,
    ) -> None:
        self.spec, self.revision = source.spec, source.revision
        self._folder, self._device, self._dtype = source.folder, device, dtype
        self._fast: ClipText | None = None
        # Cutting and padding are settings of a tokenizer: no thread may change them under another.
        self._turn = Turn()
        with refusing(self.spec), quiet():
            if whole is not None:
                self._layout = layout = SentenceFolder(source.folder)
                model, self.fingerprint = whole.model, whole.fingerprint
            else:
                self._layout = layout = read_sentence_folder(source.folder)
                self._folder = layout.folder
                model, self.fingerprint = read_model(
                    Source(layout.folder, source.spec, source.revision), architecture
                )
            self._finish_model(model)
            if self.has_text:
                self._take_tokenizer(
                    whole.tokenizer
                    if whole is not None
                    else read_tokenizer(self.spec, self._folder, tokenizer_folder),
                    {} if whole is None else whole.words,
                )
                n_prompt = self._read_prompt()
                left_out = 0 if layout.pools_prompt else n_prompt
                self._features = features_of(self.model, layout.pooling, left_out)
                if self._fast is None and self._width is None:
                    settle_attention(self.model, self._features, self.tokenizer, self._longest)
        self.dim = self._measure()

    def _finish_model(self, model: Any) -> None:
        cast_weights(model, self._dtype)
        self.model = model.to(self._device).eval()
        pair = hasattr(model, "get_text_features")
        self.has_text = pair or model.main_input_name != "pixel_values"
        self.has_images = hasattr(model, "get_image_features") or not self.has_text

    def _take_tokenizer(self, tokenizer: Any, words: Mapping[int, Sequence[int]]) -> None:
        self.tokenizer = tokenizer
        text = getattr(self.model, "text_model", self.model)
        self._words = _word_table(text)
        self.token_dim = 0 if self._words is None else self._words.shape[1]
        self._n_vocabulary = int(text.config.vocab_size)
        if self._words is not None:
            self._n_vocabulary = len(self._words)
        settle_case(self.model, self.tokenizer, self._n_vocabulary, self.spec)
        settle_end(self.model, self.tokenizer, self.spec)
        self._check_ids(self.tokenizer(["a"])["input_ids"], ["a"])
        self._longest = longest_text(text, self.tokenizer, self._layout.longest)
        is_siglip = str(self.model.config.model_type).startswith("siglip")
        self._width = self._longest if is_siglip else None
        self.max_tokens = self._longest - self.tokenizer.num_special_tokens_to_add()
        tower = fast_tower(self.model)
        clip = (
            ClipTokenizer.from_transformers(self.tokenizer, context_length=self._longest)
            if tower
            else None
        )
        if words and clip is None:
            raise EncoderError(f"{self.spec}: a word of several vectors needs the fast text tower.")
        if clip is not None and words:
            clip = clip.expanding(words)
        self._fast = ClipText(clip, tower) if tower and clip else None
        self.unknown_piece = self.tokenizer.unk_token

    def _read_prompt(self) -> int:
        """Take the folder's prompt and case; return the positions of the prompt, a start included.

        Raises
        ------
        EncoderError
            If modules are listed for a model that has a projection of its own.
        """
        layout = self._layout
        kind = str(self.model.config.model_type)
        if layout.is_sentence and (hasattr(self.model, "get_text_features") or "clip" in kind):
            raise EncoderError(f"{self.spec}: modules.json pools a {kind}, which is not known.")
        if layout.lowers:
            lower_first(self.tokenizer)
        if not layout.prompt:
            return 0
        ids = self.tokenizer([layout.prompt])["input_ids"][0]
        ends = bool(ids) and ids[-1] in self.tokenizer.all_special_ids
        bare = self.tokenizer([layout.prompt], add_special_tokens=False)["input_ids"][0]
        self.max_tokens = max(0, (self.max_tokens or 0) - len(bare))
        return len(ids) - ends

    def _measure(self) -> int:
        with refusing(self.spec):
            if self.has_text:
                return int(self._embed_texts(["a"], None).shape[1])
            from PIL import Image

            return int(self._embed_images([Image.new("RGB", (32, 32))]).shape[1])

    # ------------------------------------------------------------------------------ text

    def _ids(self, texts: Sequence[str]) -> IdRows:
        if self._fast is not None:
            return self._fast.ids(texts)
        if not texts:
            return []
        with self._turn:
            found = self.tokenizer(
                list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False
            )
        return list(found["input_ids"])

    def tokenize(self, text: str) -> list[str]:
        """Return the vocabulary's strings of a text."""
        return self.pieces([text])[0]

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the vocabulary's strings of many texts."""
        kept = self._check_texts(texts, "texts")
        self._need(self.has_text, "text")
        rows = ([int(piece) for piece in ids] for ids in self._ids(kept))
        return [self.tokenizer.convert_ids_to_tokens(row) for row in rows]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Return the number of pieces of each text."""
        kept = self._check_texts(texts, "texts")
        self._need(self.has_text, "text")
        return np.fromiter(map(len, self._ids(kept)), dtype=np.int64, count=len(kept))

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        self._need(self.has_text, "text")
        if self._words is None:
            raise EncoderError(f"{self.spec} has no table of input token embeddings.")
        return self._words, self._ids(names)

    def _embed_names(self, names: list[str], template: str, batch_size: int | None) -> FloatArray:
        if self._fast is not None:
            return self._fast.embed_names(names, template)[:, : self._layout.width]
        return super()._embed_names(names, template, batch_size)

    def _token_states(
        self, names: list[str], template: str, is_penultimate: bool, padded_to: int | None
    ) -> TokenStates:
        if self._fast is not None:
            return self._fast.token_states(names, template, is_penultimate=is_penultimate)
        if not is_t5(self.model):
            return super()._token_states(names, template, is_penultimate, padded_to)
        return t5_states(
            self.model, self.tokenizer, self._turn, self._device, (names, template), padded_to
        )

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        import torch

        if self._fast is not None:
            return self._fast.embed(texts)[:, : self._layout.width]
        found = self._read(texts)
        self._check_ids(found["input_ids"], texts)
        masks = found.get("attention_mask") if self._width is not None else None
        lengths = np.fromiter(map(len, found["input_ids"]), dtype=np.int64, count=len(texts))
        budget = _TOKENS_AT_ONCE.get(self._device.type, 4096)
        parts, order = [], []
        for rows in length_batches(lengths, batch_size, budget):
            inputs = {"input_ids": self._tensor([found["input_ids"][row] for row in rows])}
            if masks is not None:
                inputs["attention_mask"] = self._tensor([masks[row] for row in rows])
            elif self._width is None:
                inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
            parts.append(_to_numpy(self._features, inputs))
            order.append(rows)
        out = np.concatenate(parts)
        out[np.concatenate(order)] = out.copy()
        return out[:, : self._layout.width]

    def _read(self, texts: list[str]) -> Any:
        """What the tokenizer gives the model for texts."""
        options: dict[str, Any] = {"truncation": True, "max_length": self._longest}
        if self._width is not None:
            options["padding"] = "max_length"
        with self._turn:
            return self.tokenizer([self._layout.prompt + text for text in texts], **options)

    def _prompt_ids(self, text: str) -> Sequence[int]:
        if self._fast is not None:
            return self._fast.prompt_ids(text)
        found: list[int] = self._read([text])["input_ids"][0]
        return found

    def _embed_slot(self, slot: Slot, rows: FloatArray) -> FloatArray:
        import torch

        if self._fast is not None:
            return self._fast.embed_slot(slot, rows)[:, : self._layout.width]
        with torch.inference_mode():
            found: FloatArray = self._slot_rows(slot, torch.from_numpy(rows)).cpu().numpy()
        return found

    def _slot_rows(self, slot: Slot, rows: Tensor) -> Tensor:
        import torch

        inputs = {"input_ids": self._tensor([list(slot.ids)] * len(rows))}
        if self._width is None:
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        else:
            mask = self._read([slot.text]).get("attention_mask")
            if mask is not None:
                inputs["attention_mask"] = self._tensor([list(mask[0])] * len(rows))
        with self._input_rows.placed(slot.start, rows.to(self._device)):
            return self._features(inputs).float()[:, : self._layout.width]

    @cached_property
    def _input_rows(self) -> InputRows:
        return InputRows(getattr(self.model, "text_model", self.model).get_input_embeddings())

    def _check_ids(self, ids: list[list[int]], texts: list[str]) -> None:
        for row, found in enumerate(ids):
            if not found:
                raise EncoderError(f"{self.spec}: {texts[row]!r} has no token to pool.")
            if max(found) >= self._n_vocabulary:
                raise EncoderError(
                    f"{self.spec}: the tokenizer gives id {max(found)}, the model knows "
                    f"{self._n_vocabulary}; they do not belong together."
                )

    def _tensor(self, rows: list[list[int]]) -> Tensor:
        import torch

        return torch.tensor(rows, device=self._device)

    # ---------------------------------------------------------------------------- images

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor

        names = ("preprocessor_config.json", "processor_config.json")
        near = vocabulary_near(self._folder)
        folders = [self._folder] + ([near] if near is not None else [])
        folder = next((f for f in folders if any((f / name).is_file() for name in names)), None)
        if folder is None:
            raise EncoderError(
                f"{self.spec}: how images are prepared is not known, preprocessor_config.json "
                "is missing; save it there with processor.save_pretrained."
            )
        with refusing(self.spec), quiet():
            return read_pretrained(AutoImageProcessor, folder)

    def _embed_images(self, images: list[Image]) -> FloatArray:
        prepared = self._processor(images=images, return_tensors="pt")
        inputs = {
            name: value.to(self._device, self._dtype if value.is_floating_point() else None)
            for name, value in prepared.items()
        }
        forward = getattr(self.model, "get_image_features", self.model)
        rows = _to_numpy(lambda given: _image_rows(forward(**given)), inputs)
        return rows[:, : self._layout.width]


def _word_table(text: Any) -> FloatArray | None:
    """Input embeddings of a text tower; None where its class does not say which they are."""
    try:
        words = text.get_input_embeddings()
    except (AttributeError, NotImplementedError):  # GroupViT's and OWL-ViT's towers
        return None
    table: FloatArray = words.weight.detach().float().cpu().numpy()
    return table


def _image_rows(output: Any) -> Tensor:
    from torch import Tensor

    if isinstance(output, Tensor):
        return output
    rows: Tensor | None = getattr(output, "image_embeds", None)
    if rows is None:
        rows = output.pooler_output
    if rows is None:
        raise EncoderError("the image tower pools nothing; use one with a pooled output.")
    return rows[:, 0] if rows.ndim == 3 else rows


def _to_numpy(
    forward: Callable[[dict[str, Tensor]], Tensor], inputs: dict[str, Tensor]
) -> FloatArray:
    import torch

    with torch.inference_mode():
        rows: FloatArray = forward(inputs).float().cpu().numpy()
    return rows
