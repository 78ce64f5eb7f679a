"""Views of another model: stored beside the others, filled after `add`, refused when stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from namebasis.checks import FloatArray
from namebasis.errors import EncoderError, NamebasisHint, SpaceError, TargetError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.merging import merge
from namebasis.namespace.building.removing import drop, remove
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.computed import makers
from namebasis.namespace.computed.facts import ComputedFacts, facts_of
from namebasis.namespace.computed.making import compute_views
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.phrases.encoding import phrase_templates
from namebasis.namespace.phrases.sentences import guessed_sentence
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus, drawn

DIMS = {"conditioning": 6, "conditioning_last": 4}
NEW = make_names([{"name": name, "part": "given"} for name in ("Odd", "Even")])


class FakeMaker:
    """A vector that only the text decides; none for King."""

    model = "fake"
    dims = DIMS

    def __init__(self, salt: str = "", layer: int = 2) -> None:
        self.salt, self.fingerprint = salt, f"sha256:{salt}"
        self.settings = {"layer": layer}
        self.asked: list[str] = []

    def of_names(self, names: Sequence[str], template: str) -> Mapping[str, FloatArray]:
        self.asked += names
        found = self.of_texts([template.format(name) for name in names])
        has = np.array([name != "King" for name in names])[:, None]
        return {view: rows * has for view, rows in found.items()}

    def of_texts(self, texts: Sequence[str]) -> Mapping[str, FloatArray]:
        return {
            view: np.stack([drawn(f"{self.salt}{view} {text}", dim) for text in texts])
            for view, dim in DIMS.items()
        }


def open_fake(facts: ComputedFacts, device: str | None) -> FakeMaker:
    return FakeMaker()


@pytest.fixture(autouse=True)
def _opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for view in DIMS:
        monkeypatch.setitem(makers.OPENED_BY, view, f"{__name__}:open_fake")


def built(path: Path) -> Space:
    templates = ["a photo of {}", "{}"]
    build_space(corpus(), path, encoder=FakeEncoder(), templates=templates)  # type: ignore[arg-type]
    return open_space(path, encoder=FakeEncoder())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return compute_views(built(tmp_path_factory.mktemp("computed") / "a.space"), FakeMaker())


def expected(view: str, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    rows = [
        (drawn(f"{view} a photo of {name}", DIMS[view]) + drawn(f"{view} {name}", DIMS[view])) / 2
        for name in names
    ]
    length = np.linalg.norm(rows, axis=1)
    return np.stack(rows) / length[:, None], length


@pytest.mark.long
def test_it_is_the_mean_over_the_templates_scaled_with_its_length_beside(made: Space) -> None:
    assert made.views == ("text", "token", "conditioning", "conditioning_last")
    names = [name for name in made if name != "King"]
    for view in DIMS:
        rows = made.ids(view=view)
        assert [made[int(row)]["name"] for row in rows] == names
        vectors, lengths = expected(view, names)
        np.testing.assert_allclose(made.vectors(view, ids=rows), vectors, atol=1e-6)
        np.testing.assert_allclose(made.table([f"{view}_norm"], ids=rows)[0], lengths, rtol=1e-6)
        np.testing.assert_allclose(made.mean(view), vectors.mean(axis=0), atol=1e-6)
    assert made.vectors("conditioning")[1].tolist() == [0] * 6  # King has no vector
    made.check()


def test_questions_run_on_it_and_texts_go_through_its_model(made: Space) -> None:
    vectors = made.vectors("conditioning")
    order = np.argsort(-(vectors @ vectors[0]), kind="stable")
    assert list(made.nearest("Vicki", 3, view="conditioning").ids) == order[1:4].tolist()
    np.testing.assert_allclose(
        made.resolve("Zelda", view="conditioning").vector,
        expected("conditioning", ["Zelda"])[0][0], atol=1e-6,
    )  # fmt: skip
    plain = drawn("conditioning_last a senior lady", 4)
    np.testing.assert_allclose(
        made.resolve("a senior lady", view="conditioning_last").vector,
        plain / np.linalg.norm(plain), atol=1e-6,
    )  # fmt: skip
    with pytest.raises(TargetError, match="no vector in the view conditioning: it was not chosen"):
        made.nearest("King", view="conditioning")
    with pytest.raises(TargetError, match="an image has no vector in the conditioning view"):
        made.resolve(Path("photo.jpg"), view="conditioning")
    known = made.info()["computed"]["conditioning"]
    assert (known["names"], known["not_computed"], known["settings"]) == (58, 0, {"layer": 2})


def test_after_add_it_is_refused_until_the_new_names_are_computed(tmp_path: Path) -> None:
    space = compute_views(built(tmp_path / "a.space"), FakeMaker())
    before = space.vectors("conditioning")
    space = add_names(space, NEW)
    assert "2 names lack a vector in conditioning, conditioning_last yet; `namebasis" in str(
        space.summary
    )
    assert len(space.nearest("Vicki", 99)) == 61  # other views go on
    said = r"2 names were added since the view conditioning was computed. `namebasis condition /"
    for ask in (
        lambda: space.nearest("Vicki", view="conditioning"),
        lambda: space.nearest("Vicki", view="conditioning", where="part = 'given'"),
        lambda: space.vectors("conditioning"), lambda: space.ids(view="conditioning"),
        lambda: space.graph("conditioning"), lambda: space.mean("conditioning"),
        lambda: space.index("conditioning"), lambda: space.basis("Vicki", view="conditioning"),
    ):  # fmt: skip
        with pytest.raises(SpaceError, match=said):
            ask()
    maker = FakeMaker()
    space = compute_views(space, maker)
    assert set(maker.asked) == {"Odd", "Even", "King"}  # one without a vector is asked again
    np.testing.assert_array_equal(space.vectors("conditioning")[:60], before)
    np.testing.assert_allclose(
        space.vectors("conditioning")[60:], expected("conditioning", NEW.strings)[0], atol=1e-6
    )
    space.check()


def test_other_weights_or_settings_are_refused_or_replace_all(made: Space, tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"differs in fingerprint\. .* --rebuild`"):
        compute_views(made, FakeMaker("other"))
    with pytest.raises(SpaceError, match="differs in settings and templates"):
        compute_views(made, FakeMaker(layer=1), templates=["{}"])
    space = compute_views(built(tmp_path / "a.space"), FakeMaker("other"))
    with pytest.raises(EncoderError, match=r"has other weights now \(sha256:…\)"):
        space.resolve("Zelda", view="conditioning")
    again = compute_views(space, FakeMaker(), rebuild=True)
    np.testing.assert_array_equal(again.vectors("conditioning"), made.vectors("conditioning"))
    assert undo(again).space.vectors("conditioning")[0].tolist() == (
        space.vectors("conditioning")[0].tolist()
    )


def test_of_some_names_only_and_later_of_more(tmp_path: Path) -> None:
    space = compute_views(built(tmp_path / "a.space"), FakeMaker(), where="gender = 'F'")
    chosen = space.ids("gender = 'F'")
    assert space.ids(view="conditioning").tolist() == chosen.tolist()
    first = space.vectors("conditioning", ids=chosen)
    assert compute_views(space, FakeMaker())._store.version == space._store.version
    space = add_names(space, NEW)
    space = compute_views(space, FakeMaker())  # of no gender: looked at, and left out
    assert space.ids(view="conditioning").tolist() == chosen.tolist()
    space = compute_views(space, FakeMaker(), where="name != 'Odd'")
    assert set(space) - {"King", "Odd"} == {
        space[int(i)]["name"] for i in space.ids(view="conditioning")
    }
    np.testing.assert_array_equal(space.vectors("conditioning", ids=chosen), first)
    with (
        pytest.raises(SpaceError, match="no name is chosen by"),
        pytest.warns(NamebasisHint, match="no name passes"),
    ):
        compute_views(space, FakeMaker(), where="count > 1000000")


def test_phrases_are_read_as_their_sentences(tmp_path: Path) -> None:
    names = make_names(
        [{"name": "Vicki", "part": "given"}, {"name": "with a hat", "part": "phrase"}]
    )
    space = build_space(names, tmp_path / "a.space", encoder=FakeEncoder(), templates=["{}"])  # type: ignore[arg-type]
    vector = compute_views(space, FakeMaker()).vectors("conditioning")[1]
    texts = [template.format(guessed_sentence("with a hat")) for template in phrase_templates()]
    mean = np.mean([drawn(f"conditioning {text}", 6) for text in texts], axis=0)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-6)


def test_what_becomes_of_it_when_names_go_or_spaces_are_merged(made: Space, tmp_path: Path) -> None:
    space = compute_views(built(tmp_path / "a.space"), FakeMaker())
    report = remove(space, ["Vicki"])
    assert not any("computed before" in told for told in report.remarks)
    np.testing.assert_array_equal(
        report.space.vectors("conditioning"), made.vectors("conditioning")[1:]
    )
    merged = merge(report.space, made, tmp_path / "b.space")
    assert "conditioning" not in merged.space.views
    assert "conditioning_norm" not in merged.space.columns
    assert any("left out the view conditioning;" in told for told in merged.remarks)
    with pytest.raises(ValueError, match=r"got 'conditioning'. Make it with `namebasis condition"):
        merged.space.nearest("Vicki", view="conditioning")
    dropped = drop(report.space, ["conditioning"]).space
    assert "conditioning_norm" not in dropped.columns
    assert facts_of(open_space(dropped.path)._store, "conditioning_last").model == "fake"
