"""Extractors: each kind's real loading path on a tiny model, values against the library's own."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.studies.attributes.axis_files import load_axis
from namebasis.validation.extractors import answer_scores
from namebasis.validation.extractors.base import Attribute, Extractor, Found, softmax
from namebasis.validation.extractors.classification import ages_of
from namebasis.validation.extractors.image_probe import (
    ProbeExtractor,
    load_probe,
    train_probe,
)
from namebasis.validation.extractors.onnx_input import ImageInput
from namebasis.validation.extractors.onnx_model import load_onnx
from namebasis.validation.extractors.questions import QUESTIONS, Answerer
from namebasis.validation.extractors.registry import KINDS, load_extractor
from namebasis.validation.extractors.zero_shot import ZeroShot

Models = Callable[[str], Path]
Pictures = list[Image.Image]


# ------------------------------------------------------------------------- the contract


def test_zero_shot_is_the_softmax_of_cosines(tiny: Models, pictures: Pictures) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    (found,) = ZeroShot(encoder, ["gender"]).measure(pictures)
    axis = load_axis("gender")
    prompts = [
        encoder.encode_text([t.format(p) for t in axis.templates for p in value.phrases]).mean(0)
        for value in axis.values
    ]
    unit = np.stack([row / np.linalg.norm(row) for row in prompts])
    expected = softmax(encoder.encode_images(pictures) @ unit.T / 0.01)
    np.testing.assert_allclose(found.shares, expected, atol=1e-4)
    np.testing.assert_allclose(found.values, found.shares @ [0, 0.5, 1])
    assert found.attribute.labels == ("masculine", "androgynous", "feminine")
    assert found.most_likely[0] == found.attribute.labels[int(expected[0].argmax())]


def test_a_batch_measures_what_single_images_do(tiny: Models, pictures: Pictures) -> None:
    extractor = load_extractor(f"zero-shot:hf:{tiny('clip')}", axes=["gender", "hair_colour"])
    calls: list[tuple[int, int]] = []
    together = extractor.measure(pictures, batch_size=2, progress=lambda a, b: calls.append((a, b)))
    for row, picture in enumerate(pictures):
        for whole, alone in zip(together, extractor.measure([picture]), strict=True):
            np.testing.assert_allclose(whole.shares[row], alone.shares[0], atol=1e-4)
    assert calls == [(2, 3), (3, 3)]
    assert np.isnan(together[1].values).all()  # hair colours have no order


def test_a_broken_image_is_measured_as_nothing_with_its_reason(
    tiny: Models, pictures: Pictures, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    extractor = load_extractor(f"zero-shot:hf:{tiny('clip')}", axes=["gender"])
    (found,) = extractor.measure([pictures[0], tmp_path / "broken.png", pictures[1]])
    assert np.isnan(found.shares[1]).all()
    assert found.most_likely[1] is None
    assert found.reasons[0] is None
    assert found.reasons[2] is None
    assert "is not an image that Pillow can read" in str(found.reasons[1])
    (alone,) = extractor.measure([pictures[1]])
    np.testing.assert_allclose(found.shares[2], alone.shares[0], atol=1e-4)


def test_no_images_are_no_measurements(tiny: Models) -> None:
    (found,) = load_extractor(f"zero-shot:hf:{tiny('clip')}", axes=["age"]).measure([])
    assert len(found) == 0
    assert found.shares.shape == (0, len(load_axis("age").values))


def test_what_is_not_finite_is_measured_as_nothing_with_its_reason() -> None:
    class Odd(Extractor):
        spec = "odd"
        attributes = (Attribute("hair", ("long", "short"), (1.0, 2.0)), Attribute("age"))

        def _measure(self, images: list[Image.Image]) -> list[Found]:
            shares = np.array([[0.25, 0.75], [np.nan, 0.5], [np.inf, 0.0], [np.nan, np.nan]])
            reasons = (None, None, None, "no face")
            return [Found(shares, reasons=reasons), Found(values=np.array([7, np.inf, np.nan, 9]))]

    hair, age = Odd().measure([Image.new("RGB", (4, 4))] * 4)
    why = "the model gave no finite number"
    assert hair.shares[0].tolist() == [0.25, 0.75]
    assert np.isnan(hair.shares[1:]).all()
    np.testing.assert_array_equal(hair.values, [1.75, np.nan, np.nan, np.nan])
    assert hair.reasons == (None, why, why, "no face")
    np.testing.assert_array_equal(age.values, [7, np.nan, np.nan, 9])
    assert age.reasons == (None, why, why, None)


def test_positions_must_be_one_per_label() -> None:
    with pytest.raises(ValueError, match="positions must be one per label, 2; got 1"):
        Attribute("age", ("young", "old"), (1.0,))


# --------------------------------------------------------------------- what can be loaded


@pytest.mark.parametrize("spec", ["zero-sho:minilm", "classify", "skin:", "", "onnx:"])
def test_an_unknown_spec_says_what_there_is(spec: str) -> None:
    with pytest.raises(EncoderError, match="unknown extractor") as caught:
        load_extractor(spec)
    assert all(form in str(caught.value) for form in KINDS.values())


def test_a_spec_nearly_right_gets_a_hint() -> None:
    with pytest.raises(EncoderError, match="Did you mean zero-shot"):
        load_extractor("zeroshot:minilm")


def test_an_axis_is_measured_once() -> None:
    with pytest.raises(ValueError, match="each axis may be asked for once; got age, age"):
        load_extractor("skin", axes=["age", "age"])


def test_zero_shot_needs_images_and_text() -> None:
    with pytest.raises(EncoderError, match="does not read both images and text"):
        load_extractor("zero-shot:minilm")


def test_mivolo_is_refused_without_the_flag() -> None:
    with pytest.raises(EncoderError, match=r"Read it and its licence first.*--allow-remote-code"):
        load_extractor("mivolo")


# ------------------------------------------------------------------------- classifiers


def test_a_classifier_of_age_groups_gives_years(models: Models, pictures: Pictures) -> None:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    extractor = load_extractor(f"classify:{models('ages')}", attribute="age")
    (found,) = extractor.measure(pictures)
    model = AutoModelForImageClassification.from_pretrained(models("ages"))
    given = AutoImageProcessor.from_pretrained(models("ages"))(pictures, return_tensors="pt")
    with torch.inference_mode():
        expected = model(**given).logits.softmax(-1).numpy()
    np.testing.assert_allclose(found.shares, expected, atol=1e-5)
    np.testing.assert_allclose(found.values, expected @ [1.5, 25.0, 75.0], atol=1e-3)
    assert (found.attribute.name, found.attribute.unit) == ("age", "years")
    assert extractor.licence == "apache-2.0"


@pytest.mark.parametrize(
    ("labels", "years"),
    [
        (("0-2", "3-9", "more than 70"), (1.5, 6.5, 75.0)),
        (("20 to 29", "70+"), (25.0, 75.0)),
        (("17", "18"), (17.0, 18.0)),
        (("child", "30-39"), None),
        (("male", "female"), None),
    ],
)
def test_labels_are_read_as_years_only_where_all_are(
    labels: tuple[str, ...], years: tuple[float, ...] | None
) -> None:
    assert ages_of(labels) == years


def test_a_classifier_of_many_labels_gives_a_share_each(models: Models, pictures: Pictures) -> None:
    smiling, glasses = load_extractor(f"classify:{models('face_attributes')}").measure(pictures)
    assert (smiling.attribute.name, glasses.attribute.name) == ("Smiling", "Eyeglasses")
    assert ((smiling.values > 0) & (smiling.values < 1)).all()
    assert not np.allclose(smiling.values + glasses.values, 1)


# ------------------------------------------------------------- models that write or answer


@pytest.mark.long
@pytest.mark.parametrize("kind", ["ask", "caption"])
def test_answers_are_scored_by_their_log_probability(
    kind: str, models: Models, pictures: Pictures
) -> None:
    """BLIP-2's own loss over the same tokens, minus that behind a grey image."""
    from transformers import Blip2ForConditionalGeneration, Blip2Processor

    extractor = load_extractor(f"{kind}:{models('blip2')}", axes=["gender"])
    (found,) = extractor.measure(pictures[:2])
    model = Blip2ForConditionalGeneration.from_pretrained(models("blip2")).eval()
    processor = Blip2Processor.from_pretrained(models("blip2"))
    axis = load_axis("gender")
    grey = Image.new("RGB", (224, 224), (128, 128, 128))

    def score(image: Image.Image, answer: str) -> float:
        prompt = f"Question: {QUESTIONS['gender']} Answer:" if kind == "ask" else ""
        given = processor(images=image, text=prompt, return_tensors="pt")
        tail = processor.tokenizer(answer, add_special_tokens=False, return_tensors="pt").input_ids
        n = tail.shape[1]
        ids = torch.cat([given["input_ids"], tail], dim=1)
        labels = torch.full_like(ids, -100)
        labels[:, -n:] = tail
        with torch.inference_mode():
            loss = model(
                pixel_values=given["pixel_values"], input_ids=ids,
                attention_mask=torch.ones_like(ids), labels=labels,
            ).loss  # fmt: skip
        return -float(loss) * n

    def of_value(image: Image.Image, number: int) -> float:
        value = axis.values[number]
        texts = (
            [f" {value.label}"]
            if kind == "ask"
            else [t.format(p) for p in value.phrases for t in axis.templates]
        )
        return float(np.mean([score(image, text) - score(grey, text) for text in texts]))

    expected = softmax([[of_value(image, n) for n in range(3)] for image in pictures[:2]])
    np.testing.assert_allclose(found.shares, expected, atol=1e-4)


