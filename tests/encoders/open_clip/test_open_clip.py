"""Models of open_clip, loaded by their spec, against the library's own output."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from namebasis.encoders.loading import Source
from namebasis.encoders.open_clip import models as adapter
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, MissingExtraError
from tests.encoders.conftest import TEXTS, open_clip_config, pictures, shaken
from tests.lazily import library

open_clip = library("open_clip", "the extra open-clip is not installed")
Tiny = Callable[[str], Path]
PROMPTS = [*TEXTS, "Zoë &amp; Kofi", "a photo of " * 60]


def specs(folder: Path) -> list[str]:
    return [
        f"open_clip:local-dir:{folder}",
        f"open_clip:tiny-clip@{folder / 'tiny.pt'}",
        f"open_clip:tiny-clip@{folder / 'open_clip_model.safetensors'}",
    ]


def library(folder: Path) -> tuple[Any, Any]:
    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    return model.eval(), prepare


def test_rows_are_the_librarys_in_every_form(tiny: Tiny) -> None:
    folder = tiny("open_clip")
    model, prepare = library(folder)
    with torch.inference_mode():
        ids = open_clip.get_tokenizer("ViT-B-32")(PROMPTS)
        texts = model.encode_text(ids, normalize=True).numpy()
        images = torch.stack([prepare(image) for image in pictures()])
        seen = model.encode_image(images, normalize=True).numpy()
    fingerprints = set()
    for spec in specs(folder):
        encoder = load_encoder(spec)
        assert (encoder.spec, encoder.dim, encoder.has_images) == (spec, 20, True)
        np.testing.assert_allclose(encoder.encode_text(PROMPTS), texts, atol=1e-5)
        fingerprints.add(encoder.fingerprint)
    assert len(fingerprints) == 1, "one set of weights, whatever the file"
    own = load_encoder(specs(folder)[0])  # the only form that carries its preparation
    np.testing.assert_allclose(own.encode_images(pictures(), batch_size=2), seen, atol=1e-5)


def test_names_in_a_template_are_the_prompts(tiny: Tiny) -> None:
    encoder = load_encoder(specs(tiny("open_clip"))[0])
    names = ["Vicki", "O'Brien", "Zoë", "Vicki", "", "a &amp; b"]
    for template in ("a photo of {}", "{}, smiling", "{}"):
        prompts = [template.format(name) for name in names]
        np.testing.assert_allclose(
            encoder.encode_names(names, template), encoder.encode_text(prompts), atol=1e-6
        )


def test_names_read_before_do_not_linger(tiny: Tiny) -> None:
    """The last names read are kept for the next template; other names of that number come anew."""
    encoder = load_encoder(specs(tiny("open_clip"))[0])
    for names in (["Vicki", "Anna"], ["Zoë", "Kofi"], ["Anna", "Vicki"]):
        prompts = [f"a photo of {name}" for name in names]
        np.testing.assert_allclose(
            encoder.encode_names(names, "a photo of {}"), encoder.encode_text(prompts), atol=1e-6
        )


def test_token_facts_follow_the_tokenizer(tiny: Tiny) -> None:
    encoder = load_encoder(specs(tiny("open_clip"))[0])
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    words = library(tiny("open_clip"))[0].token_embedding.weight.detach().numpy()
    means = encoder.token_embeddings(TEXTS)
    for row, text in enumerate(TEXTS):
        ids = tokenizer.encode(text)
        assert encoder.tokenize(text) == [tokenizer.decoder[token] for token in ids]
        assert encoder.count_tokens([text])[0] == len(ids)
        expected = words[ids].mean(0) if ids else np.zeros(32)
        np.testing.assert_allclose(means[row], expected, atol=1e-6)


def test_a_tower_without_a_fast_forward_takes_the_librarys(tiny: Tiny, tmp_path: Path) -> None:
    """No causal mask: the tower attends to its padding."""
    config = open_clip_config()
    config["text_cfg"]["no_causal_mask"] = True
    config["custom_text"] = True
    (tmp_path / "tiny-open.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-open.json")
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-open").eval()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    encoder = load_encoder(f"open_clip:tiny-open@{tmp_path / 'weights.pt'}")
    with torch.inference_mode():
        ids = open_clip.get_tokenizer("tiny-open")(PROMPTS)
        expected = model.encode_text(ids, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_text(PROMPTS, batch_size=3), expected, atol=1e-5)
    names = encoder.encode_names(["Vicki"], "a photo of {}")
    np.testing.assert_allclose(names, encoder.encode_text(["a photo of Vicki"]), atol=1e-6)
    tokenizer = open_clip.get_tokenizer("tiny-open")
    assert encoder.pieces(["Anna"]) == [[tokenizer.decoder[t] for t in tokenizer.encode("Anna")]]
    assert encoder.count_tokens(["Anna", ""]).tolist() == [1, 0]


def test_a_hugging_face_text_tower_is_read_through_its_tokenizer(tmp_path: Path) -> None:
    import transformers

    from tests.encoders.conftest import SMALL, bert_tokenizer, n_tokens

    tokenizer = bert_tokenizer()
    size = {"vocab_size": n_tokens(tokenizer), "max_position_embeddings": 20}
    transformers.BertConfig(**SMALL, **size).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    config = open_clip_config()
    config["text_cfg"] = {
        "hf_model_name": str(tmp_path), "hf_tokenizer_name": str(tmp_path),
        "hf_pooler_type": "mean_pooler", "context_length": 16,
    }  # fmt: skip
    (tmp_path / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {}})
    )
    (tmp_path / "tiny-bert.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-bert.json")
    model = open_clip.create_model("tiny-bert", pretrained_text=False).eval()
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()},
        tmp_path / "open_clip_model.safetensors",
    )
    encoder = load_encoder(f"open_clip:local-dir:{tmp_path}")
    with torch.inference_mode():
        ids = open_clip.get_tokenizer(f"local-dir:{tmp_path}")(TEXTS)
        expected = model.encode_text(ids, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_text(TEXTS), expected, atol=1e-5)
    assert encoder.tokenize("vicki") == ["vic", "##ki"]
    assert encoder.token_dim == 32


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_keeps_the_fingerprint(tiny: Tiny, dtype: str) -> None:
    spec = specs(tiny("open_clip"))[0]
    plain = load_encoder(spec, device="cpu")
    half = load_encoder(spec, dtype=dtype, device="cpu")
    assert half.fingerprint == plain.fingerprint
    difference = np.abs(plain.encode_text(TEXTS) - half.encode_text(TEXTS)).max()
    assert 0 < difference < 0.01
    difference = np.abs(plain.encode_images(pictures()) - half.encode_images(pictures())).max()
    assert 0 < difference < 0.01


def test_listed_weights_come_by_their_tag(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file a tag names, its preparation and activation; only the download is replaced."""
    folder = tiny("open_clip")
    tag = {"hf_hub": "some/weights/", "mean": (0.5, 0.5, 0.5), "quick_gelu": True}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny-clip", {"mine": tag})
    from open_clip.transform import PreprocessCfg, image_transform_v2

    asked = []

    def find(kind: str, place: str, patterns: Any, revision: str | None) -> Source:
        asked.append((kind, place, patterns))
        return Source(folder, f"{kind}:{place}", "abc")

    monkeypatch.setattr(adapter, "find_source", find)
    encoder = load_encoder("open_clip:tiny-clip/mine")
    files = [["open_clip_model.safetensors"], ["open_clip_pytorch_model.bin"]]
    assert asked == [("hf", "some/weights", files)]
    assert encoder.spec == "open_clip:tiny-clip/mine"
    path = str(folder / "open_clip_model.safetensors")
    quick = open_clip.create_model(
        "tiny-clip",
        pretrained=path,
        force_quick_gelu=True,
        force_preprocess_cfg={"mean": tag["mean"]},
    ).eval()
    prepare = image_transform_v2(PreprocessCfg(**quick.visual.preprocess_cfg), is_train=False)
    assert quick.visual.preprocess_cfg["mean"] == (0.5, 0.5, 0.5)
    with torch.inference_mode():
        ids = open_clip.get_tokenizer("tiny-clip")(TEXTS)
        texts = quick.encode_text(ids, normalize=True).numpy()
        images = torch.stack([prepare(image) for image in pictures()])
        seen = quick.encode_image(images, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_text(TEXTS), texts, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_images(pictures()), seen, atol=1e-5)


