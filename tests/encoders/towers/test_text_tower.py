"""The fast text forward against the libraries' own, for every tower family that they list."""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.encoders.towers import dense as dense_module
from namebasis.encoders.towers.dense import dense
from namebasis.encoders.towers.prompt_tree import grow
from namebasis.encoders.towers.ragged import Ragged
from namebasis.encoders.towers.text_tower import TextTower, fast_tower
from namebasis.encoders.towers.weights import Matrix, UnsupportedTowerError, read_tower
from tests.lazily import library

open_clip = library("open_clip", "the extra open-clip is not installed")

VOCABULARY = 200
SOT, EOT = VOCABULARY - 2, VOCABULARY - 1
SHAPE_KEYS = ("width", "heads", "layers", "vocab_size", "hf_tokenizer_name", "tokenizer_kwargs")


def listed() -> dict[str, Any]:
    """What open_clip reads as it is loaded, which takes seconds: its models and what they are."""
    place = Path(str(find_spec("open_clip").origin)).parent / "model_configs"  # type: ignore[union-attr]
    found = {file.stem: json.loads(file.read_text("utf-8")) for file in place.glob("*.json")}
    return dict(sorted(found.items(), key=lambda one: natural(one[0])))


def natural(name: str) -> list[tuple[int, str]]:
    """The order of open_clip's list."""
    return [(int(p) if p.isdigit() else 0, p) for p in re.split(r"(\d+)", name.lower())]


def families() -> dict[str, str]:
    """One listed model for each way in which open_clip configures a text tower."""
    found: dict[str, str] = {}
    for name, config in listed().items():
        text = {key: value for key, value in config["text_cfg"].items() if key not in SHAPE_KEYS}
        outer = [config.get(key, False) for key in ("quick_gelu", "custom_text")]
        key = json.dumps([text, outer, "multimodal_cfg" in config], sort_keys=True)
        found.setdefault(key, name)
    return {name: key for key, name in found.items()}


FAMILIES = families()
HF_KINDS = {"roberta": "RobertaConfig", "xlm": "XLMRobertaConfig", "mt5": "MT5Config",
            "nllb": "M2M100Config", "xlm-roberta": "XLMRobertaConfig"}  # fmt: skip


def tiny_hf_folder(name: str, folder: Path) -> str:
    import transformers

    kind = next(kind for key, kind in HF_KINDS.items() if key in name.lower())
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "d_model": 32,
             "intermediate_size": 32, "num_layers": 1, "encoder_layers": 1, "decoder_layers": 1,
             "encoder_ffn_dim": 32, "d_ff": 32, "d_kv": 16, "num_heads": 2,
             "encoder_attention_heads": 2, "vocab_size": VOCABULARY}  # fmt: skip
    known = getattr(transformers, kind)().to_dict()
    config = getattr(transformers, kind)(**{k: v for k, v in small.items() if k in known})
    config.save_pretrained(folder)
    return str(folder)


