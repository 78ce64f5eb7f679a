"""Agreement on simulated images whose truth is known; the store of what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.analysis.identity.reliability import names_for
from namebasis.encoders.registry import load_encoder
from namebasis.errors import NamebasisError, NamebasisWarning
from namebasis.namespace.store.locks import locked
from namebasis.namespace.store.opening import IMAGES
from namebasis.validation.agreement import agree
from namebasis.validation.agreement_results import Agreement, AttributeAgreement
from namebasis.validation.extractors.base import Attribute, Extractor, Found
from namebasis.validation.pictures.image_files import ImageFile, find_images
from namebasis.validation.pictures.image_store import ImageTable, measure_images


def simulated(
    n_names: int = 60,
    n_images: int = 9,
    noise: float = 1.0,
    seed: int = 0,
    n_made_up: int = 0,
) -> tuple[ImageTable, dict[str, float]]:
    """Images whose attribute is the name's true value plus noise, and text that knows the truth."""
    rng = np.random.default_rng(seed)
    names = [f"name {at:03d}" for at in range(n_names)] + [f"made {at}" for at in range(n_made_up)]
    truth = rng.normal(0, 1, len(names))
    truth[n_names:] = rng.normal(5, 0.5, n_made_up)
    images = [ImageFile(n, Path(f"{n}/{j}.png")) for n in names for j in range(n_images)]
    values = np.repeat(truth, n_images) + noise * rng.normal(size=len(images))
    centre = np.repeat(rng.normal(size=(len(names), 16)), n_images, axis=0)
    width = np.repeat(np.linspace(0.05, 1.0, len(names)), n_images)[:, None]
    vectors = centre + width * rng.normal(size=(len(images), 16))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    table = ImageTable(
        tuple(images), unit, "fake", {"age": values}, {"age": "rank"},
        {"age": (None,) * len(images)},
    )  # fmt: skip
    return table, dict(zip(names, truth.tolist(), strict=True))


def only(agreement: Agreement, attribute: str) -> AttributeAgreement:
    (found,) = [row for row in agreement.attributes if row.attribute == attribute]
    return found


def test_means_and_variances_are_those_of_the_images() -> None:
    table, truth = simulated()
    row = agree(table, {("age", "truth"): truth}).names[3]
    own = table.columns["age"][27:36]
    assert row.name == "name 003"
    assert row.means["age"] == pytest.approx(own.mean())
    assert row.variances["age"] == pytest.approx(own.var(ddof=1))
    assert row.n_images == 9
    cosines = (table.vectors[27:36] @ table.vectors[27:36].T)[np.triu_indices(9, 1)]  # type: ignore[index]
    assert row.spread is not None
    assert row.spread.div.value == pytest.approx(1 - cosines.mean(), abs=1e-6)


def test_text_that_knows_the_truth_agrees_and_shuffled_text_does_not() -> None:
    from scipy.stats import spearmanr

    table, truth = simulated()
    found = only(agree(table, {("age", "truth"): truth}), "age")
    means = table.columns["age"].reshape(60, 9).mean(axis=1)
    assert found.spearman.value == pytest.approx(spearmanr(means, list(truth.values())).statistic)
    assert found.spearman.low < found.spearman.value < found.spearman.high
    assert found.spearman.low > 0.8
    assert found.null.low < 0 < found.null.high < 0.5
    assert found.verdict == "text and images agree."
    values = np.random.default_rng(3).permutation(list(truth.values()))
    wrong = only(agree(table, {("age", "truth"): dict(zip(truth, values, strict=True))}), "age")
    assert wrong.spearman.low < 0 < wrong.spearman.high
    assert wrong.verdict.startswith("not settled by 60 names, the interval holds 0; if")
    assert wrong.verdict.endswith("would settle it.")
    contrary = only(agree(table, {("age", "truth"): {n: -v for n, v in truth.items()}}), "age")
    assert contrary.verdict == "text and images contradict each other."


def test_intervals_shrink_as_images_and_names_grow() -> None:
    def width(n_names: int, n_images: int) -> float:
        table, truth = simulated(n_names, n_images, noise=3.0)
        interval = only(agree(table, {("age", "truth"): truth}), "age").spearman
        return interval.high - interval.low

    assert width(60, 64) < width(60, 4)
    assert width(240, 4) < 0.7 * width(60, 4)


def test_the_images_needed_are_what_makes_means_reliable() -> None:
    """Variance 1 among names and 9 within: 36 images give a reliability of 0.8."""
    table, truth = simulated(400, 9, noise=3.0)
    found = only(agree(table, {("age", "truth"): truth}, n_resamples=20), "age")
    assert found.reliability is not None
    assert found.reliability.of_means == pytest.approx(0.5, abs=0.06)
    assert found.images_needed == pytest.approx(36, abs=9)