# -------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("ViT-B-23/openai", r"open_clip has no model 'ViT-B-23'\. Did you mean ViT-B-32\?"),
        ("ViT-B-32", r"ViT-B-32 needs a tag; open_clip lists: openai, "),
        ("ViT-B-32/mine", r"needs a tag; open_clip lists: .*write open_clip:ViT-B-32@checkpoint"),
        ("ViT-B-32@no/such.pt", r"there is no checkpoint file .*no/such\.pt"),
        ("ViT-B-32@" + "x" * 5000, r"there is no checkpoint file x+\.$"),
        ("ViT-B-32@a\0b", r"there is no checkpoint file a\0b\.$"),
        ("local-dir:" + "x" * 5000, r"there is no such folder\."),
        ("local-dir:no/such/folder", r"there is no such folder\. Write open_clip:MODEL/TAG"),
        ("hf-hub:no/such/name", r"a hub's repository is named ORG/NAME"),
        ("hf-hub:some/thing", r"OFFLINE is set\)\. .* instead: open_clip:local-dir:FOLDER$"),
        (
            "ViT-B-32/openai",
            r"HF_HUB_OFFLINE is set\)\. Fetch .* open_clip:ViT-B-32/openai@FILE",
        ),
    ],
)
def test_a_wrong_spec_is_refused_in_one_line(rest: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(f"open_clip:{rest}")
    assert "\n" not in str(caught.value)


def test_random_weights_are_never_used(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("open_clip"), tmp_path / "bare"))
    state = load_file(folder / "open_clip_model.safetensors")
    del state["text_projection"]
    save_file(state, folder / "open_clip_model.safetensors")
    missing = r"cannot be read: Error.* for CLIP: Missing key\(s\) in state_dict: \"text_projection"
    with pytest.raises(EncoderError, match=missing):
        load_encoder(f"open_clip:local-dir:{folder}")
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"cannot be read: Required pretrained weights"):
        load_encoder(f"open_clip:local-dir:{folder}")
    (folder / "open_clip_config.json").unlink()
    with pytest.raises(EncoderError, match=r"holds no open_clip_config\.json"):
        load_encoder(f"open_clip:local-dir:{folder}")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.pt", b"", r"cannot be read: EOFError\. Is it a checkpoint of tiny-clip\?$"),
        ("text.pt", b"no weights", r"cannot be read: it is no checkpoint, or one that holds code"),
        ("cut.safetensors", bytes(7), r"cannot be read: .*header.*\. Is it a checkpoint of tiny-c"),
    ],
)
def test_files_that_are_no_checkpoint_are_refused(
    tiny: Tiny, tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    tiny("open_clip")  # lists tiny-clip
    (tmp_path / name).write_bytes(data)
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(f"open_clip:tiny-clip@{tmp_path / name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"width": 64}, {"layers": 3}, {"layers": 1}])
def test_a_checkpoint_of_another_architecture_is_refused(
    tiny: Tiny, tmp_path: Path, change: dict[str, int]
) -> None:
    """Of another width or depth: no layer is left out or made up."""
    weights = tiny("open_clip") / "open_clip_model.safetensors"
    config = open_clip_config()
    config["text_cfg"] |= change
    (tmp_path / "tiny-other.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-other.json")
    with pytest.raises(EncoderError, match=r"Is it a checkpoint of tiny-other\?$") as caught:
        load_encoder(f"open_clip:tiny-other@{weights}")
    assert "\n" not in str(caught.value)


def test_a_training_checkpoint_holds_the_same_weights(tiny: Tiny, tmp_path: Path) -> None:
    """As open_clip's own training writes it, from several GPUs."""
    state = torch.load(tiny("open_clip") / "tiny.pt", weights_only=True)
    wrapped = {f"module.{key}": value for key, value in state.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "epoch_3.pt")
    encoder = load_encoder(f"open_clip:tiny-clip@{tmp_path / 'epoch_3.pt'}")
    assert encoder.fingerprint == load_encoder(specs(tiny("open_clip"))[0]).fingerprint


def test_revisions_are_of_repositories_only(tiny: Tiny) -> None:
    with pytest.raises(EncoderError, match="only hf-hub: repositories have revisions"):
        load_encoder("open_clip:ViT-B-32/openai", revision="main")
    with pytest.raises(EncoderError, match="is a folder; a revision is for hub repositories"):
        load_encoder(specs(tiny("open_clip"))[0], revision="main")


def test_a_pickle_that_runs_code_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    import os

    class Hostile:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "was-here"),)

    tiny("open_clip")
    torch.save({"state_dict": Hostile()}, tmp_path / "hostile.pt")
    with pytest.raises(EncoderError, match=r"code, which is never run\. Save its state_dict as"):
        load_encoder(f"open_clip:tiny-clip@{tmp_path / 'hostile.pt'}")
    assert not (tmp_path / "was-here").exists()


