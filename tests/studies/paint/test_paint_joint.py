"""One prompt for several encoders: brute force over all prompts, budgets, what is refused."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import EncoderError, TargetError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.paint.joint import JointEncoder, load_others
from namebasis.studies.paint.study import paint
from tests.encoders.conftest import write_sdxl
from tests.studies.toy import ToyEncoder

NAMES = "Ada Bo Cai Dee Eli Fay Gus Hal".split()
TARGET = "the queen of summer"
PROMPTS = ["a photo of " + ", ".join(names) for n in (1, 2, 3) for names in permutations(NAMES, n)]


class Other(ToyEncoder):
    """Reads other words, counts more pieces, and its cosines lie four times as close together."""

    spec, fingerprint, dim = "other", "sha256:other", 13
    max_tokens = 40

    def _embed(self, text: str) -> FloatArray:
        row = super()._embed(re.sub(r"\w+", lambda word: word[0][::-1] + "z", text))
        long = np.append(row * 0.5, np.sqrt(0.75))
        return np.asarray(long, dtype=np.float32)

    def count_tokens(self, texts: list[str]) -> IntArray:  # type: ignore[override]
        return 2 * super().count_tokens(texts)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("joint") / "a.space"
    names = make_names([{"name": name, "part": "given"} for name in NAMES])
    build_space(names, path, encoder=ToyEncoder(), templates=["a photo of {}"])  # type: ignore[arg-type]
    return open_space(path, encoder=ToyEncoder())  # type: ignore[arg-type]


def cosines(encoder: ToyEncoder, prompts: list[str]) -> np.ndarray:
    rows = encoder.encode_text([*prompts, TARGET])
    return rows[:-1] @ rows[-1]


@pytest.mark.parametrize("negative", [False, True])
def test_a_wide_beam_finds_the_best_weighted_mean(space: Space, negative: bool) -> None:
    found = paint(space, TARGET, 3, encoders=[Other()], beam=40, breadth=8, negative=negative)
    each = [cosines(encoder, PROMPTS) for encoder in (ToyEncoder(), Other())]
    singles = [cosines(one, [f"a photo of {name}" for name in NAMES]) for one in
               (ToyEncoder(), Other())]  # fmt: skip
    weights = np.array([1 / one.std() for one in singles])
    weights /= weights.sum()
    np.testing.assert_allclose(found.encoder_weights, weights, rtol=1e-4)
    joint = weights @ each
    best = int((joint.argmin if negative else joint.argmax)())
    assert found.prompt == PROMPTS[best]
    assert found.similarity == pytest.approx(joint[best], abs=1e-5)
    for told, values in zip(found.by_encoder, each, strict=True):
        assert told.similarity == pytest.approx(values[best], abs=1e-5)
        extreme = values.min() if negative else values.max()
        assert abs(told.best_tried - extreme) < 0.2
        assert (told.best_tried <= told.similarity) if negative else (
            told.best_tried >= told.similarity
        )  # fmt: skip


def test_each_cosine_is_reported(space: Space) -> None:
    found = paint(space, TARGET, 2, encoders=[Other()])
    assert [(one.encoder, one.target) for one in found.by_encoder] == [
        ("toy", TARGET), ("other", TARGET),
    ]  # fmt: skip
    assert found.target_similarities == ()
    said = "\n".join(found.notes())
    for one in found.by_encoder:
        told = f"cosine {one.similarity:.2f} of the plain prompt to {TARGET} in {one.encoder}"
        assert told in said
    assert found.to_dict()["by_encoder"][1]["encoder"] == "other"
    assert found.tables()[0].columns == ("encoder", "target", "cosine", "best tried")
    # Full names and tools that blend prompts are read by the space's own encoder.
    assert paint(space, TARGET, 2, encoders=[Other()], syntax="compel").ready is not None
    away = paint(space, TARGET, 2, encoders=[Other()], with_negative=True).opposite
    assert away is not None
    assert len(away.by_encoder) == 2


def test_the_budget_is_that_of_the_strictest(space: Space) -> None:
    counts = dict(zip(PROMPTS, Other().count_tokens(PROMPTS), strict=True))
    found = paint(space, TARGET, 3, encoders=[Other()], max_tokens=12)
    assert found.best.n_tokens == counts[found.prompt] <= 12
    joint = JointEncoder([ToyEncoder(), Other()], [0.5, 0.5])  # type: ignore[list-item]
    assert joint.max_tokens == 40


def test_a_stored_name_and_a_mix_are_read_in_the_templates(space: Space) -> None:
    found = paint(space, ["Ada", {"Bo": 1.0, "Cai": 1.0}], 2, encoders=[Other()], use_target=True)
    ada, mix = (one.target for one in found.by_encoder[2:])
    assert (ada, mix) == ("Ada", "Bo + Cai")
    rows = Other().encode_text([f"a photo of {name}" for name in ("Ada", "Bo", "Cai")])
    row = Other().encode_text([found.prompt])[0]
    middle = rows[1] + rows[2]
    assert found.by_encoder[2].similarity == pytest.approx(float(row @ rows[0]), abs=1e-5)
    assert found.by_encoder[3].similarity == pytest.approx(
        float(row @ middle / np.linalg.norm(middle)), abs=1e-5
    )


def test_what_does_not_fit_is_refused(space: Space) -> None:
    with pytest.raises(TargetError, match="a vector is of one encoder, and several are asked"):
        paint(space, np.ones(12, np.float32), encoders=[Other()])
    with pytest.raises(EncoderError, match="was built with toy, which reads every prompt in any"):
        paint(space, TARGET, encoders=[ToyEncoder()])
    with pytest.raises(ValueError, match="must be a list of specs"):
        paint(space, TARGET, encoders="minilm")
    with pytest.raises(TargetError, match="does not read images"):
        paint(space, Path("none.png"), encoders=[Other()])


def test_a_pipelines_folder_names_all_its_clip_encoders(space: Space, tmp_path: Path) -> None:
    write_sdxl(tmp_path)
    found = load_others(space, [f"diffusers:{tmp_path}"])
    assert [one.spec.partition("#")[2] for one in found] == ["text_encoder", "text_encoder_2"]
    assert len(load_others(space, [f"diffusers:{tmp_path}#text_encoder"])) == 1
