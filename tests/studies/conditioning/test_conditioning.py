"""Names as an image model reads them: views that every question takes, beside the pooled one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from namebasis.encoders.conditioner import load_conditioner
from namebasis.errors import EncoderError, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.computed.makers import mean_of_names
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.conditioning.results import Conditioning
from namebasis.studies.conditioning.study import condition
from namebasis.studies.topology.study import report
from tests.encoders.conftest import write_clip, write_pipeline
from tests.encoders.test_conditioner import edited

TEMPLATES = ("a photo of {}", "{}, laughing")
K = 4


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Conditioning:
    place = tmp_path_factory.mktemp("conditioning")
    parts = {"text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection"}
    write_pipeline(place / "xl", parts)
    edited(place / "xl", _class_name="StableDiffusionXLPipeline")
    rng = np.random.default_rng(0)
    names = {"".join(rng.choice(list("abcdefgh"), 5)).capitalize() for _ in range(45)}
    corpus = make_names([{"name": name, "part": "given"} for name in sorted(names)])
    path = place / "a.space"
    build_space(corpus, path, encoder=f"diffusers:{place / 'xl'}", templates=TEMPLATES)
    return open_space(path).condition(k=K)


def nearest_of(vectors: np.ndarray) -> list[set[int]]:
    near = vectors @ vectors.T
    np.fill_diagonal(near, -2)
    return [set(row[:K].tolist()) for row in np.argsort(-near, axis=1)]


def test_both_encoders_stand_side_by_side_in_the_spaces_templates(found: Conditioning) -> None:
    space = found.space
    assert space._store.dim("conditioning") == 64
    maker = load_conditioner(space.provenance.encoder)
    expected = mean_of_names(maker, list(space), TEMPLATES)
    for view, rows in expected.items():
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        np.testing.assert_allclose(space.vectors(view), units, atol=1e-5)


def test_it_says_how_far_they_agree_with_the_pooled_vector(found: Conditioning) -> None:
    pairs = [(one.left, one.right) for one in found.compared]
    assert pairs == [
        ("text", "conditioning"), ("text", "conditioning_last"),
        ("conditioning", "conditioning_last"),
    ]  # fmt: skip
    for one in found.compared:
        left, right = (nearest_of(found.space.vectors(view)) for view in (one.left, one.right))
        share = np.mean([len(a & b) / K for a, b in zip(left, right, strict=True)])
        assert one.overlap.overlaps[-1].share == pytest.approx(share)
    said = str(found)
    first = found.compared[0].overlap.overlaps[-1]
    assert f"{100 * first.share:.0f} % are nearest by the mean of its token states too" in said
    assert "text_encoder (what its last layer is given) and text_encoder_2 (what" in said
    assert f"Stored now of {len(found.space)} names" in said
    page = found.to_html()
    for part in ("Names as the image model reads them", "differ most in text (left)", "<svg"):
        assert part in page


def test_more_neighbours_than_there_are_is_refused(found: Conditioning) -> None:
    n = len(found.space)
    with pytest.raises(ValueError, match=rf"k must be at most {n - 2}: of {n} names each has"):
        condition(found.space, k=n - 1)


def test_questions_run_on_it_unchanged(found: Conditioning) -> None:
    space: Space = found.space  # type: ignore[assignment]
    name = space[0]["name"]
    for view in ("conditioning", "conditioning_last"):
        assert len(space.nearest(name, 3, view=view).names) == 3
        assert space.nearest("Zelda", 1, view=view).names  # read by the model, as if it were added
        assert 1 <= len(space.basis(name, 3, view=view, n_null=20, n_resamples=0).names) <= 3
        arranged = report(space, view=view, k=5, n_resamples=0, shape=False)
        assert len(arranged.ids) == len(space)


@pytest.mark.long
def test_rigidity_and_identity_read_whole_prompts_by_it(found: Conditioning) -> None:
    space: Space = found.space  # type: ignore[assignment]
    names = list(space)[:2]
    told = space.rigidity(names, n_made_up=20, view="conditioning")
    maker = load_conditioner(space.provenance.encoder)
    texts = [template.format(names[0]) for template in told.contexts]
    rows = maker.of_texts(texts)["conditioning"]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    centre = rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0))
    assert told.rows[0].spread.similarity.value == pytest.approx(
        float((rows @ centre).mean()), abs=1e-5
    )
    assert "prompts are read whole by diffusers:xl (conditioning); what" in told.footnotes()[0]
    one = space.identity(
        ["Abc Fgh"], n_made_up=20, n_swaps=6, with_contexts=False, view="conditioning_last"
    )
    assert one.own_directions.shape == (1, 64)
    with pytest.raises(ValueError, match=r"got 'denoiser'\. Make it with `namebasis denoise /"):
        space.rigidity(names, view="denoiser")


def test_what_is_stored_is_not_computed_again(
    found: Conditioning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "namebasis.studies.conditioning.study.load_conditioner",
        lambda _: pytest.fail("a model was loaded"),
    )
    again = open_space(found.space.path).condition(k=K)
    assert again.n_computed == 0
    assert "All names were computed before" in str(again)
    assert [one.overlap.cka for one in again.compared] == [
        one.overlap.cka for one in found.compared
    ]


def test_other_models_are_refused(found: Conditioning, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="minilm is no text encoder of an image model"):
        found.space.condition(encoder="minilm")  # type: ignore[attr-defined]
    torch.manual_seed(5)
    write_clip(tmp_path)
    with pytest.raises(SpaceError, match=r"differs in fingerprint and settings.*--rebuild"):
        found.space.condition(encoder=f"hf:{tmp_path}")  # type: ignore[attr-defined]
