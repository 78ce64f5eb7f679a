"""Token states as image models read them, against the pipelines' own `encode_prompt`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from namebasis.encoders.conditioner import load_conditioner
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from tests.encoders.conftest import shaken, write_pipeline
from tests.encoders.single_file.checkpoints import (
    open_clip_keys,
    text_model,
    transformers_keys,
    write,
    write_folder,
)

Tiny = Callable[[str], Path]
NAMES = ["Vicki", "Zoë O'Brien", "Vicki"]
TEMPLATES = ("a photo of {}", "{}", "a photo of {}, laughing")


def moved(folder: Path, part: str, source: Path) -> None:
    """Put a model and its tokenizer into a pipeline's folder."""
    words = part.replace("text_encoder", "tokenizer")
    shutil.copytree(source, folder / part)
    (folder / words).mkdir()
    for path in (folder / part).glob("*token*"):
        path.rename(folder / words / path.name)


def edited(folder: Path, **parts: Any) -> Path:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))
    return folder


@pytest.fixture(scope="module")
def pipelines(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("pipelines")
    made = {"sd": Path(tiny("sd")), "sdxl": place / "sdxl", "sd3": place / "sd3"}
    shutil.copytree(tiny("sdxl"), made["sdxl"])
    edited(made["sdxl"], _class_name="StableDiffusionXLPipeline")
    projected = "CLIPTextModelWithProjection"
    write_pipeline(made["sd3"], {"text_encoder": projected, "text_encoder_2": projected})
    wide = place / "t5"
    shutil.copytree(tiny("t5"), wide)
    config = transformers.T5Config.from_pretrained(wide, trust_remote_code=False)
    config.d_model = 80  # wider than both CLIP encoders side by side, as published
    torch.manual_seed(3)
    shaken(transformers.T5EncoderModel(config)).save_pretrained(wide)
    moved(made["sd3"], "text_encoder_3", wide)
    t5 = ["transformers", "T5EncoderModel"]
    edited(made["sd3"], _class_name="StableDiffusion3Pipeline", text_encoder_3=t5)
    made["flux"] = place / "flux"
    write_pipeline(made["flux"], {"text_encoder": "CLIPTextModel"})
    moved(made["flux"], "text_encoder_2", tiny("t5"))
    edited(made["flux"], _class_name="FluxPipeline", text_encoder_2=t5)
    return made


def own_pipeline(folder: Path) -> Any:
    """The pipeline of diffusers itself, without an image model."""
    diffusers = pytest.importorskip("diffusers", reason="the extra diffusers is not installed")
    index = json.loads((folder / "model_index.json").read_text())
    parts: dict[str, Any] = {"vae": None, "scheduler": None}
    for part, value in index.items():
        if part.startswith("text_encoder"):
            kind = getattr(transformers, value[1])
            parts[part] = kind.from_pretrained(folder / part, trust_remote_code=False).eval()
            words = part.replace("text_encoder", "tokenizer")
            parts[words] = transformers.AutoTokenizer.from_pretrained(
                folder / words, trust_remote_code=False
            )
    name = index["_class_name"]
    if name == "StableDiffusionPipeline":
        parts |= {"safety_checker": None, "feature_extractor": None}
        parts["requires_safety_checker"] = False
    key = "unet" if name in ("StableDiffusionPipeline", "StableDiffusionXLPipeline") else None
    return getattr(diffusers, name)(**parts, **{key or "transformer": None})


def read_by_pipeline(pipeline: Any, prompt: str) -> np.ndarray:
    """What the image model is given of a prompt, (n_tokens, width)."""
    kind = type(pipeline).__name__
    more = {"StableDiffusion3Pipeline": {"prompt_2": None, "prompt_3": None},
            "FluxPipeline": {"prompt_2": None}}.get(kind, {})  # fmt: skip
    if kind != "FluxPipeline":
        more["do_classifier_free_guidance"] = False
    if not kind.startswith(("StableDiffusion3", "Flux")):
        more |= {"num_images_per_prompt": 1}
    with torch.inference_mode():
        return pipeline.encode_prompt(prompt, device="cpu", **more)[0][0].float().numpy()


def own_tokens(tokenizer: Any, template: str, name: str) -> slice:
    """Places of a name's tokens: behind those of the words before it."""
    n_special = int(tokenizer.bos_token_id is not None)
    n_before = len(tokenizer(template.split("{}")[0])["input_ids"]) - 1
    return slice(n_before, n_before + len(tokenizer(name)["input_ids"]) - 1 - n_special)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux"])
def test_they_are_what_the_pipeline_gives_its_image_model(
    pipelines: dict[str, Path], kind: str
) -> None:
    folder = pipelines[kind]
    pipeline, made = own_pipeline(folder), load_conditioner(f"diffusers:{folder}")
    for template in TEMPLATES:
        found = made.of_names(NAMES, template)
        for row, name in enumerate(NAMES):
            states = read_by_pipeline(pipeline, template.format(name))
            clip, t5 = states, states[:0]
            if kind == "sd3":  # CLIP's tokens, filled up with 0 to T5's width, then T5's
                n_clip = pipeline.tokenizer_max_length
                clip, t5 = states[:n_clip, :64], states[n_clip:]
            parts = []
            if kind != "flux":
                parts.append(clip[own_tokens(pipeline.tokenizer, template, name)])
            else:
                parts.append(states[own_tokens(pipeline.tokenizer_2, template, name)])
            if kind == "sd3":
                parts.append(t5[own_tokens(pipeline.tokenizer_3, template, name)])
            for view, pool in (("conditioning", lambda x: x.mean(0)),
                               ("conditioning_last", lambda x: x[-1])):  # fmt: skip
                expected = np.concatenate([pool(part) for part in parts])
                np.testing.assert_allclose(found[view][row], expected, atol=2e-5)


def test_a_clip_by_itself_is_read_as_by_stable_diffusion_1(tiny: Tiny) -> None:
    for spec in (f"hf:{tiny('clip')}", f"open_clip:local-dir:{tiny('open_clip')}"):
        encoder = load_encoder(spec)
        made = load_conditioner(encoder)
        assert (made.model, made.fingerprint) == (encoder.spec, encoder.fingerprint)
        assert made.settings == {"text": {"layer": "last"}}
        # The end token's state through the projection is the text's vector.
        assert made.dims["conditioning"] == 32
    model = transformers.CLIPModel.from_pretrained(tiny("clip"), trust_remote_code=False).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny("clip"), trust_remote_code=False)
    with torch.inference_mode():
        given = tokenizer(["a photo of Vicki"], return_tensors="pt")["input_ids"]
        states = model.text_model(given).last_hidden_state[0].numpy()
    places = own_tokens(tokenizer, "a photo of {}", "Vicki")
    found = load_conditioner(f"hf:{tiny('clip')}").of_names(["Vicki"], "a photo of {}")
    np.testing.assert_allclose(found["conditioning"][0], states[places].mean(0), atol=2e-5)


