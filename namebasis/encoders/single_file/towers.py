"""Which text towers a checkpoint holds: by the prefixes of its keys, with sizes by shapes.

Published layouts: that of CompVis and Stability AI, whose checkpoints hold the text encoder under
``cond_stage_model`` (Stable Diffusion 1, 2) or ``conditioner.embedders`` (XL), with a CLIP of
transformers under ``transformer`` and one of open_clip under ``model``; Stability AI's of Stable
Diffusion 3, under ``text_encoders``; and files of a text encoder alone, as ComfyUI's ``clip_l`` and
``clip_g`` and fine-tunings are. Parts are called as in a diffusers folder of the same model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from namebasis.encoders.single_file.weights import Shapes
from namebasis.errors import EncoderError

N_VOCABULARY = 49_408
"""Pieces of CLIP's vocabulary, the two special ones included."""
_HEAD = 64  # width of an attention head in every CLIP text tower of OpenAI and LAION
_WIDEST_OF_OPENAI = 768  # text towers of OpenAI use QuickGELU; wider ones are LAION's, with GELU


@dataclass(frozen=True)
class Place:
    """Where a layout keeps a text tower.

    Attributes
    ----------
    prefix : str
    is_open_clip : bool
        Whether its keys are open_clip's; else transformers'.
    part : str
        Its name in a diffusers folder.
    quick : bool or None
        Whether its activation is QuickGELU; None where the width tells.
    is_penultimate : bool
        Whether the image model reads the state before the last layer through the last norm, and
        no projection: both belong to no vector. A file without the projection was converted from
        one of diffusers, which lacks that layer too.
    """

    prefix: str
    is_open_clip: bool
    part: str
    quick: bool | None = None
    is_penultimate: bool = False


_IN_PIPELINES = (
    Place("cond_stage_model.transformer.", False, "text_encoder", quick=True),
    Place("cond_stage_model.model.", True, "text_encoder", quick=False, is_penultimate=True),
    Place("conditioner.embedders.0.transformer.", False, "text_encoder", quick=True),
    Place("conditioner.embedders.1.model.", True, "text_encoder_2", quick=False),
    Place("conditioner.embedders.0.model.", True, "text_encoder_2", quick=False),
    Place("text_encoders.clip_l.transformer.", False, "text_encoder", quick=True),
    Place("text_encoders.clip_g.transformer.", False, "text_encoder_2", quick=False),
)
_ALONE = (Place("", False, "text_encoder"), Place("", True, "text_encoder"))
_TOKENS = {False: "embeddings.token_embedding.weight", True: "token_embedding.weight"}
_POSITIONS = {False: "embeddings.position_embedding.weight", True: "positional_embedding"}
_FIRST_UP = {
    False: "encoder.layers.0.mlp.fc1.weight",
    True: "transformer.resblocks.0.mlp.c_fc.weight",
}
_INNER = "text_model."
_BLOCKS = {
    False: re.compile(r"encoder\.layers\.(\d+)\."),
    True: re.compile(r"transformer\.resblocks\.(\d+)\."),
}
_OWN = {
    False: ("embeddings.", "encoder.", "final_layer_norm.", "text_projection"),
    True: ("token_embedding.", "positional_embedding", "transformer.", "ln_final.",
           "text_projection"),
}  # fmt: skip
"""How the keys of a text tower begin, where a file holds other parts of a model beside it."""
_IGNORED = frozenset({"embeddings.position_ids", "attn_mask", "logit_scale", "logit_bias"})
"""Beside the tower's own keys, and of no weight in a text's vector."""


@dataclass(frozen=True)
class Tower:
    """A text tower in a file.

    Attributes
    ----------
    place : Place
    keys : dict of str to str
        Its tensors: names within the tower (without prefix and ``text_model.``) to names in the
        file.
    width, n_positions, n_layers, n_heads, intermediate : int
    projection : int or None
        Numbers of a projected row; None where rows are not projected.
    """

    place: Place
    keys: dict[str, str]
    width: int
    n_positions: int
    n_layers: int
    n_heads: int
    intermediate: int
    projection: int | None

    @property
    def kind(self) -> str:
        """Class of transformers that reads it, as a diffusers folder names it."""
        return "CLIPTextModel" if self.projection is None else "CLIPTextModelWithProjection"

    @property
    def activation(self) -> str:
        """transformers' name of the activation."""
        quick = self.place.quick
        if quick is None:
            quick = self.width <= _WIDEST_OF_OPENAI
        return "quick_gelu" if quick else "gelu"


