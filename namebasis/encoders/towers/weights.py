"""Read a library's causal text tower into plain matrices, or say why it is another kind.

What decides is the model's own configuration: mask, pooling, block structure, activation. Affine
parts are folded into the matrix behind them (the gain and bias of a LayerNorm, the scale of the
attention, a layer scale), so every supported tower becomes the same few matrices per layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class UnsupportedTowerError(Exception):
    """Why a tower is not one that `read_tower` knows; the library's own forward must be used."""


@dataclass(frozen=True)
class Matrix:
    """``x @ weight.T + bias``; weight of shape (n_out, n_in)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Layer:
    """One transformer block; LayerNorms without gain and bias stand before qkv and up."""

    qkv: Matrix  # queries, already scaled, then keys, then values
    out: Matrix
    up: Matrix
    down: Matrix


@dataclass(frozen=True)
class TowerWeights:
    """A causal text tower that pools one position.

    Attributes
    ----------
    activation : str
        "gelu", "gelu_tanh" or "silu" (quick_gelu, its factor folded into the matrices around).
    end_token : int or None
        Pool the first position with this id; None pools the first position of the largest id.
    """

    token_embedding: Tensor  # (vocabulary, width)
    position_embedding: Tensor  # (context_length, width)
    layers: tuple[Layer, ...]
    n_heads: int
    activation: str
    eps: float
    final_norm: Matrix  # gain and bias, each of shape (width,)
    projection: Matrix | None
    end_token: int | None


def read_tower(model: nn.Module | None) -> TowerWeights:
    """Return the matrices of an open_clip or transformers CLIP text tower; None is none.

    The matrices are a snapshot: weights that change later are not followed.

    Raises
    ------
    UnsupportedTowerError
        With the first reason found.
    """
    if model is None:
        raise UnsupportedTowerError("it shows no model of a library")
    home = type(model).__module__.partition(".")[0]
    if home == "open_clip":
        return _read_open_clip(model)
    if home == "transformers":
        return _read_transformers(model)
    raise UnsupportedTowerError(f"{type(model).__name__} comes from neither library")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise UnsupportedTowerError(reason)


# ------------------------------------------------------------------------------- open_clip


def _read_open_clip(model: nn.Module) -> TowerWeights:
    import torch
    from open_clip.model import CLIP
    from open_clip.transformer import TextTransformer
    from torch import nn

    tower = getattr(model, "text", model)
    _require(type(tower) in (CLIP, TextTransformer), f"the text tower is a {type(tower).__name__}")
    _require(getattr(tower, "cls_emb", None) is None, "it pools an appended class token")
    mask, n_positions = tower.attn_mask, len(tower.positional_embedding)
    _require(mask is not None, "its attention is not causal")
    causal = torch.full((n_positions, n_positions), float("-inf")).triu(1)
    _require(torch.equal(mask.cpu().float(), causal), "its attention mask is not the causal one")
    is_clip = type(tower) is CLIP
    pooling = tower.text_pool_type if is_clip else tower.pool_type
    _require(pooling in ("argmax", "eos"), f"it pools {pooling!r}, not the end-of-text token")
    end_token = int(tower.text_eos_id if is_clip else tower.eos_id) if pooling == "eos" else None
    blocks = list(tower.transformer.resblocks)
    dtype = tower.transformer.get_cast_dtype()
    projection = tower.text_projection
    if isinstance(projection, nn.Linear):
        projection = _linear(projection, dtype)
    elif projection is not None:
        projection = _matrix(projection.float().T, None, dtype)
    return _assemble(
        token_embedding=tower.token_embedding.weight,
        position_embedding=tower.positional_embedding,
        parts=[_open_clip_block(block) for block in blocks],
        n_heads=int(blocks[0].attn.num_heads),
        final_norm=tower.ln_final,
        projection=projection,
        end_token=end_token,
        dtype=dtype,
    )


@dataclass(frozen=True)
class _Parts:
    """What both libraries call differently."""

    norm_1: nn.LayerNorm
    qkv: tuple[Tensor, Tensor | None]
    out: nn.Module
    scale_1: Tensor | None
    norm_2: nn.LayerNorm
    up: nn.Module
    activation: nn.Module
    down: nn.Module
    scale_2: Tensor | None


def _open_clip_block(block: nn.Module) -> _Parts:
    from torch import nn

    attention, mlp = block.attn, block.mlp
    _require(not hasattr(block, "ln_1_kv"), "a block attends across")
    if isinstance(attention, nn.MultiheadAttention):
        plain = attention.in_proj_weight is not None and attention.bias_k is None
        _require(plain and not attention.add_zero_attn, "its attention has extra keys")
    else:
        kind = type(attention).__name__
        _require(kind == "Attention", f"its attention is a {kind}")
        extras = [attention.logit_scale, attention.head_scale]
        norms = [attention.ln_q, attention.ln_k, attention.ln_inner, block.ln_attn, mlp.ln]
        bare = all(isinstance(norm, nn.Identity) for norm in norms)
        _require(bare and extras == [None, None], "its attention is normalised or scaled")
    return _Parts(
        norm_1=block.ln_1,
        qkv=(attention.in_proj_weight, attention.in_proj_bias),
        out=attention.out_proj,
        scale_1=getattr(block.ls_1, "gamma", None),
        norm_2=block.ln_2,
        up=mlp.c_fc,
        activation=mlp.gelu,
        down=mlp.c_proj,
        scale_2=getattr(block.ls_2, "gamma", None),
    )


# ---------------------------------------------------------------------------- transformers


def _read_transformers(model: nn.Module) -> TowerWeights:
    from transformers import CLIPModel, CLIPTextModel, CLIPTextModelWithProjection

    known = (CLIPModel, CLIPTextModel, CLIPTextModelWithProjection)
    _require(type(model) in known, f"a {type(model).__name__} is not one of CLIP's text models")
    tower = getattr(model, "text_model", model)
    config = tower.config
    # 2 is what configurations wrote before the real id was stored; such models pool the largest.
    _require(isinstance(config.eos_token_id, int), "its configuration names no end token")
    end_token = None if config.eos_token_id == 2 else int(config.eos_token_id)
    dtype = tower.final_layer_norm.weight.dtype
    projection = getattr(model, "text_projection", None)
    return _assemble(
        token_embedding=tower.embeddings.token_embedding.weight,
        position_embedding=tower.embeddings.position_embedding.weight,
        parts=[_transformers_block(layer) for layer in tower.encoder.layers],
        n_heads=int(config.num_attention_heads),
        final_norm=tower.final_layer_norm,
        projection=None if projection is None else _linear(projection, dtype),
        end_token=end_token,
        dtype=dtype,
    )


def _transformers_block(layer: nn.Module) -> _Parts:
    import torch

    attention = layer.self_attn
    linears = [attention.q_proj, attention.k_proj, attention.v_proj]
    return _Parts(
        norm_1=layer.layer_norm1,
        qkv=(
            torch.cat([_of(part)[0] for part in linears]),
            torch.cat([part.bias for part in linears]),
        ),
        out=attention.out_proj,
        scale_1=None,
        norm_2=layer.layer_norm2,
        up=layer.mlp.fc1,
        activation=layer.mlp.activation_fn,
        down=layer.mlp.fc2,
        scale_2=None,
    )


# --------------------------------------------------------------------------------- folding


def _assemble(
    *,
    token_embedding: Tensor,
    position_embedding: Tensor,
    parts: Sequence[_Parts],
    n_heads: int,
    final_norm: nn.LayerNorm,
    projection: Matrix | None,
    end_token: int | None,
    dtype: torch.dtype,
) -> TowerWeights:
    import torch
    from torch import nn

    _require(len(parts) > 0, "it has no layers")
    norms = [norm for part in parts for norm in (part.norm_1, part.norm_2)] + [final_norm]
    _require(all(isinstance(norm, nn.LayerNorm) for norm in norms), "a norm is not a LayerNorm")
    _require(len({norm.eps for norm in norms}) == 1, "its LayerNorms differ in eps")
    activations = {_activation(part.activation) for part in parts}
    _require(len(activations) == 1, "its layers differ in activation")
    kind, factor = activations.pop()
    scale = (token_embedding.shape[1] // n_heads) ** -0.5
    with torch.no_grad():
        return TowerWeights(
            token_embedding=token_embedding.detach().to(dtype),
            position_embedding=position_embedding.detach().to(dtype),
            layers=tuple(_fold(part, scale, factor, dtype) for part in parts),
            n_heads=n_heads,
            activation=kind,
            eps=float(final_norm.eps),
            final_norm=_matrix(final_norm.weight, final_norm.bias, dtype),
            projection=projection,
            end_token=end_token,
        )


def _activation(module: nn.Module) -> tuple[str, float]:
    """Kind, and the factor f where the activation of h is kind(f h) / f."""
    from torch import nn

    name = type(module).__name__
    if name in ("QuickGELU", "QuickGELUActivation"):
        return "silu", 1.702  # h sigmoid(1.702 h)
    if isinstance(module, nn.GELU):
        return ("gelu" if module.approximate == "none" else "gelu_tanh"), 1.0
    if name == "GELUActivation":
        return "gelu", 1.0
    raise UnsupportedTowerError(f"its activation is a {name}")


def _fold(part: _Parts, scale: float, factor: float, dtype: torch.dtype) -> Layer:
    import torch

    weight, bias = _behind_norm(part.norm_1, *part.qkv)
    rows = torch.ones(len(weight), device=weight.device)
    rows[: len(weight) // 3] = scale
    up_weight, up_bias = _behind_norm(part.norm_2, *_of(part.up))
    down_weight, down_bias = _of(part.down)
    return Layer(
        qkv=_matrix(weight * rows[:, None], bias * rows, dtype),
        out=_scaled(*_of(part.out), part.scale_1, dtype),
        up=_matrix(up_weight * factor, up_bias * factor, dtype),
        down=_scaled(down_weight.float() / factor, down_bias, part.scale_2, dtype),
    )


def _of(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    from torch import nn

    _require(isinstance(module, nn.Linear), f"a matrix is a {type(module).__name__}")
    _require(module.weight.is_floating_point(), "its matrices are quantised")
    return module.weight, module.bias


def _behind_norm(norm: nn.LayerNorm, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """W (g n + b) + c = (W g) n + (W b + c), computed in float32."""
    weight = weight.float()
    shift = weight @ norm.bias.float()
    return weight * norm.weight.float(), shift if bias is None else shift + bias.float()


def _scaled(
    weight: Tensor, bias: Tensor | None, scale: Tensor | None, dtype: torch.dtype
) -> Matrix:
    import torch

    bias = torch.zeros(len(weight), device=weight.device) if bias is None else bias.float()
    if scale is not None:
        weight, bias = weight.float() * scale.float()[:, None], bias * scale.float()
    return _matrix(weight, bias, dtype)


def _linear(module: nn.Module, dtype: torch.dtype) -> Matrix:
    return _matrix(*_of(module), dtype)


def _matrix(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Matrix:
    import torch

    bias = torch.zeros(len(weight), device=weight.device) if bias is None else bias
    return Matrix(weight.detach().to(dtype).contiguous(), bias.detach().to(dtype).contiguous())
