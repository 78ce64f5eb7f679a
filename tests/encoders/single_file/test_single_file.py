"""Text encoders out of single files, against the same weights in a folder."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from namebasis.encoders.base import Encoder
from namebasis.encoders.loading import fingerprint_of
from namebasis.encoders.registry import load_encoder
from namebasis.encoders.single_file.reading import read_tower
from namebasis.encoders.single_file.towers import find_towers
from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
from namebasis.encoders.single_file.weights import open_weights
from namebasis.encoders.specs import full_spec
from namebasis.errors import MissingExtraError
from tests.encoders.single_file.checkpoints import (
    UNET,
    State,
    open_clip_keys,
    text_model,
    transformers_keys,
    write,
    write_folder,
)
from tests.lazily import library

library("open_clip", "the extra open-clip is not installed")
TEXTS = [
    "Vicki",
    "a photo of Anna",
    "",
    "Zoë O'Brien",
    "a photo of a person named Vicki",
    "a " * 99,
]
SD1, SD2 = "cond_stage_model.transformer.", "cond_stage_model.model."
REFINER = "conditioner.embedders.0.model."
XL_1, XL_2 = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An XL checkpoint and the folder of the same weights."""
    place = tmp_path_factory.mktemp("xl")
    first = text_model(projected=False, activation="quick_gelu", seed=1)
    second = text_model(projected=True, activation="gelu", seed=2)
    write_folder(place / "xl", {"text_encoder": first, "text_encoder_2": second})
    state = transformers_keys(first, XL_1) | open_clip_keys(second, XL_2) | UNET
    write(place / "xl.safetensors", state)
    return place


@pytest.fixture(scope="module")
def words() -> Any:
    return clip_tokenizer(vocabulary_file("sd:x"), 77)


def library_rows(model: Any, words: Any, texts: list[str]) -> np.ndarray:
    """What a pipeline computes: padded to the full length, pooled at the end token."""
    given = words(texts, padding="max_length", truncation=True, return_tensors="pt")
    with torch.inference_mode():
        output = model(given["input_ids"])
    rows = output.text_embeds if hasattr(output, "text_embeds") else output.pooler_output
    return torch.nn.functional.normalize(rows, dim=-1).numpy()


def check_rows(encoder: Encoder, model: Any, words: Any) -> None:
    np.testing.assert_allclose(
        encoder.encode_text(TEXTS), library_rows(model, words, TEXTS), atol=1e-5
    )
    names = ["Vicki", "Zoë O'Brien"]
    prompts = [f"a photo of {name}, smiling" for name in names]
    np.testing.assert_allclose(
        encoder.encode_names(names, "a photo of {}, smiling"),
        library_rows(model, words, prompts), atol=1e-5,
    )  # fmt: skip
    assert encoder._fast is not None, "the library's own forward is 30 times slower"
    assert encoder.max_tokens == 75


@pytest.mark.long
@pytest.mark.parametrize(
    ("asked", "part"),
    [("", "text_encoder_2"), ("#text_encoder", "text_encoder")],
)
def test_xl_is_read_as_its_folder(made: Path, words: Any, asked: str, part: str) -> None:
    import transformers

    found = load_encoder(f"sd:{made / 'xl.safetensors'}{asked}")
    expected = load_encoder(f"diffusers:{made / 'xl'}#{part}")
    np.testing.assert_allclose(found.encode_text(TEXTS), expected.encode_text(TEXTS), atol=1e-5)
    np.testing.assert_array_equal(found.token_embeddings(TEXTS), expected.token_embeddings(TEXTS))
    assert found.fingerprint == expected.fingerprint  # the same weights under the same names
    assert found.spec == f"sd:{made / 'xl.safetensors'}#{part}"
    is_second = part.endswith("_2")
    kind = transformers.CLIPTextModelWithProjection if is_second else transformers.CLIPTextModel
    folder = made / "xl" / part
    model = kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    check_rows(found, model, words)


def check_model(file: Path, model: Any) -> None:
    """The tower in a file is a model: of its class, its weights and its settings."""
    opened = open_weights(file, "sd:x")
    (tower,) = find_towers(opened.shapes)
    found = read_tower(opened, tower)
    assert type(found) is type(model)
    state, expected = found.state_dict(), model.state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        assert torch.equal(tensor, expected[name]), name
    for setting in ("hidden_act", "num_attention_heads", "eos_token_id", "layer_norm_eps"):
        assert getattr(found.config, setting) == getattr(model.config, setting), setting