def find_towers(shapes: Shapes) -> list[Tower]:
    """Find the text towers in a file, one a part.

    Parameters
    ----------
    shapes : mapping of str to tuple of int

    Raises
    ------
    EncoderError
        If a tower lacks tensors or is of another kind; without the file's name.
    """
    for places in (_IN_PIPELINES, _ALONE):
        found: dict[str, Tower] = {}
        for place in places:
            keys = _keys_at(place, shapes)
            if keys is not None and place.part not in found:
                found[place.part] = _measure(place, keys, shapes)
        if found:
            return list(found.values())
    return []


def _keys_at(place: Place, shapes: Shapes) -> dict[str, str] | None:
    """Names of a tower's tensors within it and in the file; None where the place is empty."""
    tokens = _TOKENS[place.is_open_clip]
    if place == _ALONE[1] and any(key.startswith("visual.") for key in shapes):
        return None  # a whole CLIP of open_clip: which of its models it is, its keys do not say
    # Old checkpoints, and flattened classes of transformers, have no text_model in between.
    inner = _INNER if place.prefix + _INNER + tokens in shapes else ""
    if place.prefix + inner + tokens not in shapes:
        return None
    start = place.prefix + inner
    keys = {key.removeprefix(start): key for key in shapes if key.startswith(start)}
    if inner:
        projection = f"{place.prefix}text_projection.weight"
        if projection in shapes:
            keys["text_projection.weight"] = projection
    elif not place.prefix:
        own = _OWN[place.is_open_clip]
        keys = {key: name for key, name in keys.items() if key.startswith(own)}
    return {key: name for key, name in keys.items() if key not in _IGNORED}


def _measure(place: Place, keys: dict[str, str], shapes: Shapes) -> Tower:
    """A tower's sizes by the shapes of its tensors."""
    n_vocabulary, width = _matrix(shapes, keys, _TOKENS[place.is_open_clip])
    if n_vocabulary != N_VOCABULARY:
        raise EncoderError(
            f"its text encoder knows {n_vocabulary:,} pieces, CLIP's vocabulary has "
            f"{N_VOCABULARY:,}; give the folder that holds its tokenizer (hf:FOLDER)"
        )
    if width % _HEAD:
        raise EncoderError(
            f"its text encoder is {width} wide, which is no multiple of {_HEAD}, the width of an "
            "attention head of CLIP; give the folder that holds its configuration (hf:FOLDER)"
        )
    numbers = {int(m[1]) for key in keys if (m := _BLOCKS[place.is_open_clip].match(key))}
    if not numbers or numbers != set(range(len(numbers))):
        gap = next((n for n in range(len(numbers) + 1) if n not in numbers), 0)
        raise EncoderError(f"its text encoder lacks layer {gap}; get the whole file")
    n_layers = len(numbers)
    if place.is_penultimate and "text_projection" in keys:
        n_layers -= 1
        unused = ("text_projection", f"transformer.resblocks.{n_layers}.")
        keys = {key: name for key, name in keys.items() if not key.startswith(unused)}
    projection = None
    if "text_projection.weight" in keys:
        projection, _ = _matrix(shapes, keys, "text_projection.weight")
    elif "text_projection" in keys:
        _, projection = _matrix(shapes, keys, "text_projection")
    positions, up = _POSITIONS[place.is_open_clip], _FIRST_UP[place.is_open_clip]
    n_positions, _ = _matrix(shapes, keys, positions)
    intermediate, _ = _matrix(shapes, keys, up)
    return Tower(
        place, keys, width, n_positions, n_layers, width // _HEAD, intermediate, projection
    )


def _matrix(shapes: Shapes, keys: dict[str, str], key: str) -> tuple[int, int]:
    """Rows and columns of a tensor of a tower."""
    if key not in keys:
        raise EncoderError(f"its text encoder lacks {key}; get the whole file")
    shape = shapes[keys[key]]
    if len(shape) != 2 or not all(shape):
        raise EncoderError(f"its {keys[key]} has the shape {shape}, which is no matrix")
    return shape[0], shape[1]
