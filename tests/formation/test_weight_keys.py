"""Keys of names, what second matrices write for them, and evidence over checkpoints."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import namebasis
from namebasis.analysis.training.rank_one import second_moment, value_edit
from namebasis.encoders.base import Encoder
from namebasis.encoders.loading import holds_vocabulary
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.formation.checkpoints import Checkpoint
from namebasis.formation.truth import Known, Truth
from namebasis.formation.weight_identity.asked import ask
from namebasis.formation.weight_identity.evidence import collect
from namebasis.formation.weight_identity.key_changes import ends_of, key_changes
from namebasis.formation.weight_identity.keys import Memories
from namebasis.formation.weight_identity.knock_out import Remover, take_out
from namebasis.formation.weight_identity.results import WeightIdentity
from namebasis.formation.weight_identity.saved import folder_of, save_changed
from namebasis.formation.weight_identity.stream import Stream
from namebasis.formation.weight_identity.writers import prompts_of
from namebasis.organism.world import World
from tests.encoders.conftest import tiny
from tests.formation.test_weight_identity import PAIRS, TEMPLATE, encoder

__all__ = ["encoder", "tiny"]


def test_keys_are_what_another_pass_computes_and_values_add_up(encoder: Encoder) -> None:
    memories, stream = Memories(encoder, TEMPLATE), Stream(encoder)
    ids, sources = prompts_of(encoder, stream, PAIRS, TEMPLATE)
    last = [int(np.flatnonzero(one == 2)[-1]) for one in sources]
    passes = [stream.run(ids, sources, 4, at) for at in (last, None)]
    weights, width = memories.weights(), len(memories.weights()[0])
    expected = np.zeros((len(PAIRS), 2 * width))
    for layer, matrix in enumerate(weights):
        keys = memories.keys(PAIRS, layer)
        for site, found in enumerate(passes):
            # Stream folds the activation's factor into the matrix: values, not keys, are alike.
            folded = found.keys[:, layer] @ stream._weights.layers[layer].down.weight.numpy().T
            np.testing.assert_allclose(keys[:, site] @ matrix.T, folded, atol=1e-5)
            if (layer, site) in memories.sites:
                expected[:, site * width : (site + 1) * width] += folded
    np.testing.assert_allclose(memories.written(PAIRS, weights), expected, atol=1e-5)
    texts = [TEMPLATE.format(" ".join(pair)) for pair in PAIRS]
    np.testing.assert_allclose(memories.rows(PAIRS), encoder.encode_text(texts), atol=2e-6)


def test_weights_that_were_changed_come_back(encoder: Encoder) -> None:
    memories = Memories(encoder)
    before, rows = memories.weights(), memories.rows(PAIRS)
    edit = np.random.default_rng(0).standard_normal(before[0].shape)
    with memories.changed({0: edit}):
        assert np.abs(memories.rows(PAIRS) - rows).max() > 1e-3
    np.testing.assert_array_equal(memories.weights(), before)
    np.testing.assert_array_equal(memories.rows(PAIRS), rows)


def test_a_changed_model_is_saved_beside_and_loads_alike(encoder: Encoder, tmp_path: Path) -> None:
    memories = Memories(encoder)
    edit = np.random.default_rng(1).standard_normal(memories.weights()[0].shape)
    rows = memories.rows(PAIRS)
    with memories.changed({0: edit}):
        spec = save_changed(encoder, tmp_path / "changed")
        changed = memories.rows(PAIRS)
    assert np.abs(changed - rows).max() > 1e-3
    np.testing.assert_allclose(Memories(load_encoder(spec)).rows(PAIRS), changed, atol=1e-6)
    np.testing.assert_allclose(Memories(load_encoder(encoder.spec)).rows(PAIRS), rows, atol=1e-6)
    with pytest.raises(EncoderError, match=r"changed already exists\. Give a new folder"):
        save_changed(encoder, tmp_path / "changed")
    with pytest.raises(EncoderError, match=r"there is no folder .*none\. Make it"):
        save_changed(encoder, tmp_path / "none" / "changed")


def test_a_change_along_one_key_is_rank_one_along_it_and_no_other(
    tiny: Any, tmp_path: Path
) -> None:
    names = [f"{first} {last}" for first in ("Anna", "Vic") for last in ("Kina", "Naan")]
    first = load_encoder(f"hf:{tiny('clip')}")
    memories, told = Memories(first), Truth({name: Known(name, "C") for name in names})
    asked = ask(None, told, n_swaps=12, n_null=20, seed=0)
    corner = [(given, family) for given in asked.partners[0] for family in asked.partners[1]]
    keys = memories.keys([*corner, *asked.pairs], 0)[:, 0]
    key, value = keys[len(corner)], np.linspace(-0.2, 0.3, len(memories.weights()[0]))
    with memories.changed({0: value_edit(value, key, second_moment(keys))}):
        changed = save_changed(first, tmp_path / "changed")
    series = [Checkpoint(step, str(step), spec) for step, spec in enumerate((first.spec, changed))]
    found = key_changes(*ends_of(series, ("0", "1")), asked)
    assert ends_of(series, ("1",)) == ()
    assert found.cells[0] == (1, "name")
    assert found.shares[0, 0] == pytest.approx(1, abs=1e-5)
    assert found.lengths[0, 0] == pytest.approx(np.linalg.norm(value), rel=1e-4)
    assert found.shares[1:, 0].max() < 0.999
    later = [at for at, (block, _) in enumerate(found.cells) if block > 1]
    assert not found.shares[:, later].any()
    assert not found.lengths[:, later].any()
    null = found.shares[len(names) :, 0]
    rank_one = WeightIdentity((), key_changes=found).tables()[0].rows[0]
    assert rank_one[:4] == ("C", 1, "name", len(names))
    assert rank_one[5] == pytest.approx(np.median(null))
    above = (found.shares[: len(names), :1] > null).mean()
    assert rank_one[6] == pytest.approx(above)
    assert found.to_arrow().num_rows == found.shares.size == len(found.to_dict()["keys"])


def test_a_changed_step_keeps_the_tokenizer_of_its_run(tiny: Any, tmp_path: Path) -> None:
    run, step = tmp_path / "run", tmp_path / "run" / "step-000001"
    shutil.copytree(tiny("clip"), step)
    for file in [one for one in step.iterdir() if one.suffix != ".safetensors"]:
        if file.name != "config.json":
            file.rename(run / file.name)
    assert not holds_vocabulary(step)
    encoder = load_encoder(f"hf:{step}")
    changed = load_encoder(save_changed(encoder, tmp_path / "changed"))
    texts = ["a photo of Vicki", "Anna Naan"]
    np.testing.assert_allclose(changed.encode_text(texts), encoder.encode_text(texts), atol=1e-6)


def test_what_has_no_keys_or_folder_says_so() -> None:
    minilm = load_encoder("minilm")
    with pytest.raises(EncoderError, match="minilm cannot be traced"):
        Memories(minilm)
    with pytest.raises(EncoderError, match="minilm cannot be saved with other weights"):
        folder_of(minilm)


def test_a_person_is_taken_out_of_the_organism_and_hardly_anyone_else() -> None:
    world = World.load(Path(namebasis.__file__).parent / "data" / "organism" / "world.json")
    names = [one.name for one in world.names if one.kind == "C" and one.exposures >= 1000]
    truth = Truth({one.name: Known(one.name, one.kind) for one in world.names})
    asked = ask(names, truth, n_swaps=12, n_null=20, seed=0)
    memories = Memories(load_encoder("organism"))
    before = memories.weights()
    found = take_out(memories, asked, [0, 1, 2], "organism")
    assert (found.lost > 0.5).all()
    assert max(*found.others, *found.null) < 0.05
    assert (found.length > np.median(Remover(memories, asked).length[asked.n_asked :])).all()
    np.testing.assert_array_equal(memories.weights(), before)
    assert "other names" in str(found.headline())
    assert [row["name"] for row in found.to_dict()["names"]] == names[:3]


def test_a_name_crosses_where_its_score_reaches_what_no_other_does() -> None:
    rng = np.random.default_rng(0)
    steps, null = (0, 10, 20, 30, 40), rng.uniform(0.9, 1.1, (50, 5))
    rising = np.array([np.nan, 1.0, 1.0, 4.0, 8.0])
    scores = np.vstack([rising, np.ones(5), null])
    scores[:, 0] = np.nan
    exposures = np.array([[0.0, 0, 0, 30, 60], [0, 5, 10, 15, 20]])
    draws = np.repeat(scores[:2, :, None], 40, axis=2)
    found = collect(
        ("a", "b"), ("C", "A"), steps, [str(s) for s in steps], scores, draws, exposures
    )
    crossed, never = found.crossings
    assert (never.step.state, never.exposures.state) == ("never", "never")  # type: ignore[union-attr]
    # Between steps 20 and 30 the logarithm goes from 0 to log 4, straight over log(1 + exposures).
    bar = np.log(found.threshold)
    before, after = -bar[2], np.log(4) - bar[3]
    share = -before / (after - before)
    assert crossed.step.position == pytest.approx(20 + 10 * share)
    assert crossed.exposures is not None
    assert crossed.exposures.position == pytest.approx(31**share - 1)
    np.testing.assert_allclose(
        found.threshold[1:], null.mean(0)[1:] + 2.75 * null.std(0, ddof=1)[1:]
    )
    assert found.null_band.shape == (2, 5)
    assert np.isnan(found.null_band[:, 0]).all()
    assert found.headline() == (
        "40: weights tell 1 of 2 names from names that nobody bears (0 of 50 of those)."
    )
    assert [row[0] for row in found.tables()[0].rows] == ["a", "b"]
    assert found.to_arrow().num_rows == 10
    assert found.to_dict()["crossings"][1]["step_state"] == "never"
