from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis import __version__
from namebasis.analysis.intervals import mean_interval
from namebasis.encoders.base import Encoder
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.formation.checkpoints import CheckpointError
from namebasis.formation.towers import KINDS, HookedTower, Restored
from namebasis.formation.trace_results import MeanTrace
from namebasis.formation.tracing import trace, trace_encoder
from tests.encoders.conftest import tiny

__all__ = ["tiny"]

PROMPT = "a photo of Anna Vicki laughing"
SPECS = {"clip": "hf:{}", "clip_text": "hf:{}", "open_clip": "open_clip:local-dir:{}"}


@pytest.fixture(scope="module", params=[*SPECS, "open_clip custom", "open_clip LND"])
def encoder(request: pytest.FixtureRequest, tiny: Any) -> Encoder:
    kind = request.param.partition(" ")[0]
    made = load_encoder(SPECS[kind].format(tiny(kind)))
    if request.param == "open_clip custom":
        made = load_encoder(SPECS["open_clip"].format(custom_text(tiny("open_clip"))))
    if request.param == "open_clip LND":
        transformer = made.model.transformer  # type: ignore[attr-defined]
        transformer.batch_first = False
        for block in transformer.resblocks:
            block.attn.batch_first = False
    return made


def custom_text(folder: Path) -> Path:
    """The same weights as a CustomTextCLIP, whose text tower is a module of its own."""
    import shutil

    from safetensors.torch import load_file, save_file

    copy = folder.parent / f"{folder.name}-custom"
    if copy.is_dir():
        return copy
    shutil.copytree(folder, copy)
    config = json.loads((copy / "open_clip_config.json").read_text())
    config["model_cfg"]["custom_text"] = True
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    state = load_file(copy / "open_clip_model.safetensors")
    renamed = {
        key if key.startswith(("visual", "logit")) else f"text.{key}": value
        for key, value in state.items()
        if key != "attn_mask"
    }
    save_file(renamed, copy / "open_clip_model.safetensors")
    return copy


@pytest.mark.long
def test_the_clean_row_is_the_encoder_s_own(encoder: Encoder) -> None:
    tower = HookedTower(encoder)
    pooled, states = tower.clean(tower.ids(PROMPT), "residual")
    np.testing.assert_allclose(pooled.numpy(), encoder.encode_text([PROMPT])[0], atol=2e-6)
    assert len(states) == tower.n_layers + 1
    assert {state.shape for state in states} == {(len(tower.ids(PROMPT)), 32)}


@pytest.mark.parametrize("kind", KINDS)
def test_all_restored_is_clean_and_nothing_restored_is_corrupted(
    encoder: Encoder, kind: str
) -> None:
    tower = HookedTower(encoder)
    ids = tower.ids(PROMPT)
    clean, states = tower.clean(ids, kind)
    noise = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    everywhere = torch.arange(len(ids)).repeat(2)
    rows = torch.arange(2).repeat_interleave(len(ids))
    layers = range(tower.n_layers + 1) if kind == "residual" else range(1, tower.n_layers + 1)
    all_back = [Restored(layer, rows, everywhere) for layer in layers]
    if kind != "residual":  # without the embeddings, the residual stream keeps the noise
        all_back.append(Restored(0, rows, everywhere))
    back = tower.patched(ids, kind, noise, [4, 5, 6], states, all_back)
    torch.testing.assert_close(back, clean.expand_as(back), atol=2e-7, rtol=0)
    lost = tower.patched(ids, kind, noise, [4, 5, 6], states, [])
    assert (lost - clean).abs().max() > 1e-3
    again = tower.patched(ids, kind, 0 * noise, [4, 5, 6], states, [])
    torch.testing.assert_close(again, clean.expand_as(again), atol=2e-7, rtol=0)


def test_hooks_are_gone_afterwards(encoder: Encoder) -> None:
    before = encoder.encode_text([PROMPT])
    trace_encoder(encoder, "Anna", template="a photo of {}", n_samples=2)
    modules = encoder.model.modules()  # type: ignore[attr-defined]
    assert not any(module._forward_hooks for module in modules)
    np.testing.assert_array_equal(encoder.encode_text([PROMPT]), before)


