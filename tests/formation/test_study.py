"""The whole study on a toy training whose truth is known, and on tiny models on disk."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.formation import Formation, formation, work
from namebasis.formation.checkpoints import CheckpointError, Gap
from namebasis.formation.figures import Axis, Curves, crossing_map, phase_map, similarity_map
from namebasis.formation.page import html_of
from namebasis.formation.phases import NOT_SHOWN
from namebasis.formation.plan import make_plan
from namebasis.formation.truth import Exposures, Truth
from namebasis.organism.cohorts import MEANINGS
from namebasis.results import cell
from tests.formation import toy


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    real = work.load_encoder

    def either(spec: str, **options: object) -> object:
        return toy.load(spec) if spec.startswith("toy") else real(spec, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "load_encoder", either)


@pytest.fixture(scope="module")
def found() -> Formation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "load_encoder", toy.load)
        return formation(
            toy.specs(),
            truth=toy.truth(),
            counts=toy.exposures(),
            n_resamples=60,
            with_weights=False,
        )


@pytest.fixture(scope="module")
def html(found: Formation) -> str:
    return html_of(found)


@pytest.fixture(scope="module")
def other_html(found: Formation) -> str:
    """The page of a training without captured names, of which three checkpoints are missing."""
    none = replace(found.phases, captured=np.zeros_like(found.phases.captured))
    gaps = (Gap("step-1", 1, "missing"), Gap("step-2", 2, "<torn>"), Gap("step-3", 3, "missing"))
    return html_of(replace(found, phases=none, gaps=gaps))


def of_kind(found: Formation, kind: str) -> np.ndarray:
    return np.array([k == kind for k in found.kinds])


@pytest.mark.long
def test_names_end_in_the_phases_of_their_kinds(found: Formation) -> None:
    last = found.phases.labels[:, -1]
    assert np.mean(last[of_kind(found, "N")] == 1) >= 0.95
    assert np.mean(last[of_kind(found, "A")] == 1) >= 0.9
    assert np.all(last[of_kind(found, "B")] == 3)
    assert np.all(last[of_kind(found, "C")] == 3)
    assert np.all(last[of_kind(found, "D")] == 4)
    first = found.phases.labels[:, 0]
    assert np.mean(first == 1) >= 0.9


def test_names_that_one_part_has_captured_are_told_beside_their_phase(found: Formation) -> None:
    captured, solo = found.phases.captured, of_kind(found, "E")
    assert captured[solo, -1].all()
    assert not captured[solo, 0].any()
    hold = found.values["hold"][:, -1]
    assert hold[solo].min() > 0.9 > hold[~solo].max() + 0.3
    has_person = np.isin(found.kinds, ["B", "C", "D"])
    assert not captured[has_person, -1].any()
    assert captured[~solo].any(axis=1).mean() <= 0.1
    begins = [found.steps[at] for at in captured[solo].argmax(axis=1)]
    assert set(begins) <= {30, 40, 60}, begins  # its person comes, half of it at step 60
    alarms = found.phases.captured_alarms
    assert alarms.n_made_up == 40
    assert alarms.n_alarms <= 2


def test_the_hold_is_the_mean_cosine_to_the_swaps_of_the_part_that_holds_more(
    found: Formation,
) -> None:
    told, last = toy.truth(), toy.load("toy:200")
    (first, second) = make_plan(list(told.names), truth=told).partners

    def embed(given: str, family: str) -> np.ndarray:
        return last.encode_text([f"{given} {family}"])[0].astype(np.float64)

    centre = np.mean([[embed(g, f) for f in second] for g in first], axis=(0, 1))

    def cosine(one: np.ndarray, other: np.ndarray) -> float:
        return float((one - centre) @ (other - centre)) / float(
            np.linalg.norm(one - centre) * np.linalg.norm(other - centre)
        )

    for name in ("Soloc Familyc", found.names[0], found.names[30]):
        given, family = name.split()
        whole = embed(given, family)
        ahead = [cosine(whole, embed(given, f)) for f in second if f"{given} {f}" not in told.names]
        behind = [cosine(whole, embed(g, family)) for g in first
                  if f"{g} {family}" not in told.names]  # fmt: skip
        hold = found.values["hold"][found.names.index(name), -1]
        assert hold == pytest.approx(max(np.mean(ahead), np.mean(behind)), abs=1e-4)


@pytest.mark.long
def test_the_page_bars_captured_names_in_the_phase_diagram(
    found: Formation, html: str, other_html: str
) -> None:
    n_captured = found.phases.captured[: found.n_asked, -1].sum()
    assert f"Of all these, one part has captured {n_captured}." in found.headline()
    order, axis = list(range(len(found.names)))[::-1], Axis(found.steps)
    plot = phase_map(found, axis, order)
    data = plot.select({"name": "captured"})[0].data_source.data
    assert len(data["x"]) == found.phases.captured.sum()
    assert all(
        found.phases.captured[order[y], x] for x, y in zip(data["x"], data["y"], strict=True)
    )
    none = replace(
        found, phases=replace(found.phases, captured=np.zeros_like(found.phases.captured))
    )
    assert not phase_map(none, axis, order).select({"name": "captured"})
    said = "captured by one of its parts (bar)"
    assert (said in html, said in other_html) == (True, False)


def test_curves_pass_over_gaps_and_a_lone_checkpoint_shows_its_band() -> None:
    from bokeh.models import BoxAnnotation, Line, Segment, VArea

    curves = Curves(Axis([0, 2, 3], [1]))
    curves.band("C", "#123456", [0.5, 2.5, 3.5], [1.5, 3.5, 4.5], is_shown=False)
    curves.line("C", "#123456", [1.0, 3.0, 4.0])
    curves.line("bar", "#000000", [1.0, 3.0, 4.0], is_dashed=True)
    plot = curves.finished()
    lines = [one.data_source.data for one in plot.renderers if isinstance(one.glyph, Line)]
    assert [list(line["x"]) for line in lines] == [[0, 2, 3], [0, 2, 3]]
    assert [list(line["tick"]) for line in lines] == [["0", "2", "3"]] * 2
    (lone,) = [one.data_source.data for one in plot.renderers if isinstance(one.glyph, Segment)]
    assert (list(lone["x0"]), list(lone["y0"]), list(lone["y1"])) == ([0], [0.5], [1.5])
    assert sum(isinstance(one.glyph, VArea) for one in plot.renderers) == 1
    (gap,) = plot.select(BoxAnnotation)
    assert (gap.left, gap.right) == (0.5, 1.5)
    assert curves.legend == [("C", "#123456")]
    # What belongs to a kind is found by its name: the page's buttons show and hide it.
    named = {one.name for one in plot.renderers}
    assert named == {"band:C", "kind:C", "kind:bar"}
    assert not [one for one in plot.renderers if one.name == "band:C" and one.visible]


def test_labels_at_the_ends_of_lines_do_not_cover_each_other() -> None:
    from bokeh.models import Text

    for is_log in (False, True):
        curves = Curves(Axis([0, 1]), is_log=is_log)
        for at in range(5):
            curves.line(f"kind {at}", "#123456", [1.0, 10.0 + at / 100])
        curves.line("far", "#123456", [1.0, 1.0])
        texts = [one for one in curves.finished().renderers if isinstance(one.glyph, Text)]
        heights = sorted(one.data_source.data["y"][0] for one in texts)
        apart = np.diff(np.log10(heights) if is_log else heights)
        span = 1.0 if is_log else 9.04
        assert len(texts) == 6
        assert apart.min() > 0.07 * span
        assert {one.name for one in texts} == {f"kind:kind {at}" for at in range(5)} | {"kind:far"}


@pytest.mark.long
def test_the_page_says_kinds_in_words_and_finds_a_name(found: Formation, html: str) -> None:
    assert re.search(r'data-kind="E".*?</i><b>E</b> the only person with this given name', html)
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    row = found.n_asked // 2
    shown = np.frombuffer(base64.b64decode(data["measures"]["own_score"]), "<f4")
    shown = shown.reshape(len(found.names), len(found.steps))
    np.testing.assert_allclose(shown[row], found.values["own_score"][row], rtol=1e-6)
    assert data["kinds"][row] == found.kinds[row]
    assert len(data["places"]) == len(found.steps)
    assert 'id="query"' in html
    assert "checkpoints that could not be used" not in html


def test_axes_of_counts_have_few_ticks_and_colours_of_likeness_a_key(found: Formation) -> None:
    from bokeh.models import ColorBar, FixedTicker, Scatter

    crossed = [
        one
        for one in found.phases.crossings
        if one.measure == "leaves" and one.exposures and one.exposures.state == "crossed"
    ]
    plot = crossing_map(found, crossed, dict.fromkeys(found.shown_kinds, "#123456"))
    kind_of = dict(zip(found.names, found.shown_kinds, strict=True))
    seen = []
    for one in plot.renderers:  # the dots of each kind by themselves, to be shown and hidden
        if isinstance(one.glyph, Scatter):
            dots = one.data_source.data
            assert {f"kind:{kind_of[name]}" for name in dots["name"]} == {one.name}
            np.testing.assert_allclose(dots["x"], 5 * toy.STEPS[-1] + 1, rtol=0.08)  # set aside
            seen += list(zip(dots["name"], dots["y"], strict=True))
    expected = [(one.name, one.exposures.position + 1) for one in crossed if one.exposures]
    assert sorted(seen) == sorted(expected)
    assert all(isinstance(axis.ticker, FixedTicker) for axis in plot.axis)
    assert plot.xaxis[0].ticker.ticks[:5] == [1, 3, 10, 30, 100]
    cka = np.array([[1.0, 0.5], [0.5, 1.0]])
    (key,) = (likeness := similarity_map(cka, Axis([0, 20], [10]))).select(ColorBar)
    assert (key.title, key.color_mapper.low, key.color_mapper.high) == ("CKA", 0, 1)
    cells = likeness.renderers[0].data_source.data
    assert (cells["x"], cells["y"]) == ([0, 2, 0, 2], [0, 0, 2, 2])
    assert cells["second"] == ["0", "20", "0", "20"]


@pytest.mark.long
def test_gaps_of_one_reason_share_a_row(other_html: str) -> None:
    assert "<td>step-1, step-3</td><td>missing</td>" in other_html
    assert other_html.count("<tr><td>step-") == 2
    assert "&lt;torn&gt;" in other_html
    assert "3 checkpoints could not be used and are shaded below." in other_html


def test_the_result_shows_itself_as_the_command_does(found: Formation) -> None:
    kinds, table = found.tables()
    assert (kinds.detail, table.detail, kinds.aside) == (False, True, True)
    shown = found.kinds[: found.n_asked]
    assert [row[0] for row in kinds.rows] == list(dict.fromkeys(shown))
    assert [row[2] for row in kinds.rows] == [shown.count(row[0]) for row in kinds.rows]
    assert [row[1] for row in kinds.rows] == [MEANINGS[row[0]] for row in kinds.rows]
    for row in kinds.rows:
        mine = [at for at, kind in enumerate(shown) if kind == row[0]]
        ends = found.phases.labels[mine, -1]
        assert list(row[3:7]) == [(ends == at).sum() for at in range(1, 5)]
        assert row[7] == found.phases.captured[mine, -1].sum()
    assert [row[0] for row in table.rows] == list(found.names[: found.n_asked])
    last = found.phases.labels[: found.n_asked, -1].tolist()
    assert [row[2] for row in table.rows] == last
    place = found.names.index("Soloa Familya")
    assert table.rows[place][4] == "yes"
    leaves = next(one for one in found.phases.crossings if one.measure == "leaves"
                  and one.exposures and one.exposures.state == "crossed")  # fmt: skip
    cells = dict(zip(table.columns, table.rows[found.names.index(leaves.name)], strict=True))
    assert leaves.exposures is not None
    position = f"{leaves.exposures.position:,.0f} ("
    assert str(cells["leaves 1 after exposures"]).startswith(position)
    said = str(found)
    assert said.startswith(found.headline())
    assert NOT_SHOWN in found.footnotes()
    assert len(said.splitlines()) <= 25
    drawn = found._repr_html_()
    assert f">{cell(found.names[0])}</td>" in drawn
    assert "of 40 controls (unseen) ever leave phase 1" in drawn


def test_the_plot_draws_the_names_asked_for_beside_the_set(found: Formation) -> None:
    left, right = found.plot(names=["Soloa Familya", found.names[0]], measure="hold").axes
    series = {line.get_label(): line.get_ydata() for line in left.lines}
    assert list(series) == ["Soloa Familya", found.names[0], "threshold"]
    place = found.names.index("Soloa Familya")
    np.testing.assert_array_equal(series["Soloa Familya"], found.values["hold"][place])
    np.testing.assert_array_equal(series["threshold"], found.phases.thresholds["hold"])
    assert right.lines[0].get_ydata().tolist() == [state.entropy for state in found.sets]
    risen = found.values["own_score"][: found.n_asked]
    first = found.plot().axes[0].lines[0].get_label()
    assert first == found.names[int(np.argmax(risen[:, -1] - risen[:, 0]))]
    with pytest.raises(ValueError, match="'Nobody' is not among the 94 names"):
        found.plot(names=["Nobody"])
    with pytest.raises(ValueError, match="measure must be one of own_score"):
        found.plot(measure="size")
    with pytest.raises(ValueError, match="names must be 1 to 8; got 0"):
        found.plot(names=[])


def test_the_margin_crosses_where_own_and_prior_weigh_the_same(found: Formation) -> None:
    positions = [
        (one.step.position, one.exposures.position)
        for one in found.phases.crossings
        if one.measure == "margin" and one.exposures is not None
    ]
    assert len(positions) == 24  # C and D contradict their parts
    steps, seen = np.array(positions).T
    # The toy's own attributes reach half of their strength at step 60, five exposures a step.
    np.testing.assert_allclose(np.median(steps), toy.SEEN_AT, atol=6)
    np.testing.assert_allclose(np.median(seen), 5 * toy.SEEN_AT, rtol=0.1)


def test_attributes_read_as_parts_predict_until_the_own_ones_come(found: Formation) -> None:
    reading = found.values["parts_reading"]
    assert np.nanmin(reading[of_kind(found, "A")]) > 0.9
    assert np.nanmedian(reading[of_kind(found, "C")][:, 0]) > 0.9
    assert np.nanmedian(reading[of_kind(found, "C")][:, -1]) < 0


def test_the_set_is_measured_against_a_null_and_itself(found: Formation) -> None:
    assert len(found.sets) == len(toy.STEPS)
    assert all(state.effective_rank > 10 for state in found.sets)
    assert np.allclose(np.diag(found.cka), 1)
    assert found.cka[0, 1] > 0.99 > found.cka[0, -1]


def test_tables_and_json_hold_everything_once(found: Formation) -> None:
    table = found.to_arrow()
    assert len(table) == len(found.names) * len(found.steps)
    row = table.filter(pa.compute.field("name") == found.names[0]).to_pylist()
    assert [r["step"] for r in row] == list(toy.STEPS)
    assert [r["phase"] for r in row] == found.phases.labels[0].tolist()
    assert row[-1]["exposures"] == 5 * toy.STEPS[-1]
    assert row[-1]["own_score"] == pytest.approx(found.values["own_score"][0, -1])
    assert table["captured"].to_pylist() == found.phases.captured.ravel().tolist()
    assert row[-1]["hold"] == pytest.approx(found.values["hold"][0, -1])
    assert row[-1]["hold_threshold"] == pytest.approx(found.phases.thresholds["hold"][-1])
    document = json.loads(json.dumps(found.to_dict(), default=_fail))
    assert document["false_alarms"]["n_made_up"] == 40
    assert document["captured_alarms"]["n_alarms"] == found.phases.captured_alarms.n_alarms
    solo = next(one for one in document["names"] if one["name"] == "Soloa Familya")
    assert (solo["captured"][0], solo["captured"][-1]) == (False, True)
    assert "a fast S-shape is not a discontinuity" in document["not_shown"]
    crossings = found.crossings_to_arrow()
    assert set(crossings["measure"].to_pylist()) == {"leaves", "fine", "margin"}


def _fail(value: object) -> object:
    raise TypeError(type(value))


def run(sources: list[str], **options: object) -> Formation:
    settings = {"truth": toy.truth(), "n_resamples": 20, "with_weights": False, **options}
    return formation(sources, **settings)  # type: ignore[arg-type]


def test_other_widths_and_tokenizers_become_gaps_and_the_rest_goes_on() -> None:
    found = run(["toy:10", "toy:20/48", "toy:30|2", "toy:40"])
    assert found.steps == (10, 40) or found.labels == ("toy:10", "toy:40")
    reasons = {gap.label: gap.reason for gap in found.gaps}
    assert reasons["toy:20/48"] == "its embeddings have 48 columns, the others' 192"
    assert reasons["toy:30|2"].startswith("its tokenizer writes the names in other pieces")


def test_a_name_that_cannot_be_written_is_left_out_and_said() -> None:
    names = ["Givena Familyb", "Given? Familyb", "Givenc Familyd"]
    found = run(toy.specs()[:4], names=names)
    assert found.lost == {"Given? Familyb": "the tokenizer writes a letter of it as unknown"}
    assert "1 name left out, such as 'Given? Familyb'" in " ".join(found.remarks)
    assert found.phases.labels[1].tolist() == [0] * 4
    assert np.isnan(found.values["own_score"][1]).all()
    assert found.phases.labels[0].min() == 1


def test_one_checkpoint_gives_labels_and_says_what_is_missing() -> None:
    found = run(["toy:200"])
    assert "one checkpoint only" in found.remarks[0]
    assert found.phases.crossings == ()
    assert found.phases.changes == {}
    assert np.all(found.phases.labels[of_kind(found, "D")] == 4)


def test_names_of_one_part_have_no_phase() -> None:
    found = run(toy.specs()[:3], names=["Givena", "Givena Familyb", "Givenc Familyd"])
    assert found.phases.labels[0].tolist() == [0, 0, 0]
    assert "1 name not cut into given and family name, such as" in " ".join(found.remarks)
    assert np.isfinite(found.values["leakage"][0]).all()


def test_an_unreadable_checkpoint_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    from namebasis.errors import EncoderError

    def sometimes(spec: str, **_options: object) -> toy.ToyEncoder:
        if spec == "toy:10":
            raise EncoderError("toy:10 cannot be read: it is torn")
        return toy.load(spec)

    monkeypatch.setattr(work, "load_encoder", sometimes)
    found = run(toy.specs()[:3])
    assert found.steps == (0, 20)
    assert found.gaps[0].reason == "toy:10 cannot be read: it is torn"
    monkeypatch.setattr(work, "load_encoder", lambda *_a, **_k: sometimes("toy:10"))
    with pytest.raises(CheckpointError, match=r"none of 2 .*it is torn"):
        run(["toy:1", "toy:2"])


def test_no_names_and_only_controls_are_refused() -> None:
    with pytest.raises(ValueError, match="no names: give some, or a truth file"):
        formation(["toy:1"])
    unseen = [name for name, told in toy.truth().names.items() if told.kind == "N"]
    with pytest.raises(ValueError, match="of kind N, a control"):
        run(["toy:1"], names=unseen[:3])
    with pytest.raises(ValueError, match="none of them empty"):
        run(["toy:1"], names=["Givena Familyb", " "])
    with pytest.raises(ValueError, match="'Givena Familyb' comes twice"):
        run(["toy:1"], names=["Givena Familyb", "Givena  Familyb"])
    with pytest.raises(ValueError, match="n_resamples must be"):
        run(["toy:1"], n_resamples=1)


def test_names_that_counts_do_not_tell_are_said() -> None:
    names = ["Givena Familyb", "Givenc Familyd"]
    steps = np.array([0.0, 40.0])
    some = Exposures({names[0]: (steps, steps)}, spread_evenly=False)
    told = run(toy.specs()[:4], names=names, counts=some)
    assert "counts do not tell 1 name, such as 'Givenc Familyd'" in " ".join(told.remarks)
    none = Exposures({"Nobody Here": (steps, steps)}, spread_evenly=True)
    notes = run(toy.specs()[:4], names=names, counts=none).remarks
    assert "counts tell none of these names: crossings are in steps only" in notes
    assert not any("totals" in note for note in notes)


# ----------------------------------------------------------------------------- on the disk


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints of a tiny CLIP, as transformers writes them, with a world beside them."""
    import torch

    from tests.encoders import conftest as models

    folder = tmp_path_factory.mktemp("training") / "run"
    for step, scale in ((10, 0.3), (20, 0.4), (40, 0.6)):
        (folder / f"step-{step:06d}").mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(models, "SCALE", scale)
            torch.manual_seed(0)
            models.write_clip(folder / f"step-{step:06d}")
    names = [
        {"name": name, "kind": told.kind, "own": dict(told.own), "prior": dict(told.prior),
         "own_caption": told.own_caption, "prior_caption": told.prior_caption}
        for name, told in toy.truth().names.items()
    ]  # fmt: skip
    world = {"names": names, "contexts": {"scene": ["on a beach", "laughing", "in a photo"]}}
    (folder / "world.json").write_text(json.dumps(world))
    rows = [f"{step},{row['name']},{step}" for step in (10, 20, 40) for row in names]
    (folder / "exposures.csv").write_text("\n".join(["step,name,count", *rows]))
    return folder


