from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from namebasis.formation.checkpoints import (
    CheckpointError,
    Gap,
    find_checkpoints,
    no_such_step,
    nothing_left,
)


def write_step(run: Path, name: str, value: float = 1.0) -> Path:
    folder = run / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"a": np.full((3, 4), value, np.float32)}, folder / "model.safetensors")
    return folder


def write_epoch(run: Path, name: str) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(run / name, "w") as archive:
        archive.writestr("data.pkl", b"x" * 500)
    return run / name


@pytest.mark.parametrize("form", ["step-{:06d}", "checkpoint-{}", "epoch_{}", "global_step{}"])
def test_steps_are_ordered_by_number_not_by_letters(tmp_path: Path, form: str) -> None:
    for step in (1000, 20, 3):
        write_step(tmp_path, form.format(step))
    (tmp_path / "logs").mkdir()
    series = find_checkpoints(tmp_path)
    assert [one.step for one in series.checkpoints] == [3, 20, 1000]
    assert series.checkpoints[0].spec == f"hf:{tmp_path / form.format(3)}"
    assert series.gaps == ()
    assert series.folder == tmp_path


def test_half_written_steps_become_gaps_that_say_why(tmp_path: Path) -> None:
    write_step(tmp_path, "step-1")
    (tmp_path / "step-2").mkdir()
    (write_step(tmp_path, "step-3") / "model.safetensors").unlink()
    cut = write_step(tmp_path, "step-4") / "model.safetensors"
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:-10])
    (write_step(tmp_path, "step-5") / "model.safetensors").write_bytes(b"\x00" * 4)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    shards = write_step(tmp_path, "step-6") / "model.safetensors.index.json"
    shards.write_text(json.dumps(index))
    series = find_checkpoints(tmp_path)
    assert [one.step for one in series.checkpoints] == [1]
    assert [(gap.step, gap.reason) for gap in series.gaps] == [
        (2, "half-written: it holds no config.json"),
        (3, "half-written: it holds no model.safetensors"),
        (4, f"half-written: model.safetensors has {size - 10:,} of {size:,} bytes"),
        (5, "half-written: model.safetensors has no readable header"),
        (6, "half-written: model-00002-of-00002.safetensors is missing"),
    ]


def test_steps_that_the_run_lists_and_lacks_are_gaps(tmp_path: Path) -> None:
    write_step(tmp_path, "step-000010")
    (tmp_path / "run.json").write_text(json.dumps({"checkpoints": [10, 20]}))
    (gap,) = find_checkpoints(tmp_path).gaps
    assert (gap.label, gap.step, gap.reason) == ("step-000020", 20, "missing: run.json lists it")


def test_open_clip_s_training_folder(tmp_path: Path) -> None:
    for epoch in (10, 2):
        write_epoch(tmp_path / "checkpoints", f"epoch_{epoch}.pt")
    whole = write_epoch(tmp_path / "checkpoints", "epoch_3.pt")
    whole.write_bytes(whole.read_bytes()[:200])
    write_epoch(tmp_path / "checkpoints", "epoch_latest.pt")
    with pytest.raises(CheckpointError, match="such as --model ViT-B-32"):
        find_checkpoints(tmp_path)
    (tmp_path / "params.txt").write_text("batch_size: 64\nmodel: ViT-B-16\nname: run\n")
    series = find_checkpoints(tmp_path)
    assert [one.spec for one in series.checkpoints] == [
        f"open_clip:ViT-B-16@{tmp_path / 'checkpoints' / f'epoch_{epoch}.pt'}" for epoch in (2, 10)
    ]
    (gap,) = series.gaps
    assert gap.reason == "half-written: epoch_3.pt is no whole archive"
    named = find_checkpoints(tmp_path / "checkpoints", model="RN50")
    assert named.checkpoints[0].spec.startswith("open_clip:RN50@")


def test_a_number_that_comes_twice_is_a_gap(tmp_path: Path) -> None:
    write_step(tmp_path, "step-000010")
    write_step(tmp_path, "step-10")
    series = find_checkpoints(tmp_path)
    assert [one.label for one in series.checkpoints] == ["step-000010"]
    assert [(g.label, g.reason) for g in series.gaps] == [
        ("step-10", "has the number of step-000010, which is taken")
    ]