def tiny_model(name: str, folder: Path) -> Any:
    """The listed model through open_clip's own constructors, every size made small."""
    config = open_clip.get_model_config(name)
    config["embed_dim"] = 24
    text = config["text_cfg"]
    if "hf_model_name" in text:
        text.update(hf_model_name=tiny_hf_folder(name, folder / "hf"), hf_model_pretrained=False)
    else:
        text.update(width=32, heads=2, layers=3, vocab_size=VOCABULARY)
    config["vision_cfg"] = {"layers": 1, "width": 32, "head_width": 16, "patch_size": 16,
                            "image_size": 16}  # fmt: skip
    if "multimodal_cfg" in config:
        config["vision_cfg"]["output_tokens"] = True
        config["multimodal_cfg"] = {"width": 32, "heads": 2, "layers": 1, "context_length": 76}
    (folder / f"tiny-{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / f"tiny-{name}.json")
    torch.manual_seed(0)
    return shaken(open_clip.create_model(f"tiny-{name}", pretrained=None, pretrained_hf=False))


def shaken(model: Any) -> Any:
    """Every gain, bias and scale away from its starting value, so that none can be forgotten."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def random_prompts(
    context: int, end: int, n: int = 60, seed: int = 0, low: int = 3
) -> tuple[torch.Tensor, Ragged]:
    """Prompts of all lengths, some of them equal and many beginning alike; padded, and ragged."""
    rng = np.random.default_rng(seed)
    rows = []
    for length in rng.integers(0, context - 1, n):
        words = rng.integers(low, low + 3, length).tolist()  # few ids: beginnings repeat
        rows.append([SOT, *words, end])
    rows += [[SOT, end], [SOT, *[low] * (context - 2), end], rows[0]]
    ragged = Ragged.from_rows(rows)
    return torch.from_numpy(ragged.padded(width=context).astype(np.int64)), ragged


def unit(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows.float(), dim=-1).numpy()


def library_rows(model: Any, ids: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return unit(model.encode_text(ids))


def should_be_fast(name: str) -> bool:
    text = open_clip.get_model_config(name)["text_cfg"]
    return not (
        "hf_model_name" in text
        or text.get("no_causal_mask")
        or text.get("embed_cls")
        or text.get("pool_type", "argmax") not in ("argmax", "eos")
    )


def test_the_families_hold_both_kinds() -> None:
    fast = {name for name in FAMILIES if should_be_fast(name)}
    assert len(fast) >= 8
    assert len(set(FAMILIES) - fast) >= 8


@pytest.mark.long
@pytest.mark.parametrize("name", FAMILIES)
def test_every_listed_family_gives_the_librarys_rows_or_is_declined(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tiny_model(name, tmp_path)
    with caplog.at_level(logging.INFO):
        tower = fast_tower(model)
    if not should_be_fast(name):
        assert tower is None
        assert "The library's own text forward is used: " in caplog.text
        return
    assert tower is not None, caplog.text
    text = open_clip.get_model_config(name)["text_cfg"]
    assert tower.context_length == text["context_length"]
    end = text.get("eos_id", 2) if text.get("pool_type") == "eos" else EOT
    padded, ragged = random_prompts(tower.context_length, end)
    rows = tower.encode(ragged)
    assert rows.shape == (len(ragged), tower.dim) == (len(ragged), 24)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, library_rows(model, padded), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"no_causal_mask": True}, "not causal"),
        ({"pool_type": "last"}, "pools 'last'"),
        ({"embed_cls": True}, "class token"),
        ({"qk_norm": True}, "normalised or scaled"),
        ({"scale_fc": True}, "normalised or scaled"),
        ({"scaled_cosine_attn": True}, "normalised or scaled"),
        ({"ls_init_value": 0.5}, ""),
        ({"block_type": "custom"}, ""),
        ({"proj_bias": True}, ""),
        ({"proj_type": "none"}, ""),
        ({"mlp_ratio": 2.5, "norm_kwargs": {"eps": 1e-3}}, ""),
        ({"act_kwargs": {"approximate": "tanh"}}, ""),
    ],
)
def test_configuration_decides(change: dict[str, object], reason: str) -> None:
    from open_clip.model import CustomTextCLIP

    text = {"width": 32, "heads": 2, "layers": 2, "vocab_size": VOCABULARY, **change}
    vision = {"layers": 1, "width": 32, "head_width": 16, "patch_size": 16, "image_size": 16}
    torch.manual_seed(1)
    model = shaken(CustomTextCLIP(24, vision, text))
    if reason:
        with pytest.raises(UnsupportedTowerError, match=reason):
            read_tower(model)
        assert fast_tower(model) is None
        return
    tower = TextTower(read_tower(model))
    padded, ragged = random_prompts(77, EOT)
    np.testing.assert_allclose(tower.encode(ragged), library_rows(model, padded), atol=1e-5)


def test_an_edited_mask_is_noticed() -> None:
    model = small_clip()
    model.attn_mask[3, 5] = 0.0
    with pytest.raises(UnsupportedTowerError, match="not the causal one"):
        read_tower(model)
    with pytest.raises(UnsupportedTowerError, match="neither library"):
        read_tower(torch.nn.Linear(2, 2))


def small_clip(layers: int = 2, **extra: object) -> Any:
    from open_clip.model import CLIP

    text = {"width": 32, "heads": 2, "layers": layers, "vocab_size": VOCABULARY}
    vision = {"layers": 1, "width": 32, "head_width": 16, "patch_size": 16, "image_size": 16}
    torch.manual_seed(2)
    return shaken(CLIP(24, vision, text, **extra))


def hf_config(eos: int | None, act: str = "quick_gelu") -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=77, projection_dim=20, hidden_act=act,
        eos_token_id=eos, bos_token_id=SOT, pad_token_id=1,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("eos", [2, EOT], ids=["legacy largest id", "first end token"])
@pytest.mark.parametrize("act", ["quick_gelu", "gelu"])
def test_transformers_text_models(eos: int, act: str) -> None:
    from transformers import (
        CLIPConfig,
        CLIPModel,
        CLIPTextModel,
        CLIPTextModelWithProjection,
        CLIPVisionConfig,
    )

    padded, ragged = random_prompts(77, EOT)
    torch.manual_seed(3)
    config = hf_config(eos, act)
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        image_size=16, patch_size=16,
    )  # fmt: skip
    both = shaken(
        CLIPModel(CLIPConfig(text_config=config, vision_config=vision, projection_dim=20))
    )
    projected = shaken(CLIPTextModelWithProjection(config))
    bare = shaken(CLIPTextModel(config))
    with torch.inference_mode():
        features = both.get_text_features(input_ids=padded)
        expected = {
            both: getattr(features, "pooler_output", features),
            projected: projected(input_ids=padded).text_embeds,
            bare: bare(input_ids=padded).pooler_output,
        }
    for model, rows in expected.items():
        tower = fast_tower(model)
        assert tower is not None
        np.testing.assert_allclose(tower.encode(ragged), unit(rows), atol=1e-5)


def test_other_transformers_models_are_declined(caplog: pytest.LogCaptureFixture) -> None:
    from transformers import SiglipTextConfig, SiglipTextModel

    model = SiglipTextModel(
        SiglipTextConfig(
            vocab_size=60, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2,
        )
    )  # fmt: skip
    with caplog.at_level(logging.INFO):
        assert fast_tower(model) is None
    assert "SiglipTextModel is not one of CLIP's text models" in caplog.text


def test_what_follows_the_pooled_token_is_ignored_and_ends_are_found() -> None:
    model = small_clip()
    tower = TextTower(read_tower(model))
    ids = torch.tensor([[SOT, 5, EOT, 7, EOT] + [0] * 72, [SOT, 5, 6, EOT] + [0] * 73])
    padded = Ragged.from_rows(ids.tolist())
    rows = tower.encode(padded)
    np.testing.assert_allclose(rows, library_rows(model, ids), atol=1e-5)
    short = tower.encode(Ragged.from_rows([[SOT, 5, EOT], [SOT, 5, 6, EOT]]))
    np.testing.assert_allclose(rows, short, atol=1e-6)


def test_a_prompt_without_an_end_pools_what_the_library_pools() -> None:
    from transformers import CLIPTextModel

    torch.manual_seed(4)
    model = shaken(CLIPTextModel(hf_config(EOT)))
    ids = torch.tensor([[SOT, 5, 6], [SOT, 5, EOT]])
    with torch.inference_mode():
        expected = unit(model(input_ids=ids).pooler_output)
    tower = fast_tower(model)
    assert tower is not None
    np.testing.assert_allclose(tower.encode(Ragged.from_rows(ids.tolist())), expected, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(1, 4), max_size=20), min_size=1, max_size=40),
    nodes=st.sampled_from([64, 128, 4096]),
)
def test_rows_do_not_depend_on_their_company(rows: list[list[int]], nodes: int) -> None:
    weights = read_tower(company_model())
    together = Ragged.from_rows([[SOT, *row, EOT] for row in rows])
    all_at_once = TextTower(weights, nodes=nodes).encode(together)
    expected = library_rows(company_model(), torch.from_numpy(together.padded(77).astype(np.int64)))
    np.testing.assert_allclose(all_at_once, expected, atol=1e-5)


@cache
def company_model() -> Any:
    return small_clip()


def test_matrices_of_another_kind_are_declined() -> None:
    from transformers import CLIPTextModel

    model = CLIPTextModel(hf_config(EOT))
    model.encoder.layers[1].mlp.fc1 = torch.nn.Bilinear(2, 2, 2)
    with pytest.raises(UnsupportedTowerError, match="a matrix is a Bilinear"):
        read_tower(model)
    model = CLIPTextModel(hf_config(EOT))
    weight = torch.zeros(32, 32, dtype=torch.int8)
    model.encoder.layers[1].self_attn.q_proj.weight = torch.nn.Parameter(weight, False)
    with pytest.raises(UnsupportedTowerError, match="quantised"):
        read_tower(model)
    with pytest.raises(UnsupportedTowerError, match="names no end token"):
        read_tower(CLIPTextModel(hf_config(None)))


def test_a_single_layer_and_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("namebasis.encoders.towers.text_tower._SLAB", 17)
    model = small_clip(layers=1)
    tower = TextTower(read_tower(model))
    padded, ragged = random_prompts(77, EOT)
    np.testing.assert_allclose(tower.encode(ragged), library_rows(model, padded), atol=1e-5)


def test_half_precision_follows_the_library() -> None:
    model = small_clip(cast_dtype=torch.bfloat16)
    reference = library_rows(model, random_prompts(77, EOT)[0])
    open_clip.model.convert_weights_to_lp(model, torch.bfloat16)
    tower = TextTower(read_tower(model))
    padded, ragged = random_prompts(77, EOT)
    ours, theirs = tower.encode(ragged), library_rows(model, padded)
    assert np.abs(ours - reference).max() < 2 * np.abs(theirs - reference).max()


def test_batches_come_back_in_order_and_nothing_is_nothing() -> None:
    tower = TextTower(read_tower(company_model()))
    _, ragged = random_prompts(77, EOT)
    some = [ragged.take(np.arange(a, a + 21)) for a in (0, 21, 42)]
    rows = np.concatenate(list(tower.encode_each(iter(some))))
    np.testing.assert_allclose(rows, tower.encode(ragged), atol=1e-6)
    empty = tower.encode(ragged.take(np.arange(0)))
    assert empty.shape == (0, tower.dim)
    assert list(tower.encode_each([])) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[SOT, EOT], []], "prompt 1 has no tokens"),
        ([[SOT, *[3] * 76, EOT]], "prompt 0 has 78 tokens; the context holds 77"),
        ([[SOT, VOCABULARY, EOT]], "must be in 0..199"),
        ([[SOT, -1, EOT]], "must be in 0..199"),
    ],
)
def test_refused_prompts(rows: list[list[int]], message: str) -> None:
    tower = TextTower(read_tower(company_model()))
    with pytest.raises(ValueError, match=message):
        tower.encode(Ragged.from_rows(rows))


# ------------------------------------------------------------------------------- the parts


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 70_000), min_size=1, max_size=40), min_size=1, max_size=60))
def test_the_tree_holds_every_prompt_once(rows: list[list[int]]) -> None:
    tree = grow(Ragged.from_rows(rows))
    n_blocks, size = tree.tokens.shape
    for row, distinct in zip(rows, tree.prompt, strict=True):
        leaf = int(tree.leaves[distinct])
        block, column = divmod(leaf, size)
        path = [a for a in range(column + 1) if tree.end[block, a] > column]
        assert [*tree.prefix, *tree.tokens[block, path]] == row
        np.testing.assert_array_equal(tree.depth[block, path], np.arange(len(path)))
    assert len(tree.leaves) == len({tuple(row) for row in rows})
    assert (np.diff(tree.leaves) > 0).all()
    assert tree.end.max() <= size
    assert n_blocks == len(tree.end)


def test_the_tree_shares_what_begins_alike() -> None:
    names = [[9, 8, 7, a, b, 1] for a in range(20, 23) for b in range(30, 40)]
    tree = grow(Ragged.from_rows(names))
    assert grow(Ragged.from_rows(names[:10])).prefix.tolist() == []  # a handful goes in one pass
    assert tree.prefix.tolist() == [9, 8, 7]
    # 3 first pieces, 30 second ones and 30 ends fit one block.
    assert tree.tokens.shape == (1, 63)
    assert tree.leaves[-1] == 62
    assert sorted(tree.tokens[0]) == sorted([20, 21, 22, *[*range(30, 40)] * 3, *[1] * 30])


@pytest.mark.parametrize("activation", ["", "gelu", "gelu_tanh", "silu"])
def test_fast_products_equal_plain_ones(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(5)
    matrix = Matrix(torch.randn(48, 64), torch.randn(48))
    x, residual = torch.randn(33, 64), torch.randn(33, 48)
    with torch.inference_mode():
        fast = dense(matrix, activation)
        monkeypatch.setattr(dense_module, "_has_onednn", lambda: False)
        plain = dense(matrix, activation)
        exact = dense(Matrix(matrix.weight.double(), matrix.bias.double()), activation)
        want = exact(x.double()).float()
        for product in (fast, plain):
            torch.testing.assert_close(product(x), want, atol=2e-5, rtol=1e-5)
            onto = residual + torch.nn.functional.linear(x, matrix.weight, matrix.bias)
            torch.testing.assert_close(product.onto(residual, x), onto, atol=2e-5, rtol=1e-5)


def test_ragged_rows() -> None:
    rows = [[1, 2, 3], [], [4], [5, 6]]
    ragged = Ragged.from_rows(rows)
    assert [row.tolist() for row in ragged.rows()] == rows
    assert ragged.lengths.tolist() == [3, 0, 1, 2]
    assert [r.tolist() for r in ragged.take(np.array([3, 1, 0])).rows()] == [[5, 6], [], [1, 2, 3]]
    assert [r.tolist() for r in ragged.cut(np.array([1, 0, 1, 2])).rows()] == [
        [1], [], [4], [5, 6],
    ]  # fmt: skip
    assert [r.tolist() for r in ragged.wrapped([8, 9], [7]).rows()] == [
        [8, 9, *row, 7] for row in rows
    ]
    assert [r.tolist() for r in ragged.wrapped([], []).rows()] == rows
    assert ragged.padded(4, fill=-1).tolist() == [
        [1, 2, 3, -1], [-1, -1, -1, -1], [4, -1, -1, -1], [5, 6, -1, -1],
    ]  # fmt: skip
    twice = Ragged.concatenate([ragged, ragged])
    assert [row.tolist() for row in twice.rows()] == rows * 2
    assert len(Ragged.concatenate([])) == 0
    with pytest.raises(ValueError, match="width must be at least 3"):
        ragged.padded(2)