def test_one_cell_is_what_one_restored_state_gives(encoder: Encoder) -> None:
    found = trace_encoder(encoder, "Anna Vicki", template="a photo of {} laughing", n_samples=3)
    tower = HookedTower(encoder)
    ids = tower.ids(PROMPT)
    clean, states = tower.clean(ids, "residual")
    first = len(ids) - len(found.tokens)
    deviation = 3 * float(tower.embedding.weight.detach().std())
    assert found.noise == pytest.approx(deviation)
    drawn = np.random.default_rng(0).standard_normal((3, found.n_name_tokens, 32))
    noise = torch.from_numpy((deviation * drawn).astype(np.float32))
    positions = list(range(first, first + found.n_name_tokens))
    lost = tower.patched(ids, "residual", noise, positions, states, []) @ clean
    one = Restored(1, torch.arange(3), torch.full((3,), first + 1))
    back = tower.patched(ids, "residual", noise, positions, states, [one]) @ clean
    expected = float((back - lost).mean() / (1 - lost).mean())
    assert found.recovered[1, 1] == pytest.approx(expected, abs=1e-5)
    assert found.corrupted == pytest.approx(float(lost.mean()), abs=1e-6)


def test_the_last_layer_is_read_at_the_end_token_alone(encoder: Encoder) -> None:
    found = trace_encoder(encoder, "Anna", template="a photo of {} laughing", n_samples=2)
    assert found.recovered[-1, -1] == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found.recovered[:-1, -1], 0, atol=1e-5)
    np.testing.assert_allclose(found.recovered[found.n_name_tokens :, 0], 0, atol=1e-5)
    assert found.layers == (0, 1, 2)
    assert found.tokens[-1] == "end"
    assert found.handover in (1, 2)


def test_a_window_over_all_layers_brings_the_mlps_of_a_token_back(encoder: Encoder) -> None:
    narrow = trace_encoder(encoder, "Anna", kind="mlp", n_samples=2)
    wide = trace_encoder(encoder, "Anna", kind="mlp", n_samples=2, window=9)
    assert narrow.layers == (1, 2)
    np.testing.assert_allclose(wide.recovered[:, 0], wide.recovered[:, 1], atol=1e-6)
    assert not np.allclose(narrow.recovered[-1, 0], wide.recovered[-1, 0], atol=1e-4)


def test_the_own_direction_is_traced_along_what_parts_leave(encoder: Encoder) -> None:
    partners = ([f"Ann{c}" for c in "aeiouklm"], [f"Vic{c}" for c in "aeiouklm"])
    found = trace_encoder(encoder, "Anna Vicki", target="own", n_samples=2, partners=partners)
    assert found.recovered[-1, -1] == pytest.approx(1, abs=1e-4)
    plain = trace_encoder(encoder, "Anna Vicki", n_samples=2)
    assert not np.allclose(found.recovered, plain.recovered, atol=1e-3)


