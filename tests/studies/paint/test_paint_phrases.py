"""Prompts of names and optional phrases, against every prompt that there is."""

from __future__ import annotations

from itertools import combinations, permutations, product
from pathlib import Path

import numpy as np
import pytest

from namebasis.namespace.phrases.dictionary import load_phrases
from namebasis.namespace.phrases.sentences import subject
from namebasis.space import Space
from namebasis.studies.paint.weights import ready
from tests.studies.worded import meanings, worded_space

N = 8
TRUTH = meanings(N)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Space, Path]:
    return worded_space(tmp_path_factory.mktemp("painted"), N)


def every_prompt(space: Space, file: Path, n_parts: int) -> list[str]:
    """All prompts of so many parts at most, with at most one phrase of a group."""
    phrases = load_phrases(file).entries
    found = []
    for n_names in range(n_parts + 1):
        for names in permutations(TRUTH, n_names):
            for n_words in range(n_parts - n_names + 1):
                for words in combinations(phrases, n_words):
                    if len({one.group for one in words}) < n_words or not n_names + n_words:
                        continue
                    told = subject([one.sentence for one in words], bool(names))
                    found.append("a photo of " + told.replace("{}", ", ".join(names)))
    return found


@pytest.mark.parametrize(
    "target", ["a young man with red hair", "Name001 on a beach", "an elderly child in a library"]
)
def test_the_beam_comes_near_the_best_of_all_prompts(made: tuple[Space, Path], target: str) -> None:
    space, file = made
    prompts = every_prompt(space, file, 2)
    goal = space.resolve(target).vector
    best = float((space.encoder().encode_text(prompts) @ goal).max())
    found = space.paint(target, 2, phrases=file)
    assert found.prompt in prompts
    assert found.similarity == pytest.approx(best, abs=1e-5)


def test_the_words_of_the_target_are_found_and_read_naturally(made: tuple[Space, Path]) -> None:
    space, file = made
    found = space.paint("this is an elderly woman with white hair on a train", 4, phrases=file)
    assert found.best.phrases == {
        "age": "elderly", "person": "woman", "hair": "white hair", "place": "on a train",
    }  # fmt: skip
    assert found.prompt == "a photo of an elderly woman with white hair, on a train"
    assert found.best.names == ()
    assert found.collapse is None
    with_name = space.paint(
        {"Name003": 2.0, "this is an elderly woman with white hair": 1.0}, 3, phrases=file,
        max_names=1,
    )  # fmt: skip
    assert len(with_name.best.names) <= 1
    assert len(with_name.best.names) + len(with_name.best.phrases) <= 3


@pytest.mark.long
def test_the_budget_counts_names_and_phrases_alike(made: tuple[Space, Path]) -> None:
    space, file = made
    for n, max_names in product((1, 2, 3), (None, 0, 1)):
        found = space.paint("Name002 in a library", n, phrases=file, max_names=max_names)
        for blend in found.curve:
            assert 1 <= len(blend.names) + len(blend.phrases) <= n
            assert max_names is None or len(blend.names) <= max_names
    short = space.paint("Name002 in a library", 3, phrases=file, max_tokens=6)
    assert short.best.n_tokens <= 6


def test_phrases_help_and_are_never_worse_than_names_alone(made: tuple[Space, Path]) -> None:
    space, file = made
    for target in ("a young man with red hair", "an elderly child in a library"):
        names = space.paint(target, 2).similarity
        assert space.paint(target, 2, phrases=file).similarity > names


def test_a_phrase_that_is_the_target_or_denied_is_not_used(made: tuple[Space, Path]) -> None:
    space, file = made
    for target in ("red hair", "a person with red hair"):
        assert "red hair" not in space.paint(target, 2, phrases=file).best.phrases.values()
    found = space.paint("an elderly woman", 2, phrases=file, deny=["elderly"])
    assert "elderly" not in found.best.phrases.values()
    own = space.paint(
        "an elderly woman", 2, template="a photo of {names}, {age}", phrases=file
    )  # a slot says the age, so that the group does not
    assert own.best.prompt.count("elderly") <= 1


@pytest.mark.long
@pytest.mark.parametrize(
    "syntax", ["a1111", "compel", "dynamicprompts", "comfyui", "comfyui-average", "embedding-merge"]
)
@pytest.mark.parametrize("max_names", [0, 1])
def test_every_syntax_says_the_phrases(
    made: tuple[Space, Path], syntax: str, max_names: int
) -> None:
    space, file = made
    found = space.paint("Name003 in a library", 2, phrases=file, max_names=max_names)
    written = ready(space, found, syntax)
    for phrase in found.best.phrases.values():
        assert phrase in written.prompt
    for name in found.best.names:
        assert name in written.prompt
    assert np.isfinite(written.similarity)


def test_refused(made: tuple[Space, Path], tmp_path: Path) -> None:
    space, file = made
    with pytest.raises(ValueError, match="max_names belongs to phrases"):
        space.paint("a young man", 2, max_names=0)
    with pytest.raises(ValueError, match="max_names must be"):
        space.paint("a young man", 2, phrases=file, max_names=-1)
    (tmp_path / "one.txt").write_text("red hair\n")
    with pytest.raises(ValueError, match=r"no phrase of .* is left"):
        space.paint("red hair", 1, phrases=tmp_path / "one.txt")
