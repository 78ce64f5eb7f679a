"""Prompt search against brute force, within its budgets, and what it refuses."""

from __future__ import annotations

import json
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from namebasis.errors import EncoderError, TargetError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import open_space
from namebasis.studies.attributes.axis_files import load_axis
from namebasis.studies.paint.study import paint
from tests.studies.toy import DIM, ToyEncoder, ToySpace, word_vector

NAMES = "Ada Bo Cai Dee Eli Fay Gus Hal".split()
TARGETS = ["a brave old sailor", "the queen of summer", "somebody in the rain"]


@pytest.fixture
def space() -> Any:
    return ToySpace(NAMES)


def cosine(prompt: str, target: str) -> float:
    one, two = ToyEncoder().encode_text([prompt, target])
    return float(one @ two)


def all_prompts(n_names: int) -> list[str]:
    return [
        "a photo of " + ", ".join(names)
        for n in range(1, n_names + 1)
        for names in permutations(NAMES, n)
    ]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("negative", [False, True])
def test_a_wide_beam_finds_what_brute_force_finds(space: Any, target: str, negative: bool) -> None:
    found = paint(space, target, 3, beam=40, breadth=8, negative=negative)
    values = {prompt: cosine(prompt, target) for prompt in all_prompts(3)}
    best = (min if negative else max)(values, key=values.__getitem__)
    assert found.prompt == best
    assert found.similarity == pytest.approx(values[best], abs=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_the_greedy_chain_is_the_greedy_chain(space: Any, target: str) -> None:
    found = paint(space, target, 4, baseline=True)
    names: list[str] = []
    for step in found.greedy:
        rest = [name for name in NAMES if name not in names]
        names.append(
            max(rest, key=lambda n: cosine("a photo of " + ", ".join([*names, n]), target))
        )
        assert step.names == tuple(names)
        assert step.similarity == pytest.approx(cosine(step.prompt, target), abs=1e-6)
    assert [step.n_encodes for step in found.greedy] == [8, 15, 21, 26]


@pytest.mark.long
def test_the_search_beats_the_chain_for_fewer_encodes() -> None:
    syllables = "ka lo mi ne ru sa ti vo".split()
    space: Any = ToySpace(["".join(p).title() for p in product(syllables, repeat=3)])
    gains, encodes = [], []
    for target in TARGETS:
        found = paint(space, target, 5, candidates=400, beam=4, baseline=True)
        gains.append(found.similarity - found.greedy[-1].similarity)
        encodes.append(found.curve[-1].n_encodes / found.greedy[-1].n_encodes)
    assert min(gains) >= 0
    assert max(gains) > 0.01
    assert max(encodes) < 0.8


def test_similarities_are_those_of_the_prompts_encoded_anew(space: Any) -> None:
    found = paint(space, TARGETS[0], 4, baseline=True)
    for blend in (*found.curve, *found.greedy):
        assert blend.similarity == pytest.approx(cosine(blend.prompt, TARGETS[0]), abs=1e-6)
        assert blend.prompt == "a photo of " + ", ".join(blend.names)
        assert [space.names[i] for i in blend.ids] == list(blend.names)
        mean = space.vectors(ids=list(blend.ids)).mean(axis=0)
        linear = mean @ ToyEncoder().encode_text([TARGETS[0]])[0] / np.linalg.norm(mean)
        assert blend.linear_similarity == pytest.approx(float(linear), abs=1e-5)
    assert [len(blend.names) for blend in found.curve] == [1, 2, 3, 4]
    assert found.similarity == max(blend.similarity for blend in found.curve)


def test_every_prompt_is_encoded_once_and_counted(space: Any) -> None:
    found = paint(space, TARGETS[0], 3)
    encoded = space.encoder().encoded
    asked = encoded[1 : 1 + found.curve[-1].n_encodes]  # the first is the target
    assert len(set(asked)) == len(asked)
    assert all(prompt.startswith("a photo of ") for prompt in asked)
    assert found.greedy == ()


def test_equal_calls_give_equal_results(space: Any) -> None:
    one, two = (paint(ToySpace(NAMES), TARGETS[1], 3, seed=5) for _ in range(2))  # type: ignore[arg-type]
    assert one.prompt == two.prompt
    assert one.best.n_encodes == two.best.n_encodes


# --- templates and slots --------------------------------------------------------------------


def test_slots_and_names_are_searched_together(space: Any) -> None:
    moods = ["sad", "stern", "shy", "glad"]
    found = paint(
        space,
        TARGETS[2],
        2,
        template="a {mood} photo of {names}, {hair_length}",
        slots={"mood": moods},
        beam=64,
        breadth=8,
    )
    values = {
        f"a {mood} photo of {', '.join(names)}, {hair}": 0.0
        for mood in moods
        for hair in load_axis("hair_length").phrases
        for n in (1, 2)
        for names in permutations(NAMES, n)
    }
    rows = ToyEncoder().encode_text(list(values))
    cosines = rows @ ToyEncoder().encode_text([TARGETS[2]])[0]
    best = list(values)[int(cosines.argmax())]
    assert found.prompt == best
    assert found.best.phrases["mood"] != moods[0]  # neither is where the search starts
    assert set(found.best.phrases) == {"mood", "hair_length"}


def test_braces_in_a_template_are_text(space: Any) -> None:
    assert paint(space, "x", 1, template="{{a}} {names}").prompt.startswith("{a} ")


@pytest.mark.parametrize(
    ("template", "slots", "message"),
    [
        ("a photo", None, "needs {names}, as in"),
        ("{names} {names}", None, "{names} must stand there once"),
        ("{names} {shoe}", None, r"unknown slot {shoe}; there are age, .* or give its phrases"),
        ("{names} {age} {age}", None, "{age} must stand there once"),
        ("{names} {}", None, r"a field is {names} or {slot}; got {}"),
        ("{names:>9}", None, "got {names:>9}"),
        ("{names!r}", None, "got {names!r}"),
        ("{names", None, "cannot be read"),
        ("{names}", {"mood": ["glad"]}, "slots names mood, which template"),
        ("{names} {mood}", {"mood": []}, "slot 'mood' needs at least one phrase"),
        ("{names} {mood}", {"mood": [3]}, "slot 'mood' needs at least one phrase"),
    ],
)
def test_broken_templates_are_refused(space: Any, template: str, slots: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paint(space, "x", 2, template=template, slots=slots)


# --- budgets, filters, several targets ------------------------------------------------------


def test_the_budget_of_tokens_holds(space: Any) -> None:
    found = paint(
        space, TARGETS[0], 6, max_tokens=9, baseline=True
    )  # a photo of A , B , C and half a name
    assert max(blend.n_tokens for blend in found.curve) == 8
    assert [len(blend.names) for blend in found.curve] == [1, 2, 3]
    assert len(found.greedy) == 3
    assert all(len(ToyEncoder().tokenize(text)) <= 9 for text in space.encoder().encoded[1:])


def test_a_budget_that_the_template_fills_is_refused(space: Any) -> None:
    with pytest.raises(ValueError, match=r"max_tokens=3 leaves no room .* takes 3 tokens"):
        paint(space, "x", 2, max_tokens=3)
    long: Any = ToySpace(["one two three four", "five six seven eight"])
    with pytest.raises(ValueError, match="none of 2 names fits into max_tokens=5"):
        paint(long, "x", 2, max_tokens=5)


def test_denied_names_and_filters_hold(space: Any) -> None:
    used = paint(space, TARGETS[0], 3).names
    found = paint(space, TARGETS[0], 3, deny=[used[0].upper()])
    assert used[0] not in {name for blend in (*found.curve, *found.greedy) for name in blend.names}
    parts: Any = ToySpace(NAMES, ["given"] * 4 + ["family"] * 4)
    found = paint(parts, TARGETS[0], 3, where="part = 'family'")
    assert set(found.names) <= set(NAMES[4:])
    assert found.n_candidates == 4
    asked: list[str | None] = []
    parts.ids = lambda where=None, **_: asked.append(where) or np.empty(0, np.int64)
    with pytest.raises(ValueError, match=r"^where '.*' leaves no name to paint with\.$"):
        paint(parts, "x", 2, where="false")
    assert asked == ["false"], "a space says once why no name passes"
    with pytest.raises(ValueError, match=r"8 rows passed where=None, 8 names denied"):
        paint(space, "x", 2, deny=NAMES)


def test_a_target_that_is_stored_is_not_its_own_answer(space: Any) -> None:
    assert "Cai" not in paint(space, "Cai", 2).names
    assert paint(space, "Cai", 2, use_target=True).curve[0].names == ("Cai",)


def test_fewer_names_than_asked_for(space: Any) -> None:
    few: Any = ToySpace(["Ada", "Bo"])
    assert len(paint(few, TARGETS[0], 5).curve) == 2


def test_a_name_stored_as_two_parts_is_one_candidate() -> None:
    twice: Any = ToySpace(["Kelly", "Kelly", "Ada"], ["given", "family", "given"])
    found = paint(twice, TARGETS[0], 3)
    assert found.n_candidates == 2
    assert sorted(found.curve[-1].names) == ["Ada", "Kelly"]


def test_several_targets_count_by_weight(space: Any) -> None:
    weights = [3.0, 1.0, -1.0]
    found = paint(space, TARGETS, 2, weights=weights, beam=40, breadth=8)
    values = {
        prompt: np.dot(weights, [cosine(prompt, target) for target in TARGETS]) / 5
        for prompt in all_prompts(2)
    }
    assert found.prompt == max(values, key=values.__getitem__)
    assert found.similarity == pytest.approx(values[found.prompt], abs=1e-6)
    assert dict(found.target_similarities) == pytest.approx(
        {target: cosine(found.prompt, target) for target in TARGETS}, abs=1e-6
    )


def test_vectors_are_targets(space: Any) -> None:
    vector = ToyEncoder().encode_text([TARGETS[0]])[0]
    by_text = paint(space, TARGETS[0], 2, beam=40, breadth=8)
    assert paint(space, vector * 7, 2, beam=40, breadth=8).prompt == by_text.prompt
    assert paint(space, vector[None], 2, beam=40, breadth=8).prompt == by_text.prompt


@pytest.mark.parametrize(
    ("target", "arguments", "error", "message"),
    [
        (np.ones(5), {}, ValueError, f"must have {DIM} columns; got 5"),
        (np.zeros(DIM), {}, TargetError, "no direction"),
        ("", {}, TargetError, "must not be empty"),
        ([], {}, ValueError, "at least one target; got an empty list"),
        (["a", "b"], {"weights": [1]}, ValueError, "weights must be 2 finite numbers"),
        (["a", "b"], {"weights": [1, np.nan]}, ValueError, "weights must be 2 finite numbers"),
        (["a", "a"], {"weights": [1, -1]}, ValueError, "the targets cancel out"),
        ("a", {"n_names": 0}, ValueError, "n_names must be an integer, at least 1"),
        ("a", {"beam": 0}, ValueError, "beam must be"),
        ("a", {"candidates": 2}, ValueError, "candidates must be an integer, at least 4"),
        ("a", {"max_tokens": 0}, ValueError, "max_tokens must be"),
    ],
)
def test_hostile_arguments_are_refused(
    space: Any, target: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        paint(space, target, **arguments)


def test_a_stored_space_gives_what_the_toy_gives(tmp_path: Path, space: Any) -> None:
    records = [{"name": name, "part": "given"} for name in NAMES]
    encoder: Any = ToyEncoder()
    stored = build_space(
        make_names(records), tmp_path / "s", encoder=encoder, templates="a photo of {}"
    )
    one, two = (paint(where, TARGETS, 3, deny=["bo"], baseline=True) for where in (stored, space))
    assert (one.prompt, one.greedy[-1].prompt) == (two.prompt, two.greedy[-1].prompt)
    assert one.similarity == pytest.approx(two.similarity, abs=1e-6)
    assert paint(stored, TARGETS[0], 2, where="name < 'C'").n_candidates == 2
    other: Any = ToyEncoder()
    other.fingerprint = "sha256:other"
    with pytest.raises(EncoderError, match="has other weights"):
        paint(open_space(tmp_path / "s", encoder=other), TARGETS[0])


# --- the guard, and results -----------------------------------------------------------------


class Capturing(ToyEncoder):
    """Reads "Win" and "Ona" in one prompt as the one person called "Win Ona"."""

    def _embed(self, text: str) -> Any:
        words = self.tokenize(text)
        if "Win" in words and "Ona" in words:
            total = word_vector("a photo of") + 3 * word_vector("the person")
            return total / np.linalg.norm(total)
        return super()._embed(text)


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("tests.studies.toy.ToyEncoder", Capturing)
    parts = ["given", "family", "given", "full", "full"]
    return ToySpace(["Win", "Ona", "Bo", "Win Ona", "Bo Dee"], parts)


def test_a_blend_that_means_one_stored_person_is_called_so(people: Any) -> None:
    person = word_vector("the person")
    collapse = paint(people, person, 2, deny=["win ona"]).collapse
    assert collapse is not None
    assert collapse.is_collapse
    assert (collapse.name, collapse.part in {"Win", "Ona"}) == ("Win Ona", True)
    assert collapse.similarity == pytest.approx(1, abs=1e-5)
    gap = collapse.similarity - collapse.part_similarity
    for margin, expected in ((gap - 0.01, True), (gap + 0.01, False)):
        again = paint(people, person, 2, deny=["win ona"], margin=margin).collapse
        assert again is not None
        assert again.is_collapse == expected


def test_a_blend_of_one_name_has_not_collapsed_onto_another(people: Any) -> None:
    collapse = paint(people, people.vectors()[2], 1, where="part = 'given'").collapse
    assert collapse is not None
    assert not collapse.is_collapse
    assert (collapse.part, collapse.part_similarity) == ("Bo", pytest.approx(1, abs=1e-5))


def test_without_full_names_nothing_is_said_about_collapse(space: Any) -> None:
    assert paint(space, TARGETS[0], 2).collapse is None


def test_results_as_table_and_json(space: Any) -> None:
    steps: list[tuple[int, int]] = []
    found = paint(
        space,
        TARGETS[:2],
        2,
        template="{names}, {age}",
        baseline=True,
        progress=lambda done, total: steps.append((done, total)),
    )
    table = found.to_arrow()
    assert table["search"].to_pylist() == ["beam", "beam", "greedy", "greedy"]
    assert table["n_names"].to_pylist() == [1, 2, 1, 2]
    assert table["prompt"][0].as_py() == found.curve[0].prompt
    assert table["phrases"][0].as_py() == [{"slot": "age", "phrase": found.curve[0].phrases["age"]}]
    data = json.loads(json.dumps(found.to_dict()))
    assert data["best"]["prompt"] == found.prompt
    assert data["label"] == ", ".join(TARGETS[:2])
    assert steps == [(1, 2), (2, 2)]


def test_alternatives_are_distinct_and_ranked_and_begin_with_the_best() -> None:
    space = ToySpace(NAMES)
    found = paint(space, TARGETS[0], 2, alternatives=5)  # type: ignore[arg-type]
    assert found.alternatives[0].prompt == found.prompt
    assert len({frozenset(one.names) for one in found.alternatives}) == 5
    cosines = [one.similarity for one in found.alternatives]
    assert cosines == sorted(cosines, reverse=True)
    assert [row[0] for row in found.tables()[0].rows] == [1, 2, 3, 4, 5]
    away = paint(space, TARGETS[0], 2, alternatives=3, negative=True)  # type: ignore[arg-type]
    cosines = [one.similarity for one in away.alternatives]
    assert cosines == sorted(cosines)