def test_packaged_encoders_are_specs_and_no_folders() -> None:
    (one,) = find_checkpoints("organism").checkpoints
    assert (one.spec, one.files) == ("organism", ())


def test_weights_in_another_model_are_another_checkpoint(tmp_path: Path) -> None:
    write_epoch(tmp_path, "epoch_1.pt")
    one, same, other = (
        find_checkpoints(tmp_path, model=model).checkpoints[0].fingerprint
        for model in ("ViT-B-32", "ViT-B-32", "ViT-B-32-quickgelu")
    )
    assert one == same != other
    copied = write_epoch(tmp_path / "elsewhere", "epoch_1.pt")
    copied.write_bytes((tmp_path / "epoch_1.pt").read_bytes())
    moved = find_checkpoints(tmp_path / "elsewhere", model="ViT-B-32")
    assert moved.checkpoints[0].fingerprint == one


def test_revisions_of_a_repository() -> None:
    series = find_checkpoints("hf:org/model", revisions=["step20", "step3", "step100"])
    assert [(one.step, one.revision) for one in series.checkpoints] == [
        (3, "step3"), (20, "step20"), (100, "step100"),
    ]  # fmt: skip
    assert {one.spec for one in series.checkpoints} == {"hf:org/model"}
    assert series.checkpoints[0].fingerprint is None
    plain = find_checkpoints("hf:org/model", revisions=["main", "early"])
    assert [(one.step, one.revision) for one in plain.checkpoints] == [(0, "main"), (1, "early")]


def test_specs_keep_their_order_where_numbers_do_not_give_one(tmp_path: Path) -> None:
    series = find_checkpoints(["open_clip:ViT-B-32/b", "open_clip:ViT-B-32/a"])
    assert [one.spec[-1] for one in series.checkpoints] == ["b", "a"]
    first, second = write_step(tmp_path, "x-7"), write_step(tmp_path, "x-5")
    found = find_checkpoints([f"hf:{first}", f"hf:{second}"])
    assert [one.step for one in found.checkpoints] == [5, 7]


def test_a_fingerprint_follows_the_bytes_not_the_place(tmp_path: Path) -> None:
    for name, value in (("step-1", 1.0), ("step-2", 2.0), ("step-3", 1.0)):
        write_step(tmp_path, name, value)
    one, two, three = (c.fingerprint for c in find_checkpoints(tmp_path).checkpoints)
    assert one == three != two
    assert one is not None
    assert one.startswith("files:")


def test_what_is_no_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such folder"):
        find_checkpoints(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="holds no checkpoints: neither folders such as"):
        find_checkpoints(tmp_path)
    with pytest.raises(CheckpointError, match="is one model, not a series"):
        find_checkpoints(write_step(tmp_path, "model"))
    with pytest.raises(CheckpointError, match="given twice"):
        find_checkpoints(["hf:a/b", "hf:a/b"])
    with pytest.raises(CheckpointError, match="go with one repository"):
        find_checkpoints(["hf:a/b", "hf:a/c"], revisions=["x"])
    with pytest.raises(CheckpointError, match="no checkpoints: give"):
        find_checkpoints([])
    broken = tmp_path / "broken"
    (broken / "step-1").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"none of 1 checkpoint can be used .step-1"):
        find_checkpoints(broken)


def test_a_checkpoint_is_counted_once_and_steps_beyond_twenty_are_not_denied() -> None:
    gaps = [Gap("a", 1, "no tokenizer."), Gap("a", 1, "again"), Gap("b", 2, "no model.")]
    assert nothing_left("run", gaps) == (
        "run: none of 2 checkpoints can be used (a: no tokenizer; b: no model)."
    )
    assert no_such_step(3, [1, 2]) == "there is no checkpoint of step 3; there are 1, 2."
    assert no_such_step(99, range(24)).endswith("18, 19 and 4 more.")
