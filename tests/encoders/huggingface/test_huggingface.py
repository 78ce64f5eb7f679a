"""Models of transformers, loaded by their spec, against the library's own output."""

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
from safetensors.torch import load_file, save_file

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from tests.encoders.conftest import TEXTS, clip_text_config, clip_tokenizer, pictures, shaken

Tiny = Callable[[str], Path]


def unit(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows.detach().double(), dim=-1).numpy()


def library_text(folder: Path, texts: list[str]) -> np.ndarray:
    """The library's own way, with its padding and mask."""
    config = transformers.AutoConfig.from_pretrained(folder)
    kind = config.model_type
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    padding = "max_length" if "siglip" in kind else True
    given = tokenizer(texts, padding=padding, truncation=True, return_tensors="pt")
    if kind == "clip_text_model":
        model = transformers.CLIPTextModelWithProjection.from_pretrained(folder)
        return unit(model(**given).text_embeds)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    if hasattr(model, "get_text_features"):
        return unit(model.get_text_features(**given).pooler_output)
    mask = given["attention_mask"] if "attention_mask" in given else given["input_ids"] != 0
    model = model.get_encoder() if kind == "t5" else model
    states = model(input_ids=given["input_ids"], attention_mask=mask).last_hidden_state
    mask = mask[:, :, None].double()
    return unit((states * mask).sum(1) / mask.sum(1))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["clip", "clip_text", "siglip", "siglip2", "bert", "t5"])
def test_text_rows_are_the_librarys(tiny: Tiny, kind: str) -> None:
    encoder = load_encoder(f"hf:{tiny(kind)}")
    texts = [*TEXTS, "a photo of " * 30]  # longer than the context
    rows = encoder.encode_text(texts)
    expected = library_text(tiny(kind), texts)
    assert rows.dtype == np.float32
    assert rows.shape == (len(texts), encoder.dim)
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert np.ptp(expected @ expected.T) > 0.01, "the model must tell the texts apart"


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2", "clip_vision"])
def test_image_rows_are_the_librarys(tiny: Tiny, kind: str) -> None:
    folder = tiny(kind)
    rows = load_encoder(f"hf:{folder}").encode_images(pictures(), batch_size=2)
    given = transformers.AutoImageProcessor.from_pretrained(folder)(
        images=pictures(), return_tensors="pt"
    )
    if kind == "clip_vision":
        own = transformers.CLIPVisionModelWithProjection.from_pretrained(folder)
        expected = own(**given).image_embeds
    else:
        own = transformers.AutoModel.from_pretrained(folder)
        expected = own.get_image_features(**given).pooler_output
    np.testing.assert_allclose(rows, unit(expected), atol=1e-5)


@pytest.mark.parametrize("kind", ["clip", "siglip", "bert"])
def test_rows_do_not_depend_on_the_batch(tiny: Tiny, kind: str) -> None:
    encoder = load_encoder(f"hf:{tiny(kind)}")
    rows = encoder.encode_text(TEXTS)
    np.testing.assert_allclose(encoder.encode_text(TEXTS, batch_size=1), rows, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_text(TEXTS[::-1])[::-1], rows, atol=1e-6)
    one = np.concatenate([encoder.encode_text([text]) for text in TEXTS])
    np.testing.assert_allclose(one, rows, atol=1e-6)
    np.testing.assert_array_equal(rows[0], rows[5])  # equal texts
    names = ["Vicki", "Anna", "Vicki"]
    prompts = [f"a photo of {name}" for name in names]
    np.testing.assert_allclose(
        encoder.encode_names(names, "a photo of {}"), encoder.encode_text(prompts), atol=1e-6
    )
    assert encoder.encode_text([]).shape == encoder.encode_names([], "{}").shape == (0, encoder.dim)