def test_what_would_settle_a_claim_settles_it_in_four_cases_of_five() -> None:
    table, truth = simulated(40, 2, noise=3.0)
    rng = np.random.default_rng(5)
    text = {name: value + rng.normal(0, 2) for name, value in truth.items()}
    found = only(agree(table, {("age", "text"): text}, n_resamples=20), "age")
    assert found.names_needed is not None
    assert found.names_needed_then is not None
    assert found.names_needed_then < found.names_needed
    rho, n = 0.3, names_for(6 / np.pi * np.arcsin(0.15), 1.96 + 0.84)
    pairs = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], (2000, n)).argsort(1).argsort(1)
    centred = pairs - pairs.mean(1, keepdims=True)
    seen = centred.prod(2).sum(1) / (centred[..., 0] ** 2).sum(1)
    error = np.sqrt((1 + seen**2 / 2) / (n - 3))
    assert np.mean(np.arctanh(seen) > 1.96 * error) == pytest.approx(0.8, abs=0.05)


def test_images_that_tell_no_names_apart_call_for_no_number() -> None:
    table, truth = simulated(40, 4)
    noise = np.random.default_rng(0).normal(size=len(table.images))
    noise -= np.repeat(noise.reshape(-1, 4).mean(axis=1), 4)  # every name's mean is 0
    flat = ImageTable(table.images, None, None, {"age": noise}, {"age": "rank"}, {})
    found = only(agree(flat, {("age", "truth"): truth}, n_resamples=20), "age")
    assert found.images_needed is None
    assert "differ no more than those of one" in found.verdict


def test_a_negative_correlation_with_another_measure_is_no_contradiction() -> None:
    table, truth = simulated(40)
    falling = {name: -at for at, name in enumerate(truth)}
    found = agree(table, {("div", "leakage"): falling, ("div", "div"): falling})
    leakage, div = found.attributes
    assert leakage.verdict == "images differ less where leakage is high."
    assert div.verdict == "text and images contradict each other."


def test_rigidity_in_text_is_compared_with_the_spread_of_images() -> None:
    table, truth = simulated(40)
    width = {name: at for at, name in enumerate(truth)}  # images of later names differ more
    found = only(agree(table, {("div", "width"): width}), "div")
    assert found.spearman.value > 0.9
    assert found.reliability is None


def test_the_prior_is_set_by_made_up_names_and_left_out_of_the_correlation() -> None:
    table, truth = simulated(30, n_made_up=8)
    made = [name for name in truth if name.startswith("made")]
    found = agree(table, {("age", "truth"): truth}, prior=made)
    assert only(found, "age").n_names == 30
    assert found.n_made_up == 8
    z = {row.name: row.z["age"] for row in found.names}
    assert np.mean([z[name] for name in made]) == pytest.approx(0, abs=1e-9)
    assert all(value < -3 for name, value in z.items() if name not in made)
    without = agree(table, {("age", "truth"): truth})
    assert {row.z["age"] for row in without.names} == {None}
    assert any(
        note.startswith("No prior: it needs images of at least 3") for note in without.remarks
    )


def test_calibration_and_disagreements() -> None:
    table, truth = simulated(50, noise=0.2)
    truth["name 007"] = 99.0  # text is sure of the wrong thing
    found = only(agree(table, {("age", "truth"): truth}), "age")
    assert sum(part.n_names for part in found.calibration) == 50
    shown = [part.images.value for part in found.calibration]
    assert shown == sorted(shown)
    assert all(
        part.images.low <= part.images.value <= part.images.high for part in found.calibration
    )
    assert found.disagreements[0].name == "name 007"
    assert found.disagreements[0].text_rank == pytest.approx(0.99)
    assert len(found.disagreements) == 10


def test_rows_may_come_in_any_order() -> None:
    """Names stay bound to their values from end to end."""
    table, truth = simulated(20)
    order = np.random.default_rng(1).permutation(len(table.images))
    mixed = ImageTable(
        tuple(table.images[at] for at in order), table.vectors[order],  # type: ignore[index]
        "fake", {"age": table.columns["age"][order]}, table.units, table.reasons,
    )  # fmt: skip
    first = {row.name: row for row in agree(table, {("age", "truth"): truth}, n_resamples=20).names}
    for row in agree(mixed, {("age", "truth"): truth}, n_resamples=20).names:
        assert row.means["age"] == pytest.approx(first[row.name].means["age"])
        assert row.spread is not None
        assert row.spread.div.value == pytest.approx(first[row.name].spread.div.value)  # type: ignore[union-attr]


