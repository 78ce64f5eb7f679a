"""A celeb basis on a tiny Stable Diffusion: points by their numbers, and their files read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import namebasis as nb
from namebasis.analysis.sparse.components import load_components, principal_components
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, NamebasisError, SpaceError, TargetError
from namebasis.studies.celeb import CelebBasis
from namebasis.studies.celeb.embedding_files import write_embedding, write_embeddings
from namebasis.studies.celeb.points import Address, Point, checked_settings, read_settings
from tests.encoders.single_file.checkpoints import text_model, transformers_keys, write
from tests.lazily import library

library("open_clip", "the extra open-clip is not installed")

NAMES = [
    "Anna Smith", "Vicki Jones", "Mary Brown", "John Smith", "Peter Jones", "Linda Brown",
    "James Miller", "Susan Davis", "David Wilson", "Karen Moore", "Paul Taylor", "Laura White",
    "Vicki", "Mary", "John",
]  # fmt: skip
TEMPLATE = "a photo of {}, smiling"


@pytest.fixture(scope="module")
def model() -> Any:
    return text_model(projected=False, activation="quick_gelu")


@pytest.fixture(scope="module")
def space(model: Any, tmp_path_factory: pytest.TempPathFactory) -> nb.Space:
    folder = tmp_path_factory.mktemp("celeb")
    file = write(
        folder / "sd.safetensors", transformers_keys(model, "cond_stage_model.transformer.")
    )
    return nb.build_space(NAMES, folder / "my.space", encoder=f"sd:{file}", templates="person")


@pytest.fixture(scope="module")
def basis(space: nb.Space) -> CelebBasis:
    return space.celeb_basis()


def rows_of(model: Any, space: nb.Space, name: str) -> np.ndarray:
    """A name's rows in the model's own table."""
    pieces: Any = space.encoder()
    ids = pieces.tokenizer(name, add_special_tokens=False)["input_ids"]
    rows: np.ndarray = model.get_input_embeddings().weight.data[ids].numpy()
    return rows


@pytest.mark.long
def test_a_basis_is_the_components_of_the_pieces_at_each_position(
    model: Any, space: nb.Space, basis: CelebBasis, tmp_path: Path
) -> None:
    for at, components in enumerate(basis.positions):
        stack = [row[at] for row in (rows_of(model, space, n) for n in NAMES) if len(row) > at]
        expected = principal_components(np.stack(stack))
        np.testing.assert_allclose(components.directions, expected.directions, atol=1e-5)
    low, high = basis.ends(Address(2, 1))
    along = {
        name.split()[1].lower(): basis.along(basis.point(name))[1][0]
        for name in NAMES if " " in name
    }  # fmt: skip
    order = sorted(along, key=lambda piece: along[piece])
    assert (low, high) == (", ".join(order[:3]), ", ".join(order[::-1][:3]))
    basis.save(tmp_path / "b.safetensors")
    again = space.celeb_basis(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(again.positions[1].directions, basis.positions[1].directions)
    assert again.ends(Address(2, 1)) == (low, high)


def test_coefficients_are_the_projections_of_the_pieces(
    model: Any, space: nb.Space, basis: CelebBasis
) -> None:
    found = basis.coefficients("Vicki Smith", k=2)  # not stored: its pieces are
    assert (found.n_pieces, [piece.piece for piece in found.pieces]) == (2, ["vicki", "smith"])
    for piece, row, components in zip(
        found.pieces, rows_of(model, space, "Vicki Smith"), basis.positions, strict=True
    ):
        expected = components.directions @ (row - components.mean) / components.standard_deviations
        np.testing.assert_allclose(piece.coefficients, expected, atol=1e-4)
        away = row - components.mean
        shares = (components.directions @ away) ** 2 / (away @ away)
        np.testing.assert_allclose(piece.shares, shares, atol=1e-5)
        assert piece.held == pytest.approx(1, abs=1e-4)  # all pieces were in the fit
        first = found.tables()[piece.position - 1].rows[0]
        largest = int(shares.argmax())
        assert first[:2] == (f"{piece.position}.{largest + 1}", f"{expected[largest]:+.2f}")
    strange = basis.coefficients("Zbigniew Zbigniew")
    assert strange.n_pieces > 2
    assert f"{strange.n_pieces - 2} more piece" in strange.notes()[0]
    assert strange.pieces[0].held < 0.9
    assert found.to_arrow().num_rows == sum(one.n_components for one in basis.positions)


def test_a_morph_leads_from_name_to_name_through_what_lies_between(
    model: Any, space: nb.Space, basis: CelebBasis
) -> None:
    found = basis.morph("Anna Smith", "Peter Jones", n_steps=5, k=2)
    assert [step.share for step in found.steps] == [0, 0.25, 0.5, 0.75, 1]
    a, b = (rows_of(model, space, name) for name in ("Anna Smith", "Peter Jones"))
    for step in found.steps:
        expected = (1 - step.share) * a + step.share * b
        np.testing.assert_allclose(step.point.rows, expected, atol=1e-6)
    vectors = space.vectors()
    for step in found.steps:
        cosines = vectors @ step.vector
        near = [at for at in np.argsort(-cosines) if NAMES[at] not in ("Anna Smith", "Peter Jones")]
        assert step.names == tuple(NAMES[at] for at in near[:2])
        np.testing.assert_allclose(step.similarities, cosines[near[:2]], atol=1e-5)
        assert step.to_start == pytest.approx(cosines[0], abs=1e-5)
        assert step.to_end == pytest.approx(cosines[4], abs=1e-5)
    first, last = found.steps[0], found.steps[-1]
    np.testing.assert_allclose(first.vector, vectors[0], atol=1e-5)
    np.testing.assert_allclose(last.vector, vectors[4], atol=1e-5)
    assert (first.to_mix, last.to_mix) == pytest.approx((1, 1), abs=1e-5)
    assert found.between == pytest.approx(float(vectors[0] @ vectors[4]), abs=1e-5)
    assert f"the nearest names are {' and '.join(found.steps[2].names)};" in found.headline()
    alone = basis.morph("Anna Smith", "Peter Jones", n_steps=3, where="name = 'Nobody'")
    assert "no name lies near; the point is" in alone.headline()
    far = [
        np.abs(one.directions @ (x - y)) for one, x, y in zip(basis.positions, a, b, strict=True)
    ]
    expected_turns = sorted(
        ((size, (at + 1, one + 1)) for at, row in enumerate(far) for one, size in enumerate(row)),
        reverse=True,
    )
    assert [turn.address for turn in found.turns] == [each[1] for each in expected_turns[:6]]
    turn, along = found.turns[0], basis.along(basis.point("Peter Jones"))
    assert turn.end == pytest.approx(along[turn.address[0] - 1][turn.address[1] - 1], abs=1e-4)


def test_a_shorter_name_gets_the_mean_piece_behind(space: nb.Space, basis: CelebBasis) -> None:
    found = basis.morph("Vicki", "Anna Smith", n_steps=2)
    assert "--steps 3 and more" in found.headline()
    of_four = basis.morph("Vicki", "Anna Smith", n_steps=4).headline()
    assert of_four.startswith("33 % of the way from Vicki to Anna Smith (similarity ")
    np.testing.assert_allclose(found.steps[0].point.rows[1], basis.positions[1].mean)
    said = f"the end is {found.steps[0].to_start:.2f} like the name itself"
    assert [said in remark for remark in found.notes()] == [True]
    alone = basis.morph("Vicki", "Mary", n_steps=2)
    assert [len(step.point.rows) for step in alone.steps] == [1, 1]
    assert alone.notes() == ()


def test_a_composition_has_the_coefficients_that_were_set(
    space: nb.Space, basis: CelebBasis
) -> None:
    found = basis.compose({"3": 1.5, "2.1": -2})
    first, second = basis.along(found.point)
    expected = np.zeros_like(first), np.zeros_like(second)
    expected[0][2], expected[1][0] = 1.5, -2
    np.testing.assert_allclose(first, expected[0], atol=1e-4)
    np.testing.assert_allclose(second, expected[1], atol=1e-4)
    of_name = basis.compose({Address(1, 3): 1.5}, start="Anna Smith", k=4)
    before = basis.along(basis.point("Anna Smith"))
    before[0][2] = 1.5
    np.testing.assert_allclose(basis.along(of_name.point)[0], before[0], atol=1e-4)
    np.testing.assert_allclose(basis.along(of_name.point)[1], before[1], atol=1e-4)
    placed = np.mean(
        [space.encoder().encode_embedded([of_name.point.rows], t)[0]
         for t in space.provenance.templates], axis=0,
    )  # fmt: skip
    np.testing.assert_allclose(of_name.vector, placed / np.linalg.norm(placed), atol=1e-5)
    order = np.argsort(-(space.vectors() @ of_name.vector))[:4]
    assert of_name.names == tuple(NAMES[at] for at in order)
    assert of_name.moved == pytest.approx(float(space.vectors()[0] @ of_name.vector), abs=1e-5)
    plain = basis.compose(start="Anna Smith", k=1)
    assert (plain.names, plain.moved) == (("Anna Smith",), None)


def test_what_does_not_fit_is_refused(space: nb.Space, basis: CelebBasis, tmp_path: Path) -> None:
    cases: list[tuple[Any, str, type[Exception]]] = [
        (lambda: basis.compose({"9.1": 1}), "position of a comp.* and 2; got 9", ValueError),
        (lambda: basis.compose({"99": 1}), "component of the first piece .* got 99", ValueError),
        (lambda: basis.compose({"a": 1}), r"written 3 \(of the first piece\) or 2\.3", ValueError),
        (lambda: basis.compose({"2.1": 1}, start="Vicki"), "'Vicki' has 1 piece", ValueError),
        (lambda: basis.morph("Vicki", "vicki"), "have the same pieces", ValueError),
        (lambda: basis.point("Anna Maria Smith"), r"3 pieces.* with n_positions=3\.$", ValueError),
        (lambda: basis.point(" "), "has no piece", TargetError),
        (lambda: read_settings(["3"]), "such as 3=.1.5 or 2.1=-2; got '3'", ValueError),
        (lambda: read_settings(["3=nan"]), "a number of deviations", ValueError),
        (lambda: read_settings(["3=1", "1.3=2"]), "component 1.3 is set twice", ValueError),
        (lambda: checked_settings({"3": 1, "1.3": 2}), "component 1.3 is set twice", ValueError),
        (lambda: basis.compose({"3": 1e30}), "within 1,000 deviations of the mean", ValueError),
    ]  # fmt: skip
    for call, message, kind in cases:
        with pytest.raises(kind, match=message):
            call()
    assert read_settings(["3=+1.5", " 2.1 = -2"]) == {(1, 3): 1.5, (2, 1): -2}
    other = {**basis.positions[0].metadata, "encoder": "minilm", "fingerprint": "sha256:other"}
    with pytest.raises(EncoderError, match=r"fitted to pieces of minilm .*Fit one to this space"):
        CelebBasis(space, [replace(basis.positions[0], metadata=other)])
    from namebasis.studies.basis.components import fit_components

    fit_components(space).save(tmp_path / "text.safetensors")
    assert len(load_components(tmp_path / "text.safetensors")) == 1
    with pytest.raises(NamebasisError, match="'text' are of the view 'text', not of pieces"):
        space.celeb_basis(tmp_path / "text.safetensors")


# --------------------------------------------------------------------- textual inversions


@pytest.mark.long
def test_an_exported_point_is_a_word_for_our_encoder(
    space: nb.Space, basis: CelebBasis, tmp_path: Path
) -> None:
    point = basis.compose({"3": 1.5}, start="Vicki Jones").point
    expected = space.encoder().encode_embedded([point.rows], TEMPLATE)
    for form, name in (("a1111", "viki-x"), ("diffusers", "learned_embeds")):
        path = tmp_path / f"{name}.safetensors"
        said = write_embedding(point, path, form=form, word="viki-x")  # the first file's name
        assert said == "viki-x"
        taught = load_encoder(f"{space.provenance.encoder}+embedding:{path}")
        found = taught.encode_names(["viki-x"], TEMPLATE)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.long
def test_an_exported_point_is_a_word_for_diffusers(
    model: Any, space: nb.Space, basis: CelebBasis, tmp_path: Path
) -> None:
    diffusers = pytest.importorskip("diffusers", reason="the extra diffusers is not installed")
    from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file

    point = basis.compose({"2.1": 2}, start="Vicki Jones").point
    write_embedding(point, tmp_path / "viki.safetensors")
    write_embedding(point, tmp_path / "learned.safetensors", form="diffusers", word="<viki>")
    size = {"block_out_channels": (16, 16), "norm_num_groups": 8}
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, layers_per_block=1, cross_attention_dim=128, attention_head_dim=4, **size,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    for file, word in (("viki", "viki-word"), ("learned", None)):
        torch.manual_seed(0)
        pipe = diffusers.StableDiffusionPipeline(
            vae=diffusers.AutoencoderKL(**size, down_block_types=["DownEncoderBlock2D"] * 2,
                                        up_block_types=["UpDecoderBlock2D"] * 2),
            text_encoder=text_model(projected=False, activation="quick_gelu"), unet=unet,
            tokenizer=clip_tokenizer(vocabulary_file("sd:x"), 77), safety_checker=None,
            scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
            feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        pipe.load_textual_inversion(str(tmp_path / f"{file}.safetensors"), token=word)
        prompt = pipe.maybe_convert_prompt(TEMPLATE.format(word or "<viki>"), pipe.tokenizer)
        ids = pipe.tokenizer(prompt, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            pooled = pipe.text_encoder(ids).pooler_output
        expected = space.encoder().encode_embedded([point.rows], TEMPLATE)
        found = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_files_of_points_are_named_by_their_words(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    points = [Point(str(n), np.full((2, 4), n, np.float32)) for n in range(3)]
    words = write_embeddings(points, tmp_path / "way", encoder="sd:x#text_encoder_2+lora:y:1.0")
    assert words == ["way-1", "way-2", "way-3"]
    last = load_file(tmp_path / "way" / "way-3.safetensors")
    np.testing.assert_array_equal(last["clip_g"], points[2].rows)
    with pytest.raises(SpaceError, match=r"way-1.safetensors already exists"):
        write_embeddings(points, tmp_path / "way")
    for words_given, message in (
        ({"form": "comfy"}, "of the form a1111 or diffusers; got 'comfy'"),
        ({"word": "y"}, r"the file's name is the word; write y\.safetensors, or take the form"),
        (
            {"word": "two words"},
            "the word of a point holds no space and is not empty; got 'two words'",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            write_embedding(points[0], tmp_path / "x.safetensors", **words_given)
    with pytest.raises(ValueError, match="holds no space and is not empty; got 'my way'"):
        write_embeddings(points, tmp_path / "my way")
    with pytest.raises(ValueError, match=r"is written as \.safetensors; got 'x\.pt'"):
        write_embedding(points[0], tmp_path / "x.pt")