@pytest.mark.parametrize("kind", ["clip", "siglip", "bert"])
def test_token_facts_follow_the_tokenizer(tiny: Tiny, kind: str) -> None:
    encoder = load_encoder(f"hf:{tiny(kind)}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny(kind))
    model = transformers.AutoModel.from_pretrained(tiny(kind))
    words = getattr(model, "text_model", model).get_input_embeddings().weight.detach()
    means = encoder.token_embeddings(TEXTS)
    for row, text in enumerate(TEXTS):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        pieces = encoder.tokenize(text)
        assert pieces == tokenizer.convert_ids_to_tokens(ids)
        assert encoder.count_tokens([text])[0] == len(pieces)
        expected = words[ids].mean(0).numpy() if ids else np.zeros(encoder.token_dim)
        np.testing.assert_allclose(means[row], expected, atol=1e-6)
    assert encoder.count_tokens(TEXTS).tolist() == [len(encoder.tokenize(t)) for t in TEXTS]
    assert encoder.pieces([]) == []


def test_a_single_text_tower_pools_what_its_pair_projects(tiny: Tiny, tmp_path: Path) -> None:
    """CLIPTextModelWithProjection cut out of a CLIPModel gives the pair's text rows."""
    pair = load_encoder(f"hf:{tiny('clip')}")
    tower = transformers.CLIPTextModelWithProjection.from_pretrained(tiny("clip"))
    tower.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(tiny("clip")).save_pretrained(tmp_path)
    alone = load_encoder(f"hf:{tmp_path}")
    np.testing.assert_allclose(alone.encode_text(TEXTS), pair.encode_text(TEXTS), atol=1e-6)
    assert not alone.has_images
    with pytest.raises(EncoderError, match=r"reads no images; use an encoder that does"):
        alone.encode_images(pictures())


@pytest.mark.parametrize("kind", ["CLIPTextModel", "CLIPTextModelWithProjection"])
def test_openais_own_files_pool_at_the_end_token(kind: str, tmp_path: Path) -> None:
    """Their configuration says that texts end at id 2, and their tokenizer is two plain files."""
    tokenizer = clip_tokenizer()
    config = {**clip_text_config(tokenizer), "eos_token_id": 2, "bos_token_id": 0,
              "pad_token_id": 1}  # fmt: skip
    model: Any = shaken(getattr(transformers, kind)(transformers.CLIPTextConfig(**config)))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    inner = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "vocab.json").write_text(json.dumps(inner["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in inner["merges"]]
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    texts = [*TEXTS, "a photo of " * 30]
    given = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
    output = model(given["input_ids"])
    expected = output.text_embeds if kind.endswith("Projection") else output.pooler_output
    encoder = load_encoder(f"hf:{tmp_path}")
    np.testing.assert_allclose(encoder.encode_text(texts), unit(expected), atol=1e-5)
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(EncoderError, match=r"cannot be read: .*merges"):
        load_encoder(f"hf:{tmp_path}")


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["clip", "siglip", "bert", "t5", "clip_vision"])
def test_half_precision_runs_on_the_cpu(tiny: Tiny, kind: str, dtype: str) -> None:
    plain = load_encoder(f"hf:{tiny(kind)}", device="cpu")
    half = load_encoder(f"hf:{tiny(kind)}", device="cpu", dtype=dtype)
    pairs = []
    if plain.has_text:
        pairs.append((plain.encode_text(TEXTS), half.encode_text(TEXTS)))
    if plain.has_images:
        pairs.append((plain.encode_images(pictures()), half.encode_images(pictures())))
    for rows, rough in pairs:
        assert rough.dtype == np.float32
        assert 0 < np.abs(rows - rough).max() < 0.01


def test_weights_in_shards_are_the_same_weights(tiny: Tiny, tmp_path: Path) -> None:
    model = transformers.AutoModel.from_pretrained(tiny("clip"))
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    transformers.AutoTokenizer.from_pretrained(tiny("clip")).save_pretrained(tmp_path)
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    whole = load_encoder(f"hf:{tiny('clip')}")
    assert load_encoder(f"hf:{tmp_path}").fingerprint == whole.fingerprint
    shards[1].unlink()
    with pytest.raises(EncoderError, match=rf"cannot be read: .*{shards[1].name}"):
        load_encoder(f"hf:{tmp_path}")


def test_a_vision_tower_alone_reads_no_text(tiny: Tiny) -> None:
    encoder = load_encoder(f"hf:{tiny('clip_vision')}")
    assert (encoder.has_text, encoder.has_images, encoder.dim) == (False, True, 20)
    for call in (encoder.encode_text, encoder.count_tokens, encoder.token_embeddings):
        with pytest.raises(EncoderError, match=r"^hf:.* reads no text; use an encoder that does"):
            call(["Vicki"])


def test_sentence_transformers_files_say_how_to_pool(tiny: Tiny, tmp_path: Path) -> None:
    folder = copy(tiny("bert"), tmp_path / "cls")
    (folder / "1_Pooling").mkdir()
    config = folder / "1_Pooling" / "config.json"
    config.write_text(
        json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})
    )
    model = transformers.AutoModel.from_pretrained(folder).eval()
    given = transformers.AutoTokenizer.from_pretrained(folder)(["anna"], return_tensors="pt")
    expected = unit(model(**given).last_hidden_state[:, 0])
    np.testing.assert_allclose(
        load_encoder(f"hf:{folder}").encode_text(["anna"]), expected, atol=1e-5
    )
    config.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(EncoderError, match=r"pooling \['max'\] is not known; mean and cls are"):
        load_encoder(f"hf:{folder}")
    (folder / "modules.json").write_text(
        json.dumps([{"type": "sentence_transformers.models.Dense"}])
    )
    with pytest.raises(EncoderError, match="module Dense behind the text model is not known"):
        load_encoder(f"hf:{folder}")


