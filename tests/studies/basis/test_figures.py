"""Figures show the numbers of their results: bars, places and shares, and names as they are."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from namebasis.namespace.search.results import NearestResult
from namebasis.studies.basis.results import Basis
from namebasis.studies.basis.walk import Walk, WalkStep


def nearest(queries: dict[str, dict[str, float]], **options: Any) -> NearestResult:
    names = [name for found in queries.values() for name in found]
    light = pa.table(
        {"name": names, "part": ["given"] * len(names), "gender": ["F"] * len(names),
         "locales": [["is_IS"]] * len(names)}
    )  # fmt: skip
    return NearestResult(
        queries=tuple(queries),
        kinds=("stored",) * len(queries),
        counts=tuple(map(len, queries.values())),
        ids=np.arange(len(names)),
        similarities=np.array([s for f in queries.values() for s in f.values()], np.float32),
        columns=light,
        is_many=len(queries) != 1,
        **options,
    )


BASIS = Basis(
    label="a lady", names=("Anna", "Björk", "Ida"), ids=np.arange(3),
    weights=np.array([0.5, -0.25, 0.125], np.float32), similarity=0.75, raw_similarity=0.9,
    n_atoms=9, view="text", parameters={}, stability=np.array([1.0, 0.5, 0.25]),
)  # fmt: skip
WALK = Walk(
    "age: young to old", "text", 0.1, 0.2, 16, 50,
    (
        WalkStep(-1.0, (3, 4), ("Tia", "Mia"), (0.5, 0.4), (-0.75, -1.25)),
        WalkStep(0.0, (), (), (), ()),
        WalkStep(1.0, (7,), ("Ethel",), (0.6,), (1.125,)),
    ),
)  # fmt: skip


def bars(axes: Any) -> list[float]:
    return [bar.get_width() for bar in axes.patches]


def rows(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def drawn(figure: Any) -> Image.Image:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return Image.open(stream)


def test_bars_of_similarity_in_their_order() -> None:
    found = nearest({"Anna": {"Anja": 0.75, "Hanna": 0.5}})
    figure = found.plot()
    (axes,) = figure.axes
    assert bars(axes) == [0.75, 0.5]
    assert rows(axes) == ["Anja", "Hanna"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first name on top
    assert axes.get_xlim()[0] == 0
    assert axes.get_title(loc="left") == "nearest to Anna"
    assert drawn(figure).size[0] == 700
    away = replace(found, farthest=True).plot().axes[0]
    assert away.get_title(loc="left") == "farthest from Anna"


def test_a_panel_for_each_target_on_one_scale() -> None:
    figure = nearest({"a": {"x": 0.9}, "b": {"y": 0.1, "z": -0.2}}).plot()
    assert [bars(axes) for axes in figure.axes] == [
        pytest.approx([0.9]), pytest.approx([0.1, -0.2]),
    ]  # fmt: skip
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_xlim()[0] < -0.2
    assert drawn(figure).size[1] > 100


def test_signed_weights_and_how_often_each_is_chosen_again() -> None:
    figure = BASIS.plot()
    weights, again = figure.axes
    assert bars(weights) == [0.5, -0.25, 0.125]
    assert len({bar.get_facecolor() for bar in weights.patches}) == 2
    assert rows(weights) == ["Anna", "Björk", "Ida"]
    assert [text.get_text() for text in weights.texts] == ["0.50", "\N{MINUS SIGN}0.25", "0.12"]
    (dots,) = again.get_lines()
    assert dots.get_xdata().tolist() == [1.0, 0.5, 0.25]
    assert "0.75" in weights.get_xlabel()
    both = replace(BASIS, template_stability=np.array([0.0, 0.5, 1.0])).plot()
    assert len(both.axes[1].get_lines()) == 2
    assert [text.get_text() for text in both.legends[0].get_texts()] == [
        "from other names", "with other templates",
    ]  # fmt: skip
    assert len(replace(BASIS, stability=None).plot().axes) == 1


def test_a_walk_puts_each_name_at_its_own_place() -> None:
    figure = WALK.plot()
    (axes,) = figure.axes
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == [-1.25, -0.75, 1.125]
    assert rows(axes) == ["Mia", "Tia", "Ethel"]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "\N{MINUS SIGN}1.0", "+0.0", "+1.0",
    ]  # fmt: skip
    assert drawn(figure).size[0] == 700


def test_names_of_any_kind_can_be_drawn() -> None:
    hostile = {"$x^{": 0.5, "a" * 300: 0.4, "\U000f0000": 0.3, "<b>": 0.2, "\\frac": 0.1}
    axes = nearest({"$\\oops{": hostile}).plot().axes[0]
    drawn(axes.figure)
    assert rows(axes)[1] == "a" * 31 + "…"
    assert rows(axes)[2] == "name 3"
    assert rows(axes)[0] == r"\$x^{"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (nearest({}), r"1 to 4 targets .* there are 0"),
        (nearest({letter: {"x": 0.5} for letter in "abcde"}), r"there are 5\. Draw one with \.of"),
        (nearest({"a": {}}), "no name was found"),
        (replace(BASIS, names=(), weights=np.empty(0, np.float32)), "the basis is empty"),
        (replace(WALK, steps=WALK.steps[1:2]), "no name stands on the way"),
    ],
)
def test_what_has_nothing_to_show_is_refused(result: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        result.plot()