def test_nothing_measured_is_none_with_the_reason_never_zero() -> None:
    table, truth = simulated(6, 3)
    values = table.columns["age"].copy()
    values[:3] = np.nan
    why = ("no face",) * 3 + (None,) * 15
    vectors = np.array(table.vectors)
    vectors[:3] = np.nan
    gap = ImageTable(table.images, vectors, "fake", {"age": values}, table.units, {"age": why})
    found = agree(gap, {("age", "truth"): truth})
    assert found.names[0].means["age"] is None
    assert found.names[0].spread is None
    assert found.names[0].reason == "no image of the name could be read, or all were blacked out"
    assert only(found, "age").n_names == 5
    assert any("nothing measured on 3 of 18 images: no face (3)." in n for n in found.remarks)
    arrow = found.to_arrow()
    assert arrow["image_age"].to_pylist()[0] is None
    assert arrow["n_images"].to_pylist() == [0, 3, 3, 3, 3, 3]


def test_one_broken_file_is_one_note_however_many_columns_lack_it() -> None:
    """Reasons are counted; of what was measured all the same, apart."""
    table, truth = simulated(10)
    why = [
        "b is broken.",
        "2 faces: the largest taken",
        "no face",
        "no face",
        "3 faces: the largest",
    ]
    why += ["a", "c"]
    reasons = (*why, *(None,) * (len(table.images) - len(why)))
    values = table.columns["age"].copy()
    values[[0, 2, 3, 5, 6]] = np.nan
    labels = ("age", "gender", "hair")
    broken = ImageTable(
        table.images, None, None, dict.fromkeys(labels, values), dict.fromkeys(labels, "rank"),
        dict.fromkeys(labels, reasons),
    )  # fmt: skip
    notes = agree(broken, {("age", "truth"): truth}, n_resamples=20).remarks
    assert notes[:2] == (
        f"age and 2 others: nothing measured on 5 of {len(table.images)} images: no face (2); "
        "b is broken (1); a (1); and 1 more reason.",
        f"age and 2 others: on 2 of {len(table.images) - 5} measured images: 2 faces: the largest "
        "taken (1); 3 faces: the largest (1).",
    )


def test_equal_images_are_undefined_not_a_number() -> None:
    table, truth = simulated(10)
    flat = ImageTable(
        table.images, table.vectors, "fake", {"age": np.ones(90)}, table.units, table.reasons
    )
    found = agree(flat, {("age", "truth"): truth}, n_resamples=20)
    assert only(found, "age").verdict.startswith("undefined: the images or the readings")
    import json

    json.dumps(found.to_dict(), allow_nan=False)


def test_no_image_is_refused() -> None:
    empty = ImageTable((), None, None, {}, {}, {})
    with pytest.raises(NamebasisError, match="there is no image to validate with"):
        agree(empty, {})


# ------------------------------------------------------------------------------------ store