@pytest.mark.parametrize(("kind", "model"), [("ask", "llava"), ("caption", "blip2")])
def test_an_image_is_seen_once_and_its_answers_run_together(
    kind: str, model: str, models: Models, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against one run per answer, in which the tower sees the image again every time.

    Of captions the runs alone are counted: their values are held above.
    """
    runs: Counter[bool] = Counter()  # of the tower, and of the whole

    def counted(extractor: Extractor) -> Extractor:
        whole = extractor._model  # type: ignore[attr-defined]
        for name, part in whole.named_modules():
            if name == "" or name.endswith("patch_embedding"):
                part.register_forward_pre_hook(lambda *_, name=name: runs.update([bool(name)]))
        return extractor

    counted(load_extractor(f"{kind}:{models(model)}")).measure(pictures[:2])
    n_answers = {"ask": 37, "caption": 888}[kind]
    assert runs[True] == 3  # two pictures and the grey one
    assert 3 <= runs[False] <= 3 * n_answers / 10
    if kind == "caption":
        return
    extractor = counted(load_extractor(f"{kind}:{models(model)}", axes=["gender"]))
    (together,) = extractor.measure(pictures[:2])
    runs.clear()
    monkeypatch.setattr(answer_scores, "MOST_TOKENS", 1)
    monkeypatch.setattr(answer_scores, "_TOWERS", frozenset())
    (apart,) = counted(load_extractor(f"{kind}:{models(model)}", axes=["gender"])).measure(
        pictures[:2]
    )
    assert set(runs.values()) == {3 * 3}
    np.testing.assert_allclose(together.shares, apart.shares, atol=1e-5)
    assert np.ptp(apart.shares, axis=0).max() > 1e-3


def test_a_model_of_fixed_answers_sums_them_per_value(models: Models, pictures: Pictures) -> None:
    """Questions of unequal length are put together, and answered as each alone."""
    from transformers import ViltForQuestionAnswering, ViltProcessor

    extractor = load_extractor(f"ask:{models('vilt')}", axes=["gender", "age"])
    (found,) = extractor.measure(pictures[:1])  # age has no answer there
    model = ViltForQuestionAnswering.from_pretrained(models("vilt")).eval()
    processor = ViltProcessor.from_pretrained(models("vilt"))
    axes = [load_axis("gender"), replace(load_axis("gender"), name="sex")]
    both = Answerer(model, processor, "both", axes).measure(pictures[:1])
    np.testing.assert_allclose(both[0].shares, found.shares, atol=1e-5)
    for one, question in zip(both, (QUESTIONS["gender"], "What is the sex of the person?"),
                             strict=True):  # fmt: skip
        with torch.inference_mode():
            given = processor(pictures[0], question, return_tensors="pt")
            chances = model(**given).logits[0].softmax(-1).numpy()
        man, woman = chances[1], chances[2]
        expected = np.array([man, 0.0, woman]) / (man + woman)
        np.testing.assert_allclose(one.shares[0], expected, atol=1e-5)


def test_a_model_without_an_answer_for_any_axis_is_refused(models: Models) -> None:
    with pytest.raises(EncoderError, match="none of its 5 answers are values of age"):
        load_extractor(f"ask:{models('vilt')}", axes=["age"])


# ------------------------------------------------------------------------------- taggers


def test_a_tagger_gathers_tags_into_axes(models: Models, pictures: Pictures) -> None:
    import timm
    from safetensors.torch import load_file
    from timm.data import create_transform

    extractor = load_extractor(
        f"tagger:{models('tagger')}", axes=["hair_colour", "age"], tags=["1girl"]
    )
    hair, girl = extractor.measure([pictures[1]])  # square: nothing to pad
    options = {"img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 1, "num_heads": 2}
    model = timm.create_model("vit_tiny_patch16_224", num_classes=6, **options).eval()
    model.load_state_dict(load_file(models("tagger") / "model.safetensors"))
    transform = create_transform(
        (3, 32, 32), mean=[0.5] * 3, std=[0.5] * 3, crop_pct=1.0, interpolation="bicubic"
    )
    with torch.inference_mode():
        bgr = transform(pictures[1])[[2, 1, 0]]
        chances = model(bgr[None])[0].sigmoid().numpy()
    labels = list(hair.attribute.labels)
    expected = np.zeros(len(labels))
    for label, tag in (("black", 2), ("blond", 3), ("red", 5)):
        expected[labels.index(label)] = chances[tag]
    np.testing.assert_allclose(hair.shares[0], expected / expected.sum(), atol=1e-4)
    np.testing.assert_allclose(girl.values, chances[:1], atol=1e-4)
    assert girl.attribute.name == "1girl"


def test_a_tag_that_is_not_there_is_named(models: Models) -> None:
    with pytest.raises(EncoderError, match="has no tag 'halo' among its 6"):
        load_extractor(f"tagger:{models('tagger')}", tags=["halo"])


def test_a_tagger_without_its_table_is_refused(models: Models, tmp_path: Path) -> None:
    folder = shutil.copytree(models("tagger"), tmp_path / "tagger")
    (folder / "selected_tags.csv").unlink()
    with pytest.raises(EncoderError, match=r"no table of tags \(selected_tags.csv or tags.csv\)"):
        load_extractor(f"tagger:{folder}")
    (folder / "tags.csv").write_text("id,tag\n1,smile\n")
    with pytest.raises(EncoderError, match="needs a column name; it has id, tag"):
        load_extractor(f"tagger:{folder}")


# ---------------------------------------------------------------------------------- ONNX


def test_an_onnx_model_is_run_as_its_card_says(models: Models) -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    image = Image.new("RGB", (8, 8), (255, 128, 0))
    tint, level = load_extractor(f"onnx:{models('onnx')}/card.toml").measure([image])
    means = (np.array([255, 128, 0]) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(tint.shares[0], softmax(means), atol=1e-5)
    np.testing.assert_allclose(level.values, [means.mean()], atol=1e-5)
    assert level.shares.shape == (1, 0)
    assert level.attribute.unit == "share"


def edited(models: Models, folder: Path, old: str, new: str) -> Path:
    copied = Path(shutil.copytree(models("onnx"), folder / "model"))
    card = copied / "card.toml"
    text = card.read_text()
    assert old in text
    card.write_text(text.replace(old, new))
    return card


def test_channels_and_layout_follow_the_card(models: Models, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    card = edited(models, tmp_path, "size = [4, 4]", 'size = [4, 4]\nchannels = "bgr"')
    tint, _ = load_onnx(card).measure([Image.new("RGB", (8, 8), (255, 128, 0))])
    means = (np.array([0, 128, 255]) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(tint.shares[0], softmax(means), atol=1e-5)


def test_a_letterboxed_picture_lies_in_the_middle_or_at_the_corner() -> None:
    given, white = ImageInput((8, 8), scale=255.0), Image.new("RGB", (16, 8), (255, 255, 255))
    middle, corner = (given.array([white], at_corner=at)[0, 0] for at in (False, True))
    np.testing.assert_array_equal(middle[:, 0], [0, 0, 1, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(corner[:, 0], [1, 1, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("fit", "share"), [("", 0.5), ('\nfit = "stretch"', 1.0), ("\nfill = 255", 1.0)]
)
def test_proportions_are_kept_and_a_number_is_rescaled(
    fit: str, share: float, models: Models, tmp_path: Path
) -> None:
    """A white picture twice as wide as high fills half of the square, the rest is black."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    card = edited(models, tmp_path, "size = [4, 4]", f"size = [4, 4]{fit}")
    card.write_text(f"{card.read_text()}scale = 50.0\noffset = 7.0\n")
    _, level = load_onnx(card).measure([Image.new("RGB", (16, 8), (255, 255, 255))])
    np.testing.assert_allclose(level.values, [50 * (2 * share - 1) + 7], atol=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("size = [4, 4]", 'size = [4, 4]\nfit = "crop"', "fit must be one of letterbox, stretch"),
        ("size = [4, 4]", "size = [4, 4]\nfill = 300", "fill must be a grey value, 0 to 255; got"),
        ('licence = "MIT"', 'takes = "head"', "takes must be one of whole, face, person; got 'he"),
        ('licence = "MIT"', 'align = "arcface"', 'align is of faces; take takes = "face"'),
        ('licence = "MIT"', "margin = -1", "margin must lie between 0 and 2; got -1"),
        ('unit = "share"', 'unit = "share"\nscale = 0', "scale must not be 0"),
        ("positions = [0, 1, 2]", "scale = 2.0", "scale and offset are of a number"),
        ('name = "level"', 'name = "level"\ncolumns = [1, 1]', "columns must be"),
        ('file = "means.onnx"', 'file = "other.onnx"', "the card names this model, and it does"),
        ('file = "means.onnx"', "", "the card has no key 'file'"),
        ("size = [4, 4]", "size = [4]", r"size must be \[height, width\]; got \[4\]"),
        ("size = [4, 4]", "size = [4, 4]\nshape = 3", r"\[input\] has unknown keys shape"),
        ('activation = "softmax"', 'activation = "relu"', "activation must be one of softmax"),
        ('name = "means"', 'name = "mean"', "the model has no output 'mean'; it has means, level"),
        ('labels = ["red", "green", "blue"]', 'labels = ["red"]', "one per label, 1; got 3"),
        ("std = [0.5, 0.5, 0.5]", "std = [0.5, 0.0, 0.5]", "std and scale not 0"),
        ('licence = "MIT"', 'license = "MIT"', "unknown keys license"),
    ],
)
def test_a_card_that_breaks_its_form_is_refused(
    models: Models, tmp_path: Path, old: str, new: str, message: str
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    with pytest.raises(EncoderError, match=message):
        load_onnx(edited(models, tmp_path, old, new))


def test_raw_outputs_are_no_distribution(models: Models, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    card = edited(models, tmp_path, 'activation = "softmax"', 'activation = "none"')
    with pytest.raises(EncoderError, match="'means' is no distribution under activation 'none'"):
        load_onnx(card).measure([Image.new("RGB", (8, 8))])


# --------------------------------------------------------------------------------- probes


def test_a_probe_reads_what_it_was_trained_on_and_survives_the_disk(
    tiny: Models, tmp_path: Path
) -> None:
    """Dark and light pictures of 12 made-up names; the held-out names are told apart."""
    encoder = load_encoder(f"hf:{tiny('clip')}")
    rng = np.random.default_rng(0)
    images, labels, groups = [], [], []
    for number in range(48):
        low = 0 if number % 2 else 180
        images.append(Image.fromarray(rng.integers(low, low + 70, (16, 16, 3), dtype=np.uint8)))
        labels.append("dark" if number % 2 else "light")
        groups.append(f"name {number // 4}")
    attribute = Attribute("shade", ("light", "dark"), (0.0, 1.0))
    probe = train_probe(encoder.encode_images(images), labels, groups, attribute, encoder)
    assert probe.held_out > 0.9
    assert probe.chance == 0.5
    probe.save(tmp_path / "shade.safetensors")
    extractor = load_extractor(f"probe:{tmp_path / 'shade.safetensors'}")
    (found,) = extractor.measure(images)
    assert found.most_likely == tuple(labels)
    np.testing.assert_allclose(found.shares, probe.shares(encoder.encode_images(images)))
    assert load_probe(tmp_path / "shade.safetensors").held_out == probe.held_out


def test_shuffled_labels_are_chance(tiny: Models) -> None:
    """The held-out score must not see the training names."""
    encoder = load_encoder(f"hf:{tiny('clip')}")
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(120, encoder.dim)).astype(np.float32)
    labels = ["a", "b"] * 60
    groups = [f"name {at // 2}" for at in range(120)]
    probe = train_probe(vectors, labels, groups, Attribute("x", ("a", "b")), encoder)
    assert 0.2 < probe.held_out < 0.8


@pytest.mark.parametrize(
    ("labels", "groups", "message"),
    [
        (["a"] * 20 + ["c"] * 20, None, "x has no label 'c'; it has a, b"),
        (["a"] * 37 + ["b"] * 3, None, "'b' has 3 images; 8 are needed"),
        (["a", "b"] * 20, ["one"] * 40, "images of at least 8 names; got 1"),
        (["a", "b"] * 10, None, "must be as many; got 40, 20, 40"),
    ],
)
def test_a_probe_needs_enough_of_every_label(
    tiny: Models, labels: list[str], groups: list[str] | None, message: str
) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    vectors = np.random.default_rng(0).normal(size=(40, encoder.dim))
    groups = groups or [f"name {at}" for at in range(40)]
    with pytest.raises(ValueError, match=message):
        train_probe(vectors, labels, groups, Attribute("x", ("a", "b")), encoder)


def test_a_probe_whose_encoder_has_moved_says_who_asked_for_it(
    tiny: Models, tmp_path: Path
) -> None:
    place = Path(shutil.copytree(tiny("clip"), tmp_path / "clip"))
    encoder = load_encoder(f"hf:{place}")
    vectors = np.random.default_rng(0).normal(size=(40, encoder.dim))
    groups = [f"name {at}" for at in range(40)]
    probe = train_probe(vectors, ["a", "b"] * 20, groups, Attribute("x", ("a", "b")), encoder)
    probe.save(tmp_path / "x.safetensors")
    place.rename(tmp_path / "elsewhere")
    with pytest.raises(
        EncoderError, match=r"x\.safetensors reads vectors of another encoder: .*cl"
    ):
        load_extractor(f"probe:{tmp_path / 'x.safetensors'}")


@pytest.mark.long
def test_a_probe_of_other_weights_is_refused(tiny: Models, tmp_path: Path) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, encoder.dim))
    groups = [f"name {at}" for at in range(40)]
    probe = train_probe(vectors, ["a", "b"] * 20, groups, Attribute("x", ("a", "b")), encoder)
    other = load_encoder(f"hf:{tiny('clip_vision')}")
    with pytest.raises(EncoderError, match="Train it again"):
        ProbeExtractor(probe, other, "probe:x")
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    with pytest.raises(EncoderError, match="is no probe that namebasis saved"):
        load_probe(tmp_path / "no.safetensors")


# ------------------------------------------------------------------------------ segmented skin


def test_skin_by_a_face_parsing_model(models: Models) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (48, 40, 3), dtype=np.uint8))
    extractor = load_extractor(f"skin:{models('parser')}")
    lightness, hue = extractor.measure([image])
    assert lightness.attribute.unit == "L*"
    assert hue.attribute.unit == "degrees"
    (alone, _) = load_extractor("skin").measure([Image.new("RGB", (64, 64), (224, 172, 138))])
    assert abs(alone.values[0] - 74.4) < 1
    measured = np.isfinite(lightness.values[0])
    assert measured or "by segmentation" in str(lightness.reasons[0])


def test_a_parser_without_skin_is_refused(models: Models, tmp_path: Path) -> None:
    import json

    folder = shutil.copytree(models("parser"), tmp_path / "parser")
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": "background", "1": "road", "2": "hair"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="none of its labels is skin, face or nose; it has"):
        load_extractor(f"skin:{folder}")