@pytest.mark.long
def test_a_run_folder_brings_its_truth_and_is_encoded_once(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []
    first = formation(tiny_run, n_resamples=20, progress=lambda *at: calls.append(at))
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert first.steps == (10, 20, 40)
    assert first.control_kind == "unseen"
    assert first.exposures is not None
    assert first.exposures[0].tolist() == [10, 20, 40]
    assert [one.relative_change is None for one in (w[0] for w in first.weights)] == [
        True, False, False,
    ]  # fmt: skip
    assert not any(m.matrix.startswith("vision") for m in first.weights[0])

    def never(*_a: object, **_k: object) -> None:
        raise AssertionError("a second run loads nothing")

    monkeypatch.setattr(work, "load_encoder", never)
    second = formation(tiny_run, n_resamples=20)
    np.testing.assert_array_equal(second.phases.labels, first.phases.labels)
    np.testing.assert_array_equal(second.values["own_score"], first.values["own_score"])
    assert second.weights == first.weights


@pytest.mark.long
def test_changed_weights_and_damaged_cache_files_are_encoded_again(
    tiny_run: Path, tmp_path: Path
) -> None:
    run_folder = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    before = formation(run_folder, n_resamples=20)
    cache = tmp_path / "run.formation-cache"
    assert not list(run_folder.glob("*cache*"))  # the run's own folder holds the run alone
    kept = sorted(cache.glob("*.npz"))
    assert len(kept) == 3
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    again = formation(run_folder, n_resamples=20)
    np.testing.assert_array_equal(again.values["own_score"], before.values["own_score"])
    shutil.copy(
        run_folder / "step-000010" / "model.safetensors",
        run_folder / "step-000040" / "model.safetensors",
    )
    changed = formation(run_folder, n_resamples=20)
    own = changed.values["own_score"]
    np.testing.assert_array_equal(own[:, 2], own[:, 0])
    assert not np.array_equal(own, before.values["own_score"])


@pytest.mark.long
def test_a_cache_that_cannot_be_written_is_a_note(tiny_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = formation(tiny_run, n_resamples=20, cache=tmp_path / "file")
    assert "nothing could be kept for a second run" in found.remarks[-1]


@pytest.mark.long
def test_contexts_that_a_name_was_not_seen_in_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, later = [one.removeprefix("{} ") for one in toy.CONTEXTS[:2]], 40

    class Slow(toy.ToyEncoder):
        """Knows its C names elsewhere only as well as it knew them some steps ago."""

        def _embed(self, text: str) -> np.ndarray:
            words = text.split()
            known, rest = names.get(" ".join(words[:2])), " ".join(words[2:])
            if rest and rest not in seen and known is not None and known.contexts:
                return toy.ToyEncoder(max(self._step - later, 0))._embed(text)
            return super()._embed(text)

    monkeypatch.setattr(work, "load_encoder", lambda spec, **_: Slow(int(spec.partition(":")[2])))
    told = toy.truth()
    names = {
        name: replace(one, contexts=tuple(seen)) if one.kind == "C" else one
        for name, one in told.names.items()
    }
    asked = [name for name, one in names.items() if one.kind in "CB"]
    found = formation(
        toy.specs((0, 20, 40, 60, 80, 100, 130, 160, 200)), asked, n_resamples=20,
        truth=Truth(names, told.contexts), counts=toy.exposures(), with_weights=False,
    )  # fmt: skip
    lag = found.context_lag
    assert lag is not None
    # Five exposures a step: 40 steps later, after about 50 steps, where own and prior are even.
    assert 1.3 < lag.low <= lag.ratio <= lag.high < 2.5
    assert lag.null_high < lag.low
    assert lag.n == 12
    kinds = np.array(found.kinds[: found.n_asked])
    assert np.isnan(lag.ratios[kinds == "B"]).all()
    middle = [found.steps.index(step) for step in (60, 80)]
    apart = found.values["margin_seen"] - found.values["margin_elsewhere"]
    assert (apart[: found.n_asked][kinds == "C"][:, middle] > 0.05).all()
    assert f"12 names are recognised by captions after {lag.ratio:.2f} times" in str(found)
    document = found.to_dict()["context_lags"]
    assert document["pictures"] is None
    assert document["captions"]["ratio"] == lag.ratio
    assert len(document["captions"]["names"]) == 12
