"""What kind of identity a model has formed for each full name, from text alone."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.identity import Float64Array
from namebasis.analysis.spread import context_measures, context_prior, standing
from namebasis.checks import check_count
from namebasis.studies.contexts import Progress, embed_contexts, load_contexts
from namebasis.studies.identity_results import CONTEXT_MEASURES, KINDS, Identity, NameIdentity
from namebasis.studies.identity_swaps import (
    Measured,
    Pair,
    choose_partners,
    measure,
    pseudo_pairs,
    recombined_pairs,
    split,
)

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

ONE_PART = "one part only: own direction, part capture and kind need a given and a family name"
WITHOUT_CONTEXTS = "contexts left out: flexible may be entangled"
_FEWEST_MIXED = 20


def identity(
    space: Space,
    names: Sequence[str],
    *,
    n_swaps: int | None = None,
    template: str | None = None,
    contexts: str | Path | None = None,
    with_contexts: bool = True,
    n_null: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
) -> Identity:
    """Say for every full name what identity the space's encoder has formed.

    A full name is its first words and its last word. What it has of its own is what remains after
    the additive effects of both, estimated from their pairs with `n_swaps` other partners, against
    the same for made-up names.

    Parameters
    ----------
    space : Space
        Its encoder embeds; names need not be stored.
    names : sequence of str
    n_swaps : int, optional
        Partners of each part, at least 6; `data/identity.toml` has the default.
    template : str, optional
        That swaps are embedded in.
    contexts : str or Path, optional
        See `load_contexts`.
    with_contexts : bool
        Leave the context measures out for speed: entangled and flexible are not told apart then.
    n_null : int
        Made-up full names, at least 20.
    seed : int

    Raises
    ------
    ValueError
        If there is no name, or one comes twice.
    NamebasisError
        If the contexts file or the encoder is refused.
    """
    settings = tomllib.loads(
        files("namebasis").joinpath("data/identity.toml").read_text(encoding="utf-8")
    )
    n_swaps = check_count(settings["n_swaps"] if n_swaps is None else n_swaps, "n_swaps", 6)
    template = settings["template"] if template is None else template
    check_count(n_null, "n_null", 20)
    asked = [" ".join(name.split()) for name in names]
    if not asked or not all(asked) or len(set(asked)) != len(asked):
        raise ValueError("names must be one or more, not empty, and differ from each other.")
    pairs = {name: pair for name in asked if (pair := split(name)) is not None}
    real = list(dict.fromkeys(pairs.values()))
    null = pseudo_pairs(n_null, seed)
    partners = choose_partners(real, n_swaps, seed)
    mixed = recombined_pairs(real, partners, seed)
    mixed = mixed if len(mixed) >= _FEWEST_MIXED else []
    found = _swap_columns(
        measure(space.encoder(), [*real, *null, *mixed], {*real}, partners, template)
    )
    # Rows of the asked names in `found`; a name of one part has none.
    place = {pair: at for at, pair in enumerate(real)}
    rows = [place[pairs[name]] if name in pairs else None for name in asked]
    values = {key: _pick(column, rows) for key, column in found.items()}
    n, m = len(real), len(real) + len(null)
    made = {key: column[n:m] for key, column in found.items()}
    if with_contexts:
        measured = _context_columns(space, asked, null, contexts, progress)
        values |= {key: column[: len(asked)] for key, column in measured.items()}
        made |= {key: column[len(asked) :] for key, column in measured.items()}
    place_among = standing(values["own_score"], made["own_score"])
    values |= {"own_percentile": place_among.percentile, "own_z": place_among.z}
    thresholds, probabilities = _judge(values, made, settings)
    return Identity(
        _rows(space, asked, values, probabilities, with_contexts),
        thresholds,
        tuple(made["own_score"].tolist()),
        tuple(found["own_score"][m:].tolist()),
        settings["origin"],
        {"n_swaps": n_swaps, "template": template, "n_null": n_null, "seed": seed},
    )


def _swap_columns(found: Measured) -> dict[str, Float64Array]:
    return {
        "own_length": found.own.length,
        "own_score": found.own.score,
        "strength": found.own.strength,
        "capture_given": found.capture_given,
        "capture_family": found.capture_family,
    }


def _pick(column: Float64Array, rows: Sequence[int | None]) -> Float64Array:
    return np.array([np.nan if row is None else column[row] for row in rows], dtype=np.float64)


def _context_columns(
    space: Space,
    asked: Sequence[str],
    null: Sequence[Pair],
    contexts: str | Path | None,
    progress: Progress | None,
) -> dict[str, Float64Array]:
    made = [" ".join(pair) for pair in null]
    bare, placed = embed_contexts(
        space.encoder(), [*asked, *made], list(load_contexts(contexts)), progress=progress
    )
    prior = context_prior(bare[len(asked) :], placed[len(asked) :])
    found = context_measures(bare, placed, prior)
    return {key: getattr(found, key) for key in CONTEXT_MEASURES}


def _judge(
    values: Mapping[str, Float64Array],
    made: Mapping[str, Float64Array],
    settings: Mapping[str, Any],
) -> tuple[dict[str, float], Float64Array]:
    """Thresholds of the evidences, and the probability of each kind, (n, 5).

    An evidence's log-odds rise linearly with its distance from the threshold; evidences are taken
    as independent: captured first, then an identity of its own that contexts hold or do not, and
    without one the parts, which mean something or do not.
    """
    thresholds: dict[str, float] = {}

    def evidence(key: str, asked: Float64Array, null: Float64Array) -> Float64Array:
        thresholds[key] = float(np.quantile(null, settings["quantile"]))
        deviation = float(null.std(ddof=1)) or 1.0
        odds = (asked - thresholds[key]) / (settings["softness"] * deviation)
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))

    own = evidence("own_score", values["own_score"], made["own_score"])
    known = evidence("strength", values["strength"], made["strength"])
    captured = evidence(
        "capture",
        np.maximum(values["capture_given"], values["capture_family"]),
        np.maximum(made["capture_given"], made["capture_family"]),
    )
    tangled = np.zeros_like(own)
    if "displacement_ratio" in values:
        key = "displacement_ratio"
        tangled = evidence(key, values[key], made[key])
    rest = 1 - captured
    kinds = [
        rest * (1 - own) * (1 - known), rest * (1 - own) * known,
        rest * own * (1 - tangled), rest * own * tangled, captured,
    ]  # fmt: skip
    return thresholds, np.stack(kinds, axis=1)


def _rows(
    space: Space,
    asked: Sequence[str],
    values: Mapping[str, Float64Array],
    probabilities: Float64Array,
    with_contexts: bool,
) -> tuple[NameIdentity, ...]:
    tokens = space.encoder().count_tokens(asked)
    stored = _stored(space, asked)
    rows = []
    for at, name in enumerate(asked):
        numbers = {key: float(column[at]) for key, column in values.items()}
        known = {key: value for key, value in numbers.items() if not np.isnan(value)}
        shares: dict[str, float] | None = None
        kind: str | None = None
        reason: str | None = ONE_PART
        if "own_score" in known:
            chances = probabilities[at].tolist()
            shares = dict(zip(KINDS, chances, strict=True))
            kind = KINDS[int(np.argmax(chances))]
            reason = None if with_contexts else WITHOUT_CONTEXTS
        rows.append(
            NameIdentity(
                name,
                int(tokens[at]),
                **known,
                **stored.get(name, {}),
                kind=kind,
                probabilities=shares,
                reason=reason,
            )
        )
    return tuple(rows)


def _stored(space: Space, asked: Sequence[str]) -> dict[str, dict[str, float]]:
    """anchor_rank and own_residual of names that the study `anchors` has measured."""
    columns = [key for key in ("anchor_rank", "own_residual") if key in space.columns]
    ids = {name: row for name in asked if (row := space.find(name)) is not None} if columns else {}
    if not ids:
        return {}
    table = space.table(columns, ids=list(ids.values())).to_pylist()
    return {
        name: {key: float(value) for key, value in row.items() if value is not None}
        for name, row in zip(ids, table, strict=True)
    }