def test_a_name_without_a_token_has_none(tiny: Tiny) -> None:
    found = load_conditioner(f"hf:{tiny('clip')}").of_names(["", "Vicki"], "a photo of {}")
    for view in ("conditioning", "conditioning_last"):
        assert found[view].any(axis=1).tolist() == [False, True]


@pytest.mark.long
def test_a_file_is_read_as_the_folder_of_the_same_weights(tmp_path: Path) -> None:
    first = text_model(projected=False, activation="quick_gelu")
    second = text_model(projected=True, activation="gelu", seed=1)
    models = {"text_encoder": first, "text_encoder_2": second}
    folder = edited(write_folder(tmp_path / "xl", models), _class_name="StableDiffusionXLPipeline")
    prefix = "conditioner.embedders."
    state = {
        **transformers_keys(first, f"{prefix}0.transformer."),
        **open_clip_keys(second, f"{prefix}1.model."),
    }
    file = write(tmp_path / "xl.safetensors", state)
    made = load_conditioner(f"sd:{file}#text_encoder")
    assert made.model == f"sd:{file}"
    of_folder = load_conditioner(f"diffusers:{folder}")
    assert made.settings == of_folder.settings == {
        part: {"layer": "penultimate"} for part in models
    }  # fmt: skip
    expected = of_folder.of_names(NAMES, "a photo of {}")
    for view, rows in made.of_names(NAMES, "a photo of {}").items():
        np.testing.assert_allclose(rows, expected[view], atol=1e-5)
    assert load_conditioner(made.model).fingerprint == made.fingerprint
    old = transformers_keys(first, "cond_stage_model.transformer.")
    alone = load_conditioner(f"sd:{write(tmp_path / 'one.safetensors', old)}")
    assert alone.settings == {"text_encoder": {"layer": "last"}}


def test_what_no_image_model_reads_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="minilm is no text encoder of an image model"):
        load_conditioner("minilm")
    with pytest.raises(EncoderError, match="no text encoder of an image model"):
        load_conditioner(f"hf:{tiny('siglip')}")
    folder = Path(shutil.copytree(tiny("sd"), tmp_path / "other"))
    edited(folder, _class_name="WanPipeline")
    with pytest.raises(EncoderError, match="the image model of a WanPipeline reads is not known"):
        load_conditioner(f"diffusers:{folder}")