class Brightness(Extractor):
    spec = "brightness:test"
    attributes = (
        Attribute("brightness", unit="share"),
        Attribute("tone", ("dark", "light")),
    )

    def __init__(self) -> None:
        self.seen = 0

    def _measure(self, images: list[Image.Image]) -> Sequence[Found]:
        self.seen += len(images)
        level = np.array([np.asarray(image).mean() / 255 for image in images])
        return [Found(values=level), Found(np.column_stack([1 - level, level]))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(["Ann", "Bo"]):
        (tmp_path / "images" / name).mkdir(parents=True)
        for shot in range(2):
            grey = 60 * number + 30 * shot
            Image.new("RGB", (16, 16), (grey,) * 3).save(tmp_path / "images" / name / f"{shot}.png")
    return tmp_path / "images"


def test_images_are_measured_once(
    folder: Path, tmp_path: Path, tiny: Callable[[str], Path]
) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    extractor = Brightness()
    images = find_images(folder)
    steps: list[tuple[int, int]] = []
    first = measure_images(
        images, [extractor], encoder, store=tmp_path, progress=lambda a, b: steps.append((a, b))
    )
    assert extractor.seen == 4
    assert steps[-1] == (8, 8)
    np.testing.assert_allclose(first.columns["brightness"], np.array([0, 30, 60, 90]) / 255)
    np.testing.assert_allclose(first.columns["tone_light"], first.columns["brightness"])
    assert first.units == {"brightness": "share", "tone_dark": "share", "tone_light": "share"}
    expected = encoder.encode_images([i.path for i in images])
    np.testing.assert_allclose(first.vectors, expected, atol=1e-6)  # type: ignore[arg-type]
    (folder / "Bo" / "1.png").unlink()
    Image.new("RGB", (16, 16), (255,) * 3).save(folder / "Bo" / "1.png")  # another image now
    second = measure_images(find_images(folder), [extractor], encoder, store=tmp_path)
    assert extractor.seen == 5
    np.testing.assert_allclose(second.columns["brightness"], np.array([0, 30, 60, 255]) / 255)
    np.testing.assert_allclose(second.vectors[:3], first.vectors[:3])  # type: ignore[index]


def test_the_store_is_a_lance_data_set_that_others_read(folder: Path, tmp_path: Path) -> None:
    import lance

    measure_images(find_images(folder), [Brightness()], store=tmp_path)
    table = lance.dataset(str(tmp_path / IMAGES)).to_table()
    assert table["label"].to_pylist() == ["Ann", "Ann", "Bo", "Bo"]
    of = {field.metadata[b"measure"]: field.name for field in table.schema if field.metadata}
    column = table[of[b"brightness:test|brightness"]].to_pylist()
    assert column[1]["value"] == pytest.approx(30 / 255)


def test_blacked_out_and_unreadable_images_say_so(folder: Path) -> None:
    images = find_images(folder)
    images[0] = ImageFile("Ann", images[0].path, is_blank=True)
    images[1].path.write_bytes(b"not a picture")
    images[2] = ImageFile("Bo", folder / "gone.png")
    table = measure_images(images, [Brightness()])
    why = table.reasons["brightness"]
    assert why[0] == "blacked out by the safety checker"
    assert "is not an image that Pillow can read" in str(why[1])
    assert str(why[2]).endswith("gone.png cannot be read")
    assert why[3] is None
    assert np.isnan(table.columns["brightness"]).tolist() == [True, True, True, False]


def test_two_extractors_of_one_attribute_keep_apart(folder: Path) -> None:
    other = Brightness()
    other.spec = "second:test"
    table = measure_images(find_images(folder), [Brightness(), other])
    assert {"brightness", "brightness_second"} <= set(table.columns)
    third = measure_images(find_images(folder), [Brightness(), other, other])
    assert third.measures["brightness_second_2"] == "brightness"


def test_other_attributes_and_other_weights_are_measured_anew(folder: Path, tmp_path: Path) -> None:
    images = find_images(folder)
    measure_images(images, [Brightness()], store=tmp_path)
    again = Brightness()
    measure_images(images, [again], store=tmp_path)
    assert again.seen == 0
    retrained, renamed = Brightness(), Brightness()
    retrained.fingerprint = "sha256:other"
    renamed.attributes = (Attribute("warmth"), Attribute("tone", ("dark", "light")))
    table = measure_images(images, [retrained, renamed], store=tmp_path)
    assert (retrained.seen, renamed.seen) == (4, 4)
    assert np.isfinite(table.columns["warmth"]).all()


def test_a_second_folder_leaves_what_is_known_of_the_first(
    folder: Path, tmp_path: Path, tiny: Callable[[str], Path]
) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    images = find_images(folder)
    whole = measure_images(images, [Brightness()], encoder, store=tmp_path)
    (folder / "Bo" / "0.png").write_bytes(b"not a picture")
    measure_images(find_images(folder)[2:], [Brightness()], store=tmp_path)
    Image.new("RGB", (16, 16), (60,) * 3).save(folder / "Bo" / "0.png")
    again = Brightness()
    second = measure_images(images, [again], encoder, store=tmp_path)
    assert again.seen == 0
    np.testing.assert_array_equal(second.vectors, whole.vectors)  # type: ignore[arg-type]


class Stops(Brightness):
    spec = "stops:test"

    def _measure(self, images: list[Image.Image]) -> Sequence[Found]:
        raise KeyboardInterrupt


def test_a_run_that_is_stopped_keeps_what_was_measured(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure_images(find_images(folder), [Brightness(), Stops()], store=tmp_path)
    again = Brightness()
    measure_images(find_images(folder), [again], store=tmp_path)
    assert again.seen == 0


def test_a_space_that_is_being_written_to_costs_the_memory_and_not_the_report(
    folder: Path, tmp_path: Path
) -> None:
    with locked(tmp_path), pytest.warns(NamebasisWarning, match="not kept for the next report"):
        table = measure_images(find_images(folder), [Brightness()], store=tmp_path)
    assert np.isfinite(table.columns["brightness"]).all()
    assert not (tmp_path / IMAGES).exists()