def test_the_fingerprint_is_of_the_weights_not_of_their_use(tiny: Tiny, tmp_path: Path) -> None:
    plain = load_encoder(f"hf:{tiny('clip')}")
    half = load_encoder(f"hf:{tiny('clip')}", dtype="bfloat16", device="cpu")
    assert half.fingerprint == plain.fingerprint
    assert plain.fingerprint.startswith("sha256:")
    rows, rough = plain.encode_text(TEXTS), half.encode_text(TEXTS)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rows - rough).max() < 0.1
    assert half.encode_images(pictures()).dtype == np.float32
    # Masked language models come without the pooler, which then holds random values.
    again = [load_encoder(f"hf:{tiny('bert')}").fingerprint for _ in range(2)]
    assert again[0] == again[1]
    changed = copy(tiny("clip"), tmp_path / "changed")
    state = load_file(changed / "model.safetensors")
    state["text_projection.weight"][0, 0] += 1e-3
    save_file(state, changed / "model.safetensors", metadata={"format": "pt"})
    assert load_encoder(f"hf:{changed}").fingerprint != plain.fingerprint


# -------------------------------------------------------------------------------- refusals


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def damage_nothing_there(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def damage_pickle_alone(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def damage_cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def damage_noise(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 200)


def damage_half_the_weights(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    del state["text_projection.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def damage_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def damage_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "surely-not-a-model"}')


def damage_no_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def damage_vocabulary(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    words = "text_model.embeddings.token_embedding.weight"
    state[words] = state[words][:100].clone()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] = 100
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing_there, r"weights are read from model\.safetensors; there is none"),
        (damage_pickle_alone, r"only pytorch_model\.bin, a pickle, which is never loaded"),
        (damage_cut, r"cannot be read: .*"),
        (damage_noise, r"cannot be read: .*"),
        (
            damage_half_the_weights,
            r"1 of the model's tensors are not in its file, such as text_pro",
        ),
        (damage_config, r"cannot be read: .*config\.json"),
        (damage_kind, r"cannot be read: .*surely-not-a-model"),
        (damage_no_tokenizer, r"holds no tokenizer .* save it there"),
        (damage_vocabulary, r"they do not belong together"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(
    tiny: Tiny, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    folder = copy(tiny("clip"), tmp_path / "broken")
    damage(folder)
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(f"hf:{folder}").encode_text(["vicki"])
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_pickle_is_not_read_beside_other_safetensors(tiny: Tiny, tmp_path: Path) -> None:
    folder = copy(tiny("clip"), tmp_path / "mixed")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.fp16.bin")
    (folder / "model.safetensors").rename(folder / "model_other.safetensors")
    with pytest.raises(EncoderError, match=r"cannot be read: .*safetensors"):
        load_encoder(f"hf:{folder}")


def test_images_need_to_know_their_preparation(tiny: Tiny, tmp_path: Path) -> None:
    folder = copy(tiny("clip"), tmp_path / "bare")
    (folder / "preprocessor_config.json").unlink()
    encoder = load_encoder(f"hf:{folder}")
    with pytest.raises(EncoderError, match=r"preprocessor_config\.json is missing; save it there"):
        encoder.encode_images(pictures())


def test_half_precision_files_alone_are_read(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "fp16"
    model: Any = transformers.AutoModel.from_pretrained(tiny("clip"))
    model.half().save_pretrained(folder, variant="fp16")
    transformers.AutoTokenizer.from_pretrained(tiny("clip")).save_pretrained(folder)
    assert not (folder / "model.safetensors").exists()
    encoder = load_encoder(f"hf:{folder}")
    np.testing.assert_allclose(
        encoder.encode_text(TEXTS), load_encoder(f"hf:{tiny('clip')}").encode_text(TEXTS), atol=5e-3
    )
