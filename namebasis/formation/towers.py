"""Text towers of transformers and open_clip whose hidden states can be read and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from namebasis.encoders.open_clip.pooled import pooled_end
from namebasis.encoders.towers.weights import UnsupportedTowerError, read_tower
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from namebasis.encoders.base import Encoder

KINDS = ("residual", "attention", "mlp")
"""What can be put back: a block's output, or that of its attention or its MLP."""


@dataclass(frozen=True)
class Restored:
    """States that are put back in a batch.

    Attributes
    ----------
    layer : int
        0 for the input embeddings (residual only), else the block, counted from 1.
    rows, positions : Tensor of shape (m,)
        Rows of the batch, and token positions.
    """

    layer: int
    rows: Tensor
    positions: Tensor


class HookedTower:
    """A causal text tower seen through forward hooks on the library's own modules.

    Parameters
    ----------
    encoder : Encoder
        Of ``hf:`` or ``open_clip:``.

    Raises
    ------
    EncoderError
        If its text tower is no causal tower that pools its end token.
    """

    def __init__(self, encoder: Encoder) -> None:
        model: Any = getattr(encoder, "model", None)
        try:
            end_token = read_tower(model).end_token
        except UnsupportedTowerError as reason:
            raise EncoderError(
                f"{encoder.spec} cannot be traced: {reason}. Take a CLIP text tower of hf: or "
                "open_clip:."
            ) from None
        self._encoder, self._end_token = encoder, end_token
        if type(model).__module__.startswith("open_clip"):
            self._tower: Any = getattr(model, "text", model)
            self.embedding: nn.Module = self._tower.token_embedding
            blocks = list(self._tower.transformer.resblocks)
            attention = [block.attn for block in blocks]
            self._is_batch_first = bool(self._tower.transformer.batch_first)
            self._pool: Callable[[Tensor], Tensor] = partial(pooled_end, model)
        else:
            self._tower = getattr(model, "text_model", model)
            self.embedding = self._tower.embeddings.token_embedding
            blocks = list(self._tower.encoder.layers)
            attention = [block.self_attn for block in blocks]
            self._is_batch_first = True
            self._projection = getattr(model, "text_projection", None)
            self._pool = self._pool_transformers
        self._modules: dict[str, list[nn.Module]] = {
            "residual": blocks, "attention": attention, "mlp": [block.mlp for block in blocks],
        }  # fmt: skip
        self.n_layers = len(blocks)

    def ids(self, text: str) -> list[int]:
        """Token ids from the start to the pooled end token; what follows changes nothing."""
        tokenizer: Any = self._encoder.tokenizer  # type: ignore[attr-defined]
        if type(self._encoder.model).__module__.startswith("open_clip"):  # type: ignore[attr-defined]
            row = [int(token) for token in tokenizer([text])[0]]
        else:
            row = list(tokenizer(text, truncation=True)["input_ids"])
        end = max(row) if self._end_token is None else self._end_token
        return row[: row.index(end) + 1]

    def clean(self, ids: Sequence[int], kind: str) -> tuple[Tensor, list[Tensor]]:
        """The pooled unit row, and the states of each layer, (n_tokens, width) each.

        State 0 is the input embeddings; layer l of `kind` is state l.
        """
        import torch

        states: list[Tensor] = [torch.empty(0)] * (self.n_layers + 1)

        def keep(layer: int) -> Callable[[Tensor], Tensor]:
            def edit(state: Tensor) -> Tensor:
                states[layer] = state[0].clone()
                return state

            return edit

        edits = {layer: [keep(layer)] for layer in range(self.n_layers + 1)}
        with self._hooks(kind, edits):
            pooled = self.forward(torch.tensor([list(ids)]))
        return pooled[0], states

    def patched(
        self,
        ids: Sequence[int],
        kind: str,
        noise: Tensor,
        positions: Sequence[int],
        states: Sequence[Tensor],
        restored: Sequence[Restored],
    ) -> Tensor:
        """Pooled unit rows of a batch with noise on some embeddings and some states put back.

        Parameters
        ----------
        ids : sequence of n_tokens int
        kind : str
        noise : Tensor of shape (n_rows, n_positions, width)
            Added to the input embeddings at `positions`, a row of it per row of the batch.
        positions : sequence of int
        states : sequence of Tensor
            As `clean` gives them.
        restored : sequence of Restored

        Returns
        -------
        Tensor of shape (n_rows, dim)
        """
        import torch

        places = torch.tensor(list(positions), device=noise.device)

        def drown(state: Tensor) -> Tensor:
            state = state.clone()
            state[:, places] += noise.to(state.dtype)
            return state

        edits: dict[int, list[Callable[[Tensor], Tensor]]] = {0: [drown]}
        for one in restored:
            edits.setdefault(one.layer, []).append(_put_back(one, states[one.layer]))
        with self._hooks(kind, edits):
            return self.forward(torch.tensor([list(ids)]).expand(len(noise), -1))

    def second_matrices(self) -> list[nn.Linear]:
        """The matrix of each block's MLP that maps keys to what is written.

        Raises
        ------
        EncoderError
            If an MLP is of another form.
        """
        from torch import nn

        found = []
        for layer, mlp in enumerate(self._modules["mlp"]):
            linear = [part for part in mlp.modules() if isinstance(part, nn.Linear)]
            if len(linear) != 2 or linear[0].out_features != linear[1].in_features:
                raise EncoderError(
                    f"{self._encoder.spec}: the MLP of block {layer + 1} is not of two matrices "
                    "with an activation between, so it has no keys."
                )
            found.append(linear[1])
        return found

    def inputs_of(
        self, modules: Sequence[nn.Module], ids: Tensor, take: Callable[[int, Tensor], None]
    ) -> Tensor:
        """Pooled unit rows of a batch; `take` gets the number of each module and its input.

        Inputs are (n_rows, n_tokens, width).
        """
        handles = []

        def hook(at: int) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
            def see(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
                take(at, inputs[0] if self._is_batch_first else inputs[0].transpose(0, 1))

            return see

        for at, module in enumerate(modules):
            handles.append(module.register_forward_pre_hook(hook(at)))
        try:
            return self.forward(ids)
        finally:
            for handle in handles:
                handle.remove()

    def forward(self, ids: Tensor) -> Tensor:
        """Pooled unit rows of a batch of token ids, (n_rows, n_tokens)."""
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            pooled = self._pool(ids.to(self.embedding.weight.device))
            return functional.normalize(pooled.float(), dim=-1)

    def _pool_transformers(self, ids: Tensor) -> Tensor:
        pooled: Tensor = self._tower(input_ids=ids).pooler_output
        return pooled if self._projection is None else self._projection(pooled)

    @contextmanager
    def _hooks(
        self, kind: str, edits: Mapping[int, Sequence[Callable[[Tensor], Tensor]]]
    ) -> Iterator[None]:
        """Let edits see and replace the outputs of layers, as (n_rows, n_tokens, width)."""
        handles = []
        for layer, changes in edits.items():
            module = self.embedding if layer == 0 else self._modules[kind][layer - 1]
            is_turned = layer > 0 and not self._is_batch_first
            handles.append(module.register_forward_hook(_hook(changes, is_turned)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _hook(changes: Sequence[Callable[[Tensor], Tensor]], is_turned: bool) -> Any:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        # Attention gives its weights beside its output.
        state: Tensor = output[0] if isinstance(output, tuple) else output
        state = state.transpose(0, 1) if is_turned else state
        for change in changes:
            state = change(state)
        state = state.transpose(0, 1) if is_turned else state
        return (state, *output[1:]) if isinstance(output, tuple) else state

    return hook


def _put_back(one: Restored, clean: Tensor) -> Callable[[Tensor], Tensor]:
    def edit(state: Tensor) -> Tensor:
        state = state.clone()
        state[one.rows, one.positions] = clean[one.positions]
        return state

    return edit
