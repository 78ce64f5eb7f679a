"""Every question that takes a view, of views that not all names have a vector in."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import namebasis
from namebasis.encoders.images import open_image
from namebasis.errors import TargetError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.images import add_images
from namebasis.space import Space, open_space
from namebasis.studies.basis.atoms import centre_target
from namebasis.studies.basis.components import coefficients, fit_components
from namebasis.studies.basis.weighing import weigh
from namebasis.validation.pictures.image_files import folder_of, write_image
from tests.namespace.conftest import FakeEncoder, corpus

PAINTER = "diffusers:painter"
BOTH = "Nambd"
"""A name with photos and paintings."""


class Looking(FakeEncoder):
    """An image's vector is drawn from its pixels."""

    has_images = True

    def __init__(self) -> None:
        super().__init__("looking")

    def encode_images(
        self, images: Sequence[object], *, batch_size: int | None = None
    ) -> np.ndarray:
        drawn = [self._draw(open_image(image).tobytes().hex(), self.dim) for image in images]
        rows = np.stack(drawn).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def picture(text: str) -> Image.Image:
    colours = hashlib.sha256(text.encode()).digest()[:12]
    return Image.frombytes("RGB", (2, 2), colours)


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Space]:
    """Of 60 names 40 have photos, 32 have paintings, 14 both: in one space, and one each."""
    place = tmp_path_factory.mktemp("views")
    names = sorted({name for name in corpus().table["name"].to_pylist() if name != "King"})
    for name in names[:40]:
        (place / "photos" / folder_of(name)).mkdir(parents=True)
        for number in range(1 + len(name) % 2):
            picture(f"{name} {number}").save(place / "photos" / folder_of(name) / f"{number}.png")
    for name in names[26:]:
        about = {
            "name": name, "prompt": f"a photo of {name}", "seed": 0, "source": PAINTER,
            "fingerprint": "sha256:" + "ab" * 32, "is_blank": False,
        }  # fmt: skip
        write_image(place / "painted" / folder_of(name) / "0.png", picture(name), about)
    assert BOTH in names[26:40]
    made = {}
    for kind, folders in {
        "all": ("photos", "painted"), "photos": ("photos",), "painted": ("painted",),
    }.items():  # fmt: skip
        space = build_space(corpus(), place / f"{kind}.space", encoder=Looking())  # type: ignore[arg-type]
        for folder in folders:
            space, _ = add_images(space, place / folder)
        made[kind] = open_space(space.path, encoder=Looking())  # type: ignore[arg-type]
    return made


Ask = Callable[[Space, str, "str | None"], Any]
QUESTIONS: dict[str, Ask] = {
    "nearest": lambda s, v, w: s.nearest(BOTH, 30, view=v, where=w, include_self=True),
    "farthest": lambda s, v, w: s.nearest(BOTH, 30, view=v, where=w, farthest=True),
    "basis": lambda s, v, w: s.basis(BOTH, 3, view=v, where=w, n_null=5),
    "basis of a text": lambda s, v, w: s.basis("a red house", 3, view=v, where=w, n_null=5),
    "walk": lambda s, v, w: s.walk(1, view=v, where=w, n_steps=3),
    "walk between": lambda s, v, w: s.walk(["a man", "a woman"], view=v, where=w),
    "anchors": lambda s, v, w: s.anchors(5, view=v, where=w),
    "select": lambda s, v, w: s.select(5, view=v, where=w, of=w),
    "select span": lambda s, v, w: s.select(5, view=v, where=w, of=w, objective="span"),
    "topology": lambda s, v, w: s.topology(view=v, where=w, k=5, shape=False, n_resamples=2),
    "entropy": lambda s, v, w: s.entropy(view=v, where=w, n_null=2),
    "compare": lambda s, v, w: s.compare(s, view="text", other_view=v, where=w, k=3),
    "components": lambda s, v, w: fit_components(s, view=v, where=w),
}