@pytest.mark.long
def test_sd_2_leaves_out_the_last_layer_and_the_projection(tmp_path: Path) -> None:
    whole = text_model(projected=True, activation="gelu", n_layers=3)
    read = text_model(projected=False, activation="gelu", n_layers=2)
    own = {name.removeprefix("text_model."): t for name, t in whole.state_dict().items()}
    read.load_state_dict({name: own[name] for name in read.state_dict()})
    check_model(write(tmp_path / "sd2.safetensors", open_clip_keys(whole, SD2) | UNET), read)
    # One that was converted from diffusers lacks both already.
    check_model(write(tmp_path / "back.safetensors", open_clip_keys(read, SD2) | UNET), read)


@pytest.mark.long
@pytest.mark.parametrize("form", ["checkpoint", "old", "alone", "projected", "ckpt"])
def test_clip_l_in_all_its_forms(form: str, tmp_path: Path) -> None:
    model = text_model(projected=form == "projected", activation="quick_gelu")
    if form in ("alone", "projected"):
        state: State = transformers_keys(model)
    else:
        state = transformers_keys(model, SD1) | UNET
    if form == "old":  # before transformers 4.2 there was no text_model in between
        state = {key.replace("text_model.", ""): t for key, t in state.items()}
    file = tmp_path / f"model.{'ckpt' if form == 'ckpt' else 'safetensors'}"
    if form == "ckpt":
        torch.save({"state_dict": state, "global_step": 7}, file)
    else:
        write(file, state)
        assert full_spec(str(file)) == f"sd:{file}"
    check_model(file, model)


@pytest.mark.long
@pytest.mark.parametrize("prefix", ["text_encoders.clip_g.transformer.", XL_2, REFINER])
def test_clip_g_in_all_its_forms(prefix: str, tmp_path: Path) -> None:
    model = text_model(projected=True, activation="gelu")
    keys = transformers_keys if prefix.startswith("text_encoders") else open_clip_keys
    file = write(tmp_path / "g.safetensors", keys(model, prefix))
    check_model(file, model)
    assert find_towers(open_weights(file, "sd:x").shapes)[0].place.part == "text_encoder_2"


@pytest.mark.long
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_other_precisions_are_read_as_they_are(dtype: torch.dtype, tmp_path: Path) -> None:
    model = text_model(projected=False, activation="quick_gelu").to(dtype)
    file = write(tmp_path / "small.safetensors", transformers_keys(model, SD1))
    check_model(file, model)
    if dtype == torch.float8_e4m3fn:
        rows = load_encoder(f"sd:{file}").encode_text(TEXTS)
        assert float((rows @ rows.T)[0, 1]) < 0.999  # computed in float32


def test_the_fingerprint_is_of_the_text_tower_alone(made: Path, tmp_path: Path) -> None:
    state = load_file(made / "xl.safetensors")
    key = f"{XL_1}text_model.encoder.layers.1.mlp.fc2.bias"
    other = {**state, next(iter(UNET)): torch.ones(4, 9, 3, 3)}  # an inpainting UNet
    found = []
    for given in (state, other, {**other, key: state[key] + 1}):
        file = write(tmp_path / "other.safetensors", given)
        opened = open_weights(file, "sd:x")
        model = read_tower(opened, find_towers(opened.shapes)[0])
        found.append(fingerprint_of(model.state_dict()))
    assert found[0] == found[1] != found[2]


def test_the_tokenizer_is_open_clip_s(words: Any) -> None:
    import open_clip

    theirs = open_clip.get_tokenizer("ViT-L-14")
    for text in ("Vicki", "Łukasz O'Brien-García", "山田 太郎", "rock'n'roll 1999 🙂"):
        assert words(text, add_special_tokens=False)["input_ids"] == theirs.encode(text)
    assert words("")["input_ids"] == [theirs.sot_token_id, theirs.eot_token_id]


def test_without_open_clip_the_extra_is_named(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "open_clip" else find(name)
    )
    with pytest.raises(MissingExtraError, match=r"CLIP's tokenizer needs an extra: .*\[open-clip"):
        load_encoder(f"sd:{made / 'xl.safetensors'}")


@pytest.mark.long
def test_only_the_text_tower_is_read(made: Path, tmp_path: Path) -> None:
    """A checkpoint of 3 GB costs what its text encoder costs."""
    import json
    import resource

    state = (made / "xl.safetensors").read_bytes()
    length = int.from_bytes(state[:8], "little")
    header, body = json.loads(state[8 : 8 + length]), state[8 + length :]
    size = 3_000_000_000
    header["model.diffusion_model.big.weight"] = {
        "dtype": "F16", "shape": [size // 2], "data_offsets": [len(body), len(body) + size],
    }  # fmt: skip
    text = json.dumps(header).encode()
    file = tmp_path / "big.safetensors"
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text + body)
        stream.truncate(8 + len(text) + len(body) + size)
    if os.stat(file).st_blocks * 512 > size // 2:
        pytest.skip("this file system has no sparse files")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = load_encoder(f"sd:{file}")
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown < size // 4
    assert found.spec == f"sd:{file}#text_encoder_2"
