"""Where in a text tower a name becomes what it means: causal tracing, without generation.

The name's token embeddings are drowned in noise, one hidden state (token × layer) is put back as
it was, and the share of the clean result that this brings back is read off [1]_.

.. [1] Meng et al. (2022), Locating and editing factual associations in GPT, §2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, Progress, check_count
from namebasis.encoders.base import check_template
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, NamebasisError
from namebasis.formation.checkpoints import (
    Checkpoint,
    CheckpointError,
    Gap,
    Series,
    find_checkpoints,
    no_such_step,
    nothing_left,
)
from namebasis.formation.plan import make_plan
from namebasis.formation.towers import KINDS, HookedTower, Restored
from namebasis.formation.trace_results import Trace, Tracing
from namebasis.formation.truth import WORLD, Truth, read_truth
from namebasis.formation.weight_identity.asked import recombined
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.namespace.corpus.full_names import cut, split
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.studies.identity.swaps import measure, packaged_partners
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

    from namebasis.encoders.base import Encoder

Partners = tuple[Sequence[str], Sequence[str]]
TARGETS = ("pooled", "own")
_TOKENS_AT_ONCE = 8_192
_N_SWAPS = 24
N_NULL = 5


def check_trace(
    name: str,
    template: str = "{}",
    kind: str = "residual",
    target: str = "pooled",
    n_samples: int = 10,
    noise: float = 3.0,
    window: int = 1,
    **_: object,
) -> str:
    """Refuse what `trace_encoder` would, before an encoder is loaded; the name without odd spaces.

    Raises
    ------
    ValueError
    """
    for what, word, known in (("kind", kind, KINDS), ("target", target, TARGETS)):
        if word not in known:
            raise ValueError(
                f"{what} must be one of {', '.join(known)}; got {word!r}."
                f"{did_you_mean(word, known)}"
            )
    check_template(template)
    check_count(n_samples, "n_samples")
    check_count(window, "window")
    if not 0 < noise < float("inf"):
        raise ValueError(f"noise must be above 0; got {noise!r}.")
    name = " ".join(name.split())
    if not name:
        raise ValueError("the name to trace must not be empty.")
    return name


def trace_encoder(
    encoder: Encoder,
    name: str,
    *,
    template: str = "{}",
    kind: str = "residual",
    target: str = "pooled",
    n_samples: int = 10,
    noise: float = 3.0,
    window: int = 1,
    partners: Partners | None = None,
    seed: int = 0,
    label: str | None = None,
    step: int = 0,
) -> Trace:
    """Trace one name through one text tower.

    Parameters
    ----------
    encoder : Encoder
        A CLIP text tower of ``hf:`` or ``open_clip:``.
    name : str
    template : str
    kind : str
        ``residual``, ``attention`` or ``mlp``: whose output is put back.
    target : str
        ``pooled`` or ``own``, see `Trace`; the latter needs a given and a family name.
    n_samples : int
        Draws of the noise; the same ones for every state.
    noise : float
        Its standard deviation, in those of the entries of the table of token embeddings.
    window : int
        Layers put back at once, around each.
    partners : two sequences of str, optional
        Given and family names that tell the own direction; by default common US names.
    seed : int
    label, step
        Of the checkpoint.

    Raises
    ------
    EncoderError
        If the tower is of another kind, or the name has no pieces of its own in the prompt.
    ValueError
        If an option does not fit.
    """
    import torch

    name = check_trace(name, template, kind, target, n_samples, noise, window)
    tower = HookedTower(encoder)
    ids = tower.ids(template.format(name))
    first, tokens, n_name = _place(encoder, name, template, ids)
    positions = list(range(first, first + n_name))
    deviation = noise * float(tower.embedding.weight.detach().float().std())
    width = tower.embedding.weight.shape[1]
    draws = _draw(seed, (n_samples, n_name, int(width)), deviation, tower)
    clean, states = tower.clean(ids, kind)
    layers = range(0 if kind == "residual" else 1, tower.n_layers + 1)
    cells = [(first + token, layer) for token in range(len(tokens)) for layer in layers]
    lost = tower.patched(ids, kind, draws, positions, states, [])
    found = _restore(tower, ids, kind, draws, positions, states, cells, window)
    along = None
    if target == "own":
        along = torch.from_numpy(_own(encoder, name, template, partners, seed)).to(clean)

    def score(rows: Tensor) -> Float64Array:
        values = rows.double() @ (clean if along is None else along).double()
        return np.asarray(values.cpu())

    taken = score(clean[None])[0] - score(lost)  # (n_samples,)
    back = score(found).reshape(len(cells), n_samples) - score(lost)
    scale = float(taken.mean())
    shares = back / scale if abs(scale) > 1e-6 else np.full_like(back, np.nan)
    shape = (len(tokens), len(layers))
    return Trace(
        name, template, label or encoder.spec, step, kind, target, tokens, tuple(layers),
        shares.mean(axis=1).reshape(shape), shares.std(axis=1).reshape(shape),
        float((lost @ clean).mean()), n_name, n_samples, deviation,
        _n_given(encoder, name, template, n_name),
    )  # fmt: skip


def _place(
    encoder: Encoder, name: str, template: str, ids: Sequence[int]
) -> tuple[int, tuple[str, ...], int]:
    """Where the name begins among the ids, the tokens from there on, and how many are the name's.

    The start token stands before the first piece.
    """
    left, right = template.split("{}")
    before, own, whole = encoder.pieces([left, name, f"{left}{name}{right}"])
    n = len(before)
    if not own or whole[n : n + len(own)] != own:
        raise EncoderError(
            f"{encoder.spec}: {name!r} has no pieces of its own in {template!r}. Put spaces around "
            "the {} of the template, or take letters that the tokenizer knows."
        )
    if len(ids) != len(whole) + 2:
        raise EncoderError(
            f"{encoder.spec}: {template.format(name)!r} is longer than the {len(ids)} tokens that "
            "the model reads. Take a shorter template."
        )
    return 1 + n, (*whole[n:], "end"), len(own)


def _n_given(encoder: Encoder, name: str, template: str, n_name: int) -> int:
    """How many of the name's tokens are its given name's, or its only part's."""
    pair, left = split(name), template.split("{}")[0]
    if pair is None:
        return n_name
    before, with_given = encoder.pieces([left, f"{left}{pair[0]}"])
    return min(max(1, len(with_given) - len(before)), n_name)