def answer(question: str, space: Space, view: str, where: str | None = None) -> str:
    """All numbers of an answer, without the words for what was asked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = QUESTIONS[question](space, view, where)
    if question == "components":
        told = {"deviations": found.standard_deviations, "mean": found.mean}
        told = {key: np.round(np.asarray(value, float), 5).tolist() for key, value in told.items()}
    else:
        told = found.to_dict()
    return re.sub(r"image:[a-z:0-9]+", "image", json.dumps(_plain(told), sort_keys=True))


_WORDS = frozenset(
    ["where", "path", "space", "titles", "notes", "remarks", "seconds", "parameters", "provenance",
     "n_images", "n_left_only", "explained", "meaning"]
)  # fmt: skip
"""What is said of the space and of what else it holds."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key not in _WORDS}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_names_without_an_image_take_no_part(spaces: dict[str, Space], question: str) -> None:
    space = spaces["photos"]
    assert len(space.ids("n_images > 0")) == 40
    everywhere = answer(question, space, "image")
    assert everywhere == answer(question, space, "image", "n_images > 0")
    if question != "compare":  # with its own text view
        assert everywhere != answer(question, space, "text", "n_images > 0")


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_view_of_one_source_answers_as_a_space_of_it_alone(
    spaces: dict[str, Space], question: str
) -> None:
    painted = answer(question, spaces["all"], f"image:{PAINTER}")
    assert painted == answer(question, spaces["painted"], "image")


def test_no_study_reads_rows_of_a_view_any_other_way() -> None:
    """Whoever is asked of a view takes its rows by `ids(where, view=view)`."""
    wrong = []
    for room in ("studies", "explore", "auditing", "formation"):
        for path in sorted((ROOT / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if ".ids(" not in text and ".vectors(" not in text:
                continue
            for function in ast.walk(ast.parse(text)):
                if isinstance(function, ast.FunctionDef) and _takes_a_view(function):
                    calls = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
                    wrong += [f"{path.name}:{one.lineno}" for one in calls if _is_blind(one)]
    assert wrong == []


ROOT = Path(namebasis.__file__).parent


def _takes_a_view(function: ast.FunctionDef) -> bool:
    asked = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
    asked |= {one.attr for one in ast.walk(function) if isinstance(one, ast.Attribute)}
    return "view" in asked and function.name != "read_graph"  # which is given rows of the view


def _is_blind(call: ast.Call) -> bool:
    """Whether a call asks a space for rows, or for all vectors, whatever the view."""
    if not isinstance(call.func, ast.Attribute):
        return False
    given = {one.arg for one in call.keywords}
    if call.func.attr == "ids":
        return "view" not in given
    if call.func.attr != "vectors" or "ids" in given or len(call.args) != 1:
        return False
    asked = call.args[0]
    return "view" in (getattr(asked, "id", ""), getattr(asked, "attr", ""))


def test_the_view_of_photos_is_that_of_a_space_of_photos(spaces: dict[str, Space]) -> None:
    both, photos = spaces["all"], spaces["photos"]
    assert np.array_equal(both.vectors("image:photos"), photos.vectors("image"))
    assert np.array_equal(both.vectors("image:photos", ids=[9, 2]), photos.vectors("image")[[9, 2]])
    assert np.array_equal(both.ids(view="image:photos"), photos.ids(view="image"))
    assert both.mean("image:photos") == pytest.approx(photos.mean("image"), abs=1e-6)
    assert np.array_equal(both.graph("image:photos", 3).indices, photos.graph("image", 3).indices)
    with pytest.raises(ValueError, match="comes from 'fotos'; there are photos, diffusers:painter"):
        both.nearest(BOTH, view="image:fotos")


def test_a_text_is_centred_by_the_mean_of_texts_in_a_view_of_images(
    spaces: dict[str, Space],
) -> None:
    space = spaces["all"]
    for view in ("image", "image:photos"):
        read = centre_target(space, {"a red house": 1.0, BOTH: 1.0}, view=view)
        assert read.mean == pytest.approx(space.mean("text") + space.mean(view), abs=1e-6)
    components = fit_components(space, view="image")
    text = space.encoder().encode_text(["a red house"])[0] - space.mean("text")
    expected = (components.directions @ text) / components.standard_deviations
    found = coefficients(space, "a red house", components, view="image")
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_name_without_an_image_is_named_as_such(spaces: dict[str, Space]) -> None:
    space = spaces["all"]
    with pytest.raises(TargetError, match="'Zoë' has no vector in the view image:photos"):
        space.nearest("Zoë", view="image:photos")
    rows = [space.find(BOTH), space.find("Zoë")]
    with pytest.raises(ValueError, match=r"^Zoë has no vector in the view image"):
        weigh(space, BOTH, rows, view="image:photos")  # type: ignore[arg-type]
