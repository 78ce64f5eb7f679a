"""Pipelines of Stable Diffusion out of one file: ``sd:MODEL.safetensors``.

The text encoders are those that the encoder of the same spec reads; the UNet and the VAE are read
by diffusers' `from_single_file`, given configurations that follow from the file's shapes, so that
nothing is fetched.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from namebasis.encoders.loading import refusing
from namebasis.encoders.single_file.kinds import known_kind
from namebasis.encoders.single_file.reading import read_tower
from namebasis.encoders.single_file.towers import Tower, find_towers
from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
from namebasis.encoders.single_file.weights import WeightFile, is_safetensors, open_weights
from namebasis.encoders.specs import ADDED, folder_spec
from namebasis.errors import EncoderError
from namebasis.pretrained import read_single_file
from namebasis.reading import digest_of
from namebasis.validation.pictures.checkpoint_shapes import UNET, VAE, unet_config, vae_config

KIND = "sd:"
EPSILON, VELOCITY = "epsilon", "v_prediction"
_NOISE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "steps_offset": 1, "clip_sample": False,
}  # fmt: skip
_SCALE, _SCALE_OF_XL = 0.18215, 0.13025
# Of 2.x a checkpoint does not say what it predicts; those trained for velocity have a wide spread
# in this bias, those for noise a narrow one.
_TELLING = f"{UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
_WIDE = 0.09


def check_checkpoint(spec: str) -> tuple[WeightFile, dict[str, Tower]]:
    """Open a file and find its text encoders; only its header is read.

    Returns
    -------
    file : WeightFile
    towers : dict of str to Tower
        By their names in a diffusers folder.

    Raises
    ------
    EncoderError
        If there is no such file, or it is none that paints from text.
    """
    rest = spec.removeprefix(KIND)
    place = os.path.expanduser(rest)
    if not os.path.isfile(place):
        refuse_additions(spec)
        if os.path.isdir(place):
            raise EncoderError(f"{spec} is a folder. Write {folder_spec(Path(place), place)}")
        raise EncoderError(f"{spec}: there is no such file.")
    path = Path(place).resolve()
    file = open_weights(path, spec)
    try:
        towers = {tower.place.part: tower for tower in find_towers(file.shapes)}
        has_unet = any(key.startswith(f"{UNET}input_blocks.") for key in file.shapes)
        if not towers and not has_unet and (told := known_kind(file)) is not None:
            raise EncoderError(told)
        if not towers or not has_unet:
            raise EncoderError(
                "is no checkpoint of Stable Diffusion 1, 2 or XL with its UNet, VAE and text "
                "encoders; give a pipeline's folder (diffusers:FOLDER)"
            )
        unet_config(file.shapes, _pooled(towers))
        vae_config(file.shapes)
    except EncoderError as error:
        raise EncoderError(f"{spec}: {path.name}: {error}.") from None
    return file, towers


def refuse_additions(spec: str) -> None:
    """Refuse a LoRA or a word behind a pipeline, of which an encoder takes the text part alone.

    Raises
    ------
    EncoderError
    """
    base, *added = ADDED.split(spec)
    if added and os.path.exists(os.path.expanduser(base.partition(":")[2] or base)):
        raise EncoderError(
            f"{spec}: a pipeline paints with the weights that it has; leave out {added[0]}, which "
            "would change its text encoder alone."
        )


def _pooled(towers: dict[str, Tower]) -> int | None:
    second = towers.get("text_encoder_2")
    return None if second is None else second.projection


def load_checkpoint(spec: str, dtype: Any) -> tuple[Any, str, str]:
    """Load the pipeline of a file, on the CPU.

    Returns
    -------
    pipeline : StableDiffusionPipeline or StableDiffusionXLPipeline
    spec : str
        With the whole path.
    fingerprint : str
        "sha256:…" of the file and of what its UNet is taken to predict.
    """
    import diffusers

    file, towers = check_checkpoint(spec)
    spec = f"{KIND}{file.path}"
    is_xl = "text_encoder_2" in towers
    kind = diffusers.StableDiffusionXLPipeline if is_xl else diffusers.StableDiffusionPipeline
    predicted = predicts(file, towers)
    with refusing(spec), tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write(folder, file, towers, predicted)
        parts: dict[str, Any] = {"scheduler": _scheduler(towers, predicted)}
        for part, tower in towers.items():
            parts[part] = read_tower(file, tower).to(dtype)
            parts[part.replace("text_encoder", "tokenizer")] = _tokenizer(tower, spec)
        if is_xl:
            parts["add_watermarker"] = False
        else:
            parts |= {"safety_checker": None, "requires_safety_checker": False}
        # The library tells what a file is by its name's end, which may be wrong.
        named = folder / f"model.{'safetensors' if is_safetensors(file.path) else 'ckpt'}"
        named.symlink_to(file.path)
        pipeline = read_single_file(
            kind, named, folder, torch_dtype=dtype, feature_extractor=None, **parts
        )
    told = f"{digest_of(file.path)};{predicted}".encode()
    return pipeline, spec, f"sha256:{hashlib.sha256(told).hexdigest()}"


def _check_whole(file: WeightFile, unet: dict[str, Any], vae: dict[str, Any]) -> None:
    """Refuse a file that lacks a tensor: the library would leave it empty, or draw it."""
    import diffusers
    import torch

    with torch.device("meta"):
        models = diffusers.UNet2DConditionModel(**unet), diffusers.AutoencoderKL(**vae)
    of_vae = tuple(f"{VAE}{part}" for part in ("encoder.", "decoder.", "quant_", "post_quant_"))
    starts: tuple[tuple[str, ...], ...] = ((UNET,), of_vae)
    for what, model, own in zip(("UNet", "VAE"), models, starts, strict=True):
        # The file's tensors and the model's are the same, one for one, under other names.
        missing = len(model.state_dict()) - sum(key.startswith(own) for key in file.shapes)
        if missing > 0:
            raise EncoderError(
                f"{KIND}{file.path}: of its {what}'s tensors {missing} are missing; random ones "
                "are never used. Get the whole file."
            )


def predicts(file: WeightFile, towers: dict[str, Tower]) -> str:
    """What the UNet was trained to predict: its noise, or its velocity.

    The header or an empty tensor says so in newer files. Of 2.x, whose files say nothing, a bias
    tells; all others predict noise.
    """
    told = file.notes.get("modelspec.prediction_type", "").lower()
    if told:
        return VELOCITY if told.startswith("v") else EPSILON
    if "v_pred" in file.shapes:
        return VELOCITY
    only = next(iter(towers.values())) if len(towers) == 1 else None
    if only is not None and only.place.is_open_clip and _TELLING in file.shapes:
        with file.tensors() as opened:
            spread = float(opened.get_tensor(_TELLING).float().std(correction=0))
        return VELOCITY if spread > _WIDE else EPSILON
    return EPSILON


def _write(folder: Path, file: WeightFile, towers: dict[str, Tower], predicted: str) -> None:
    """Write what `from_single_file` reads in the place of a folder of the hub."""
    is_xl = "text_encoder_2" in towers
    unet, vae = unet_config(file.shapes, _pooled(towers)), vae_config(file.shapes)
    _check_whole(file, unet, vae)
    unet["sample_size"] = 128 if is_xl else 96 if predicted == VELOCITY else 64
    vae["scaling_factor"] = _SCALE_OF_XL if is_xl else _SCALE
    vae["sample_size"] = unet["sample_size"] * 2 ** (len(vae["block_out_channels"]) - 1)
    for part, kind, config in (
        ("unet", "UNet2DConditionModel", unet), ("vae", "AutoencoderKL", vae),
    ):  # fmt: skip
        (folder / part).mkdir()
        (folder / part / "config.json").write_text(json.dumps({"_class_name": kind, **config}))
    index: dict[str, Any] = {
        "_class_name": f"StableDiffusion{'XL' * is_xl}Pipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "SchedulerMixin"],
    }
    for part, tower in towers.items():
        index[part] = ["transformers", tower.kind]
        index[part.replace("text_encoder", "tokenizer")] = ["transformers", "CLIPTokenizer"]
    if is_xl:
        index["force_zeros_for_empty_prompt"] = True
    (folder / "model_index.json").write_text(json.dumps(index))


def _scheduler(towers: dict[str, Tower], predicted: str) -> Any:
    """The scheduler that the published folders of a family hold."""
    import diffusers

    if "text_encoder_2" in towers:
        known = {key: value for key, value in _NOISE.items() if key != "clip_sample"}
        return diffusers.EulerDiscreteScheduler(
            **known, timestep_spacing="leading", prediction_type=predicted
        )
    if predicted == VELOCITY:
        return diffusers.DDIMScheduler(**_NOISE, set_alpha_to_one=False, prediction_type=VELOCITY)
    known = {key: value for key, value in _NOISE.items() if key != "clip_sample"}
    return diffusers.PNDMScheduler(**known, set_alpha_to_one=False, skip_prk_steps=True)


def _tokenizer(tower: Tower, spec: str) -> Any:
    """CLIP's tokenizer with the padding that a tower was trained on, which the UNet reads too."""
    found = clip_tokenizer(vocabulary_file(spec), tower.n_positions)
    if tower.place.is_open_clip or tower.activation == "gelu":
        found.pad_token = "!"  # open_clip pads with the first piece, OpenAI with the last
    return found
