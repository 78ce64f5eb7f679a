"""open_clip's own training folder, as its trainer writes it, and hub revisions."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.formation import formation, trace
from namebasis.formation.checkpoints import CheckpointError
from tests.encoders.conftest import tiny
from tests.formation import toy

pytestmark = pytest.mark.long

__all__ = ["tiny"]


@pytest.fixture
def training(tiny: Any, tmp_path: Path) -> Path:
    """Two epochs with optimizer and the prefix of distributed training, and one that is code."""
    state = torch.load(tiny("open_clip") / "tiny.pt", weights_only=True)
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    for epoch in (1, 2):
        moved = {
            f"module.{key}": value * (1 + 0.1 * epoch) if value.ndim == 2 else value
            for key, value in state.items()
        }
        moment = {"exp_avg": torch.zeros(3), "step": torch.tensor(epoch)}
        torch.save(
            {"epoch": epoch, "name": "run", "state_dict": moved,
             "optimizer": {"state": {0: moment}, "param_groups": [{"lr": 1e-3, "params": [0]}]}},
            folder / f"epoch_{epoch}.pt",
        )  # fmt: skip
    (tmp_path / "run" / "params.txt").write_text("lr: 0.001\nmodel: tiny-clip\n")
    return tmp_path / "run"


def test_epochs_are_read_and_a_pickle_is_never_run(training: Path) -> None:
    class Code:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(training / "ran"),)

    torch.save({"state_dict": Code()}, training / "checkpoints" / "epoch_3.pt")
    (training / "checkpoints" / "epoch_4.pt").write_bytes(pickle.dumps(Code()))
    found = formation(training, truth=toy.truth(), n_resamples=20)
    assert found.steps == (1, 2)
    reasons = {gap.step: gap.reason for gap in found.gaps}
    assert "holds code, which is never run" in reasons[3]
    assert reasons[4] == "half-written: epoch_4.pt is no whole archive"
    assert not (training / "ran").exists()
    change = [m.relative_change for m in found.weights[1] if m.matrix == "text_projection"]
    np.testing.assert_allclose(change, [1.2 / 1.1 - 1], rtol=1e-4)
    assert not any(m.matrix.startswith("visual") for m in found.weights[0])
    maps = trace(training, "Givena Familyb", n_samples=2)
    assert [one.step for one in maps.traces] == [1, 2]
    assert {gap.step for gap in maps.gaps} == {3, 4}


def test_revisions_go_to_the_hub_s_loader(monkeypatch: pytest.MonkeyPatch, tiny: Any) -> None:
    import huggingface_hub

    asked: list[tuple[str, str]] = []

    def snapshot(repository: str, *, revision: str, allow_patterns: list[str]) -> str:
        asked.append((repository, revision))
        if revision == "step20":
            raise huggingface_hub.errors.RevisionNotFoundError("none", response=_Response())
        return str(tiny("clip"))

    class _Response:
        status_code, headers, request = 404, {}, None

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    found = formation(
        "hf:org/model", truth=toy.truth(), revisions=["step10", "step20", "step30"], n_resamples=20,
        with_weights=False,
    )  # fmt: skip
    assert asked == [("org/model", f"step{step}") for step in (10, 20, 30)]
    assert found.steps == (10, 30)
    assert found.gaps[0].reason == "hf:org/model has no revision 'step20'."
    np.testing.assert_array_equal(found.values["own_score"][:, 0], found.values["own_score"][:, 1])
    with pytest.raises(CheckpointError, match="go with one repository"):
        formation(["hf:a/b", "hf:a/c"], revisions=["x"], truth=toy.truth())