def test_a_torchscript_archive_is_refused_without_the_librarys_advice(
    tiny: Tiny, tmp_path: Path
) -> None:
    """torch advises to load it with weights_only=False, which may run code."""
    tiny("open_clip")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "jit.pt"))
    with pytest.raises(EncoderError, match=r"code, which is never run\. .*state_dict") as caught:
        load_encoder(f"open_clip:tiny-clip@{tmp_path / 'jit.pt'}")
    assert "weights_only" not in str(caught.value)


def test_the_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'namebasis\[open-clip\]'"):
        load_encoder("open_clip:ViT-B-32/openai")


def test_logging_is_as_it_was(tiny: Tiny) -> None:
    before = logging.root.manager.disable
    load_encoder(specs(tiny("open_clip"))[0])
    assert logging.root.manager.disable == before


@pytest.mark.parametrize(
    ("mode", "tokenizer", "n_special"),
    [("", "siglip", 1), ("", "bert", 2), ("clips", "bert", 3)],
)
def test_max_tokens_is_what_the_tokenizer_keeps(
    tmp_path: Path, mode: str, tokenizer: str, n_special: int
) -> None:
    from tests.encoders import conftest

    inner = getattr(conftest, f"{tokenizer}_tokenizer")()
    if mode:  # its start and end
        inner.bos_token, inner.eos_token = "[CLS]", "[SEP]"
    inner.save_pretrained(tmp_path)
    config = open_clip_config()
    config["custom_text"] = True
    config["text_cfg"] |= {
        "hf_tokenizer_name": str(tmp_path), "context_length": 16, "no_causal_mask": True,
        "vocab_size": conftest.n_tokens(inner), "tokenizer_mode": mode,
    }  # fmt: skip
    (tmp_path / f"tiny-{tokenizer}{mode}.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / f"tiny-{tokenizer}{mode}.json")
    model = shaken(open_clip.create_model(f"tiny-{tokenizer}{mode}"))
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()},
        tmp_path / "open_clip_model.safetensors",
    )
    hub = {"model_cfg": config, "preprocess_cfg": {}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(hub))
    encoder = load_encoder(f"open_clip:local-dir:{tmp_path}")
    assert encoder.max_tokens == 16 - n_special
    whole = "a" * encoder.max_tokens if tokenizer == "siglip" else "a " * encoder.max_tokens
    assert encoder.count_tokens([whole])[0] == encoder.max_tokens
    rows = encoder.encode_text([whole, whole + " n", whole[:-2] + "n"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)  # one more is cut
    assert abs(rows[0] - rows[2]).max() > 1e-3  # the last one is read
