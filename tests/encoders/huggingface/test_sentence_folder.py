"""Folders of sentence-transformers: the rows of the library, or a refusal that names the part."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from tests.encoders.conftest import (
    SMALL,
    bert_tokenizer,
    clip_text_config,
    clip_tokenizer,
    n_tokens,
    pictures,
    shaken,
)

Tiny = Callable[[str], Path]
TEXTS = ["Vicki", "a photo of Anna", "ANNA", "the person the person the person the person", "an"]
LIBRARY = "needs sentence-transformers to compare with"


def bert(folder: Path, *, lower: bool) -> Path:
    from transformers import BertConfig, BertModel, BertTokenizer

    vocabulary = bert_tokenizer().get_vocab()
    tokenizer = BertTokenizer(vocab=vocabulary, model_max_length=20, do_lower_case=lower)
    config = BertConfig(**SMALL, vocab_size=n_tokens(tokenizer), max_position_embeddings=20)
    torch.manual_seed(0)
    shaken(BertModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def sentence_folder(
    place: Path, *, pooling: str = "mean", path: str = "1_Pooling", transformer: str = "",
    prompt: str | None = None, include_prompt: bool = True, lower: bool = False,
    longest: int | None = None, legacy: bool = False, normalize: bool = False,
    width: int | None = None,
) -> Path:  # fmt: skip
    folder = place / "sentence"
    bert(folder / transformer, lower=not lower)
    kind = "sentence_transformers.models."
    modules = [
        {"idx": 0, "name": "0", "path": transformer, "type": f"{kind}Transformer"},
        {"idx": 1, "name": "1", "path": path, "type": f"{kind}Pooling"},
    ]
    if normalize:
        (folder / "2_Normalize").mkdir()
        last = {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{kind}Normalize"}
        modules.append(last)
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / path).mkdir(exist_ok=True)
    known: dict[str, Any] = {"include_prompt": include_prompt}
    if legacy:
        known |= {"word_embedding_dimension": 32, f"pooling_mode_{pooling}_tokens": True}
        known |= {"pooling_mode_mean_tokens": pooling == "mean",
                  "pooling_mode_cls_token": pooling == "cls"}  # fmt: skip
        known.pop("pooling_mode_cls_tokens", None)
    else:
        known |= {"embedding_dimension": 32, "pooling_mode": pooling}
    (folder / path / "config.json").write_text(json.dumps(known))
    said = {"prompts": {"name": prompt or "", "other": "never "},
            "default_prompt_name": None if prompt is None else "name",
            "truncate_dim": width}  # fmt: skip
    (folder / "config_sentence_transformers.json").write_text(json.dumps(said))
    settings = {"max_seq_length": longest, "do_lower_case": lower}
    (folder / transformer / "sentence_bert_config.json").write_text(json.dumps(settings))
    return folder


GRID: list[dict[str, Any]] = [
    {}, {"pooling": "cls"}, {"pooling": "cls", "path": "2_Pooling"},
    {"pooling": "cls", "path": "pooling"}, {"pooling": "cls", "legacy": True},
    {"pooling": "cls", "normalize": True}, {"longest": 6}, {"lower": True},
    {"lower": True, "pooling": "cls"}, {"prompt": "the photo an "},
    {"prompt": "the photo an ", "include_prompt": False},
    {"prompt": "the photo an ", "include_prompt": False, "pooling": "cls"},
    {"prompt": "THE ", "lower": True, "include_prompt": False, "longest": 8},
    {"transformer": "0_Transformer", "pooling": "cls", "longest": 7},
    {"width": 8}, {"width": 8, "normalize": True}, {"width": 999},
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("options", GRID, ids=str)
def test_rows_are_the_librarys(tmp_path: Path, options: dict[str, Any]) -> None:
    library = pytest.importorskip("sentence_transformers", reason=LIBRARY)
    folder = sentence_folder(tmp_path, **options)
    theirs = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    expected = theirs.encode(TEXTS, normalize_embeddings=True, batch_size=1)
    rows = load_encoder(f"hf:{folder}", device="cpu").encode_text(TEXTS)
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    named = load_encoder(f"hf:{folder}", device="cpu").encode_names(["Anna"], "a photo of {}")
    np.testing.assert_allclose(named[0], expected[1], atol=1e-6)


def test_every_setting_of_the_grid_matters(tmp_path: Path) -> None:
    """Else equal rows would show nothing."""
    rows = {}
    for at, options in enumerate([{}, *GRID[1:2], *GRID[6:7], *GRID[9:12]]):
        folder = sentence_folder(tmp_path / str(at), **options)
        rows[str(options)] = load_encoder(f"hf:{folder}", device="cpu").encode_text(TEXTS)
    found = list(rows.values())
    for at, one in enumerate(found):
        for other in found[at + 1 :]:
            assert np.abs(one - other).max() > 1e-3


def test_lower_casing_matters_to_a_cased_tokenizer(tmp_path: Path) -> None:
    folder = sentence_folder(tmp_path, lower=True)
    lowered = load_encoder(f"hf:{folder}", device="cpu").encode_text(["ANNA", "anna"])
    np.testing.assert_array_equal(lowered[0], lowered[1])
    (folder / "sentence_bert_config.json").unlink()
    cased = load_encoder(f"hf:{folder}", device="cpu").encode_text(["ANNA", "anna"])
    assert np.abs(cased[0] - cased[1]).max() > 1e-3


def test_a_prompt_takes_its_place_from_the_text(tmp_path: Path) -> None:
    plain = load_encoder(f"hf:{sentence_folder(tmp_path / 'a')}", device="cpu")
    folder = sentence_folder(tmp_path / "b", prompt="the photo an ")
    asked = load_encoder(f"hf:{folder}", device="cpu")
    assert plain.max_tokens is not None
    assert asked.max_tokens == plain.max_tokens - 3
    assert asked.pieces(["anna"]) == plain.pieces(["anna"])


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("modules.json", [{"type": "custom.Transformer"}, {"type": "custom.Pooling"}],
         "its module custom.Transformer behind"),
        ("modules.json", [{"type": "sentence_transformers.models.Transformer"},
                          {"type": "my_pooling.Pooling"}], "its module my_pooling.Pooling"),
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}], "its module Dense"),
        ("modules.json", [{"type": "sentence_transformers.models.Transformer"}],
         "its modules are Transformer; known are"),
        ("modules.json", [{"type": "sentence_transformers.models.Transformer"},
                          {"type": "sentence_transformers.models.Pooling", "path": "../x"}],
         "lies outside the folder"),
        ("modules.json", {"a": 1}, "is no list of modules"),
        ("1_Pooling/config.json", {"pooling_mode": "max"}, r"pooling \['max'\] is not known"),
        ("1_Pooling/config.json", {"pooling_mode": ["cls", "mean"]}, "is not known; mean and cls"),
        ("1_Pooling/config.json", {"pooling_mode_lasttoken": True}, "is not known; mean and cls"),
        ("sentence_bert_config.json", {"transformer_task": "text-generation"},
         "its transformer_task 'text-generation' is not known"),
        ("sentence_bert_config.json", {"max_seq_length": "many"}, "must be a number of tokens"),
        ("config_sentence_transformers.json", {"truncate_dim": "8"},
         "truncate_dim must be a number of columns"),
        ("config_sentence_transformers.json", {"default_prompt_name": "x", "prompts": {}},
         "default prompt 'x' is not among"),
    ],
)  # fmt: skip
def test_what_is_not_done_is_named(tmp_path: Path, file: str, change: object, message: str) -> None:
    folder = sentence_folder(tmp_path)
    (folder / file).write_text(json.dumps(change))
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(f"hf:{folder}", device="cpu")
    assert "\n" not in str(caught.value)


def test_modules_of_a_model_with_a_projection_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = sentence_folder(tmp_path)
    for path in tiny("clip").iterdir():
        shutil.copyfile(path, folder / path.name)
    with pytest.raises(EncoderError, match=r"modules\.json pools a clip, which is not known"):
        load_encoder(f"hf:{folder}", device="cpu")


def clip_root(tiny: Tiny, place: Path) -> Path:
    """As sentence-transformers/clip-ViT-B-32 is: the CLIP in a folder, its modules at the root."""
    shutil.copytree(tiny("clip"), place / "0_CLIPModel")
    kind = "sentence_transformers.models.CLIPModel"
    modules = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": kind}]
    (place / "modules.json").write_text(json.dumps(modules))
    return place


def test_the_root_of_a_clip_is_read_from_its_folder(tiny: Tiny, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason=LIBRARY)
    root = clip_root(tiny, tmp_path)
    theirs = library.SentenceTransformer(str(root), device="cpu", local_files_only=True)
    encoder = load_encoder(f"hf:{root}", device="cpu")
    expected = theirs.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_text(TEXTS), expected, atol=1e-6)
    seen = theirs.encode(pictures(), normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_images(pictures()), seen, atol=1e-6)
    said = {"prompts": {"name": "photo "}, "default_prompt_name": "name"}
    (root / "config_sentence_transformers.json").write_text(json.dumps(said))
    with pytest.raises(EncoderError, match=r"stands before a CLIP's texts, .* into the templates"):
        load_encoder(f"hf:{root}", device="cpu")


def bare_clip(tiny: Tiny, place: Path, **more: Any) -> Path:
    """A CLIP of both halves as sentence-transformers 6 saves it: one module, Transformer."""
    folder = place / "clip"
    shutil.copytree(tiny("clip"), folder)
    kind = "sentence_transformers.base.modules.transformer.Transformer"
    modules = [{"idx": 0, "name": "0", "path": "", "type": kind}]
    (folder / "modules.json").write_text(json.dumps(modules))
    halves = {
        half: {"method": f"get_{half}_features", "method_output_name": "pooler_output"}
        for half in ("text", "image")
    }
    said = {"transformer_task": "feature-extraction", "modality_config": halves,
            "module_output_name": "sentence_embedding", **more}  # fmt: skip
    (folder / "sentence_bert_config.json").write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize("width", [None, 8])
def test_a_clip_of_one_module_is_read(width: int | None, tiny: Tiny, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason=LIBRARY)
    folder = bare_clip(tiny, tmp_path)
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"truncate_dim": width}))
    theirs = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encoder = load_encoder(f"hf:{folder}", device="cpu")
    assert encoder.dim == (width or 20)
    expected = theirs.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_text(TEXTS), expected, atol=1e-6)
    named = encoder.encode_names(["Anna"], "a photo of {}")
    np.testing.assert_allclose(named[0], expected[1], atol=1e-6)
    images = theirs.encode(pictures(), normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_images(pictures()), images, atol=1e-5)


def test_a_clip_of_one_module_with_settings_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = bare_clip(tiny, tmp_path, processing_kwargs={"text": {"padding": "max_length"}})
    with pytest.raises(EncoderError, match="its modules are Transformer; known are"):
        load_encoder(f"hf:{folder}", device="cpu")


def test_layers_behind_a_clip_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    root = clip_root(tiny, tmp_path)
    modules = json.loads((root / "modules.json").read_text())
    modules.append({"path": "1_Dense", "type": "sentence_transformers.models.Dense"})
    (root / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(EncoderError, match=r"its module CLIPModel behind"):
        load_encoder(f"hf:{root}", device="cpu")


# ------------------------------------------------------------------------------ padding


def test_aimv2_rows_are_those_of_the_causal_model(tmp_path: Path) -> None:
    """Its fast attention drops the causal mask where nothing is padded."""
    transformers = pytest.importorskip("transformers")
    if not hasattr(transformers, "Aimv2Model"):
        pytest.skip("this transformers has no AIMv2")
    tokenizer = clip_tokenizer()
    text = clip_text_config(tokenizer) | {"max_position_embeddings": 24}
    vision = {**SMALL, "image_size": 16, "patch_size": 8}
    config = transformers.Aimv2Config(text_config=text, vision_config=vision, projection_dim=20)
    torch.manual_seed(0)
    shaken(transformers.Aimv2Model(config)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = transformers.Aimv2Model.from_pretrained(tmp_path, attn_implementation="eager").eval()
    texts = ["Vicki", "a photo of Anna", "the photo"]
    with torch.inference_mode():
        expected = [
            model.get_text_features(**tokenizer([text], return_tensors="pt")) for text in texts
        ]
    whole = torch.cat([getattr(row, "pooler_output", row) for row in expected])
    rows = load_encoder(f"hf:{tmp_path}", device="cpu").encode_text(texts)
    expected_rows = torch.nn.functional.normalize(whole, dim=-1).numpy()
    np.testing.assert_allclose(rows, expected_rows, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "t5", "clip_text"])
def test_sound_models_keep_their_fast_attention(tiny: Tiny, kind: str) -> None:
    model: Any = load_encoder(f"hf:{tiny(kind)}", device="cpu").model  # type: ignore[attr-defined]
    assert model.config._attn_implementation in {"sdpa", None} or kind == "t5"