def _draw(seed: int, shape: tuple[int, int, int], deviation: float, tower: HookedTower) -> Tensor:
    import torch

    drawn = np.random.default_rng(check_count(seed, "seed", 0)).standard_normal(shape)
    return torch.from_numpy((deviation * drawn).astype(np.float32)).to(
        tower.embedding.weight.device
    )


def _restore(
    tower: HookedTower,
    ids: Sequence[int],
    kind: str,
    draws: Tensor,
    positions: Sequence[int],
    states: Sequence[Tensor],
    cells: Sequence[tuple[int, int]],
    window: int,
) -> Tensor:
    """Pooled rows with each cell put back, (n_cells * n_samples, dim), many cells in a batch."""
    import torch

    n_samples = len(draws)
    step = max(1, _TOKENS_AT_ONCE // (n_samples * len(ids)))
    lowest, parts = (0 if kind == "residual" else 1), []
    for start in range(0, len(cells), step):
        some = cells[start : start + step]
        edits: dict[int, list[tuple[int, int]]] = {}
        for at, (position, layer) in enumerate(some):
            begin = max(lowest, layer - window // 2)
            for inner in range(begin, min(tower.n_layers, begin + window - 1) + 1):
                edits.setdefault(inner, []).append((at, position))
        restored = []
        for layer, pairs in edits.items():
            rows = [at * n_samples + sample for at, _ in pairs for sample in range(n_samples)]
            places = [position for _, position in pairs for _ in range(n_samples)]
            restored.append(Restored(
                layer, torch.tensor(rows, device=draws.device),
                torch.tensor(places, device=draws.device),
            ))  # fmt: skip
        noise = draws.repeat(len(some), 1, 1)
        parts.append(tower.patched(ids, kind, noise, positions, states, restored))
    return torch.cat(parts)


def _own(
    encoder: Encoder, name: str, template: str, partners: Partners | None, seed: int
) -> npt.NDArray[np.float32]:
    """Unit direction of what the name has beyond its parts."""
    pair, reason = split(name), cut(name).reason
    if pair is None:
        raise ValueError(f"{name!r} has no own direction: {reason}.")
    chosen = partners or packaged_partners(_N_SWAPS, seed)
    remainder = measure(encoder, [pair], chosen, [template]).own.remainder[0]
    return np.asarray(remainder / np.linalg.norm(remainder), dtype=np.float32)


def trace(
    sources: str | Path | Sequence[str | Path],
    names: str | Sequence[str],
    *,
    revisions: Sequence[str] = (),
    model: str | None = None,
    steps: Sequence[int] = (),
    truth: str | Path | Truth | None = None,
    n_null: int = N_NULL,
    device: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Tracing:
    """Trace names over the checkpoints of a training, or in one encoder.

    Parameters
    ----------
    sources, revisions, model
        See `find_checkpoints`; a single spec is one checkpoint.
    names : str or sequence of str
        Of several the mean map is told, with an interval over names.
    steps : sequence of int, optional
        Only these.
    truth : str, Path or Truth, optional
        Names whose parts tell the own direction; by default ``world.json`` in the run's folder.
    n_null : int
        Names that nobody bears to trace beside them: their parts put together otherwise or, for
        names of one part, made-up ones.
    device : str, optional
    progress : callable, optional
        Called with checkpoints done and in all.
    **options
        As `trace_encoder` takes them.

    Raises
    ------
    CheckpointError
        If no checkpoint can be traced.
    ValueError
        If an option does not fit.
    """
    asked = [names] if isinstance(names, str) else list(names)
    if not asked:
        raise ValueError("no name to trace; give one or more.")
    asked = list(dict.fromkeys(check_trace(name, **options) for name in asked))
    check_count(n_null, "n_null", 0)
    seed = int(options.get("seed", 0))
    series = find_checkpoints(sources, revisions=revisions, model=model)
    wanted, gaps = _wanted(series, steps)
    if truth is None and series.folder and (series.folder / WORLD).is_file():
        truth = series.folder / WORLD
    told = truth if isinstance(truth, Truth) or truth is None else read_truth(truth)
    if told is not None and options.get("target") == "own" and "partners" not in options:
        options["partners"] = make_plan(list(told.names), truth=told).partners
    null = _null_names(asked, told, n_null, seed)
    found: list[Trace] = []
    nulls: list[Trace] = []
    for done, one in enumerate(wanted):
        if progress is not None:
            progress(done, len(wanted))
        try:
            encoder = load_encoder(one.spec, revision=one.revision, device=device)
        except NamebasisError as error:
            gaps.append(Gap(one.label, one.step, str(error)))
            continue
        for name, maps in (*((name, found) for name in asked), *((name, nulls) for name in null)):
            try:
                maps.append(trace_encoder(encoder, name, label=one.label, step=one.step, **options))
            except NamebasisError as error:
                gaps.append(Gap(one.label, one.step, str(error)))
    if progress is not None:
        progress(len(wanted), len(wanted))
    if not found:
        raise CheckpointError(nothing_left(str(sources), gaps))
    return Tracing(tuple(found), tuple(gaps), tuple(nulls))


def _wanted(series: Series, steps: Sequence[int]) -> tuple[list[Checkpoint], list[Gap]]:
    wanted = [one for one in series.checkpoints if not steps or one.step in set(steps)]
    gaps = [gap for gap in series.gaps if not steps or gap.step in set(steps)]
    known = {one.step for one in series.checkpoints} | {gap.step for gap in gaps}
    absent = sorted(set(steps) - known)
    if absent:
        raise CheckpointError(no_such_step(absent[0], [one.step for one in series.checkpoints]))
    return wanted, gaps


def _null_names(asked: Sequence[str], truth: Truth | None, n: int, seed: int) -> list[str]:
    """Names that nobody bears, of the same parts where there are two, else made up."""
    pairs = [pair for name in asked if (pair := split(name)) is not None]
    if not n:
        return []
    if not pairs:
        return list(pseudo_names(n, corpus=read_faker("en_US"), seed=seed).strings)
    known = [pair for name in (truth.names if truth else ()) if (pair := split(name)) is not None]
    partners = packaged_partners(max(n, _N_SWAPS), seed)
    if truth is not None:
        partners = make_plan(list(truth.names), truth=truth).partners
    mixed = recombined(pairs, partners, frozenset([*pairs, *known]), n, seed)
    return [" ".join(pair) for pair in mixed]