def test_seeds_repeat(encoder: Encoder) -> None:
    first, again, other = (
        trace_encoder(encoder, "Anna", n_samples=2, seed=seed).recovered for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_refused_towers_names_and_options(tiny: Any) -> None:
    clip = load_encoder(f"hf:{tiny('clip')}")
    with pytest.raises(EncoderError, match="cannot be traced: a SiglipModel is not one of CLIP"):
        trace_encoder(load_encoder(f"hf:{tiny('siglip')}"), "Anna")
    with pytest.raises(EncoderError, match="cannot be traced"):
        trace_encoder(load_encoder("minilm"), "Anna")
    with pytest.raises(EncoderError, match="is longer than the 24 tokens"):
        trace_encoder(clip, "Anna " * 20)
    with pytest.raises(EncoderError, match="has no pieces of its own"):
        trace_encoder(clip, "Anna", template="photo{}photo")
    with pytest.raises(ValueError, match="kind must be one of residual, attention, mlp"):
        trace_encoder(clip, "Anna", kind="head")
    with pytest.raises(ValueError, match="has no own direction: one part only"):
        trace_encoder(clip, "Anna", target="own")
    with pytest.raises(ValueError, match="noise must be above 0"):
        trace_encoder(clip, "Anna", noise=0)


@pytest.mark.long
def test_over_checkpoints_and_as_a_page(tiny: Any, tmp_path: Path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(tiny("clip"), run / "step-000010")
    shutil.copytree(tiny("clip"), run / "step-000020")
    shutil.copytree(tiny("clip"), run / "step-000030")
    (run / "step-000030" / "tokenizer.json").unlink()
    for path in (run / "step-000030").glob("*vocab*"):
        path.unlink()
    found = trace(run, "Anna <b>", template="a photo of {}", n_samples=2, n_null=0)
    assert [one.step for one in found.traces] == [10, 20]
    assert "holds no tokenizer" in found.gaps[0].reason
    np.testing.assert_array_equal(found.traces[0].recovered, found.traces[1].recovered)
    table = found.to_arrow()
    assert len(table) == 2 * found.traces[0].recovered.size
    json.dumps(found.to_dict(), allow_nan=False)
    found.write_html(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.count("<svg") == 2
    assert "<b></" not in html
    assert f"namebasis {__version__}" in html  # not that of an older installation
    assert "Anna &lt;b&gt;, step-000010: residual, whole embedding" in html
    assert [table.title for table in found.tables()] == ["step-000010", "step-000020"]
    last = found.traces[-1]
    assert found.tables()[1].rows[0] == (last.tokens[0], *last.recovered[0].tolist())
    assert [note.split(":")[0] for note in found.notes()] == ["step-000010", "step-000020", "gap"]
    assert found.headline() == last.headline()
    flat = np.zeros_like(last.recovered)
    handed = flat.copy()
    handed[-1, 1:] = 0.5
    assert replace(last, recovered=handed).headline() == (
        f"Anna <b>, step-000020: layer {last.layers[1]} of {last.layers[-1]} is the first where "
        "the end token brings back more of the name than its own tokens."
    )
    assert replace(last, recovered=flat).headline() == (
        f"Anna <b>, step-000020: its own tokens carry the name up to the last layer, "
        f"{last.layers[-1]}."
    )
    assert "not seen" in replace(last, recovered=np.full_like(flat, np.nan)).headline()
    assert last.to_html().count("<svg") == 1
    for drawn, n_maps in ((found.plot(), 2), (last.plot(), 1)):
        assert len(drawn.axes) == n_maps + 1  # and the key of colours
        np.testing.assert_array_equal(drawn.axes[n_maps - 1].images[0].get_array(), last.recovered)
    only = trace(run, "Anna", steps=[20], n_samples=2)
    assert [one.label for one in only.traces] == ["step-000020"]
    assert only.gaps == ()
    (run / "step-000040").mkdir()
    with pytest.raises(CheckpointError, match="step-000040: half-written: it holds no config"):
        trace(run, "Anna", steps=[40])
    with pytest.raises(CheckpointError, match="no checkpoint of step 25; there are 10, 20"):
        trace(run, "Anna", steps=[25])


def test_means_over_names_by_what_a_token_belongs_to(tiny: Any, tmp_path: Path) -> None:
    spec, names = f"hf:{tiny('clip')}", ["Anna Vicki", "Vic Kina", "Naan"]
    found = trace(spec, names, template="a photo of {} laughing", n_samples=3, n_null=2)
    assert [one.roles.count("given") for one in found.traces][2] == found.traces[2].n_name_tokens
    assert len(found.nulls) == 2
    mean, null = found.means
    assert (mean.names, mean.is_null, null.is_null) == (tuple(names), False, True)
    assert not set(null.names) & set(names)
    assert mean.roles == ("given", "family", "rest", "end")
    ends = np.stack([one.recovered[-1] for one in found.traces])
    np.testing.assert_allclose(mean.recovered[-1], ends.mean(axis=0))
    families = [one.recovered[np.array(one.roles) == "family"] for one in found.traces[:2]]
    expected = np.mean([rows.mean(axis=0) for rows in families], axis=0)
    np.testing.assert_allclose(mean.recovered[1], expected)
    assert np.isnan(mean.low).all(), "three names have no interval"
    many = MeanTrace.of([found.traces[0], found.traces[1]] * 3)
    at_end = mean_interval([found.traces[0].recovered[-1, 1], found.traces[1].recovered[-1, 1]] * 3)
    assert (many.low[-1, 1], many.high[-1, 1]) == pytest.approx((at_end.low, at_end.high))
    first = found.traces[0]
    np.testing.assert_allclose(first.reach, first.deviation * 4.302653 / 2**0.5, rtol=1e-6)
    rows = found.to_arrow()
    assert rows.filter(rows["is_null"])["name"].unique().to_pylist() == list(null.names)
    assert "2 names that nobody bears" in (found.headline() or "")
    lone = replace(found, traces=found.traces[:1])
    titles = [table.title for table in lone.tables()]
    assert len(titles) == 3, "a map, and the mean of the null with its intervals"
    assert [title for title in titles if "1 name" in title] == []
    assert len(found.plot().axes) == 2
    html = found.to_html()
    assert html.count("<svg") == 5
    assert "Anna Vicki, Vic Kina, Naan" in html
