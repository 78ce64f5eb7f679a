"""Prompts: how well do names paint people who are described?

Names are chosen to come near to one wording of a description and read against another one, beside
the other wordings of other people. Wordings of one person are more alike in length than those of
two, which any tower sees; chance therefore exchanges second wordings of nearly equal length alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.checks import Float64Array, IntArray
from namebasis.errors import NamebasisError
from namebasis.results import Table
from namebasis.studies.paint.study import paint

if TYPE_CHECKING:
    from namebasis.auditing.plan import Described

N_NAMES = 3
TEMPLATE = "a photo of {names}"
PAINTED, CEILING = "prompts.painted", "prompts.described"
_BEAM, _BREADTH, _CANDIDATES = 2, 8, 128
_BORNE = "part <> 'pseudo'"
_BLOCK = 4  # second wordings that are exchanged with each other
_N_RANDOM = 100


def run(inquiry: Inquiry) -> Answer:
    """Paint the described people with names, and find them among second wordings."""
    people = inquiry.plan.described[: inquiry.plan.size.described]
    prompts = []
    for at, one in enumerate(people):
        prompts.append(_painted(inquiry, one))
        inquiry.step(at + 1, len(people))
    encoder = inquiry.encoder
    again = encoder.encode_text([one.again for one in people]).astype(np.float64)
    said = encoder.encode_text([one.said for one in people]).astype(np.float64)
    lengths = encoder.count_tokens([one.again for one in people])
    painted = _apart(encoder.encode_text(prompts).astype(np.float64) @ again.T)
    described = _apart(said @ again.T)
    answer = Answer([], {})
    _claim(
        inquiry, people, painted, lengths, answer, PAINTED, "names paint described people",
        "chance that a prompt of 3 names, chosen for one wording, is nearer to its person's other "
        "wording than to another person's",
        on_card=True,
    )  # fmt: skip
    _claim(
        inquiry, people, described, lengths, answer, CEILING, "descriptions find their people",
        "the same for the description itself: the most that its names could reach",
    )  # fmt: skip
    rows = [
        (one.said, prompt, _rank(painted, at), _rank(described, at))
        for at, (one, prompt) in enumerate(zip(people, prompts, strict=True))
    ]
    answer.tables.append(
        Table(
            ("description", "prompt of names", "rank", "rank of the description"), rows,
            f"described people painted with names, of {len(people)}", key="prompts",
            wrapped=("description", "prompt of names"),
        )
    )  # fmt: skip
    answer.remarks.append(
        f"Prompts of {N_NAMES} names drawn at random reach {_at_random(inquiry, again):.2f} "
        f"(0.50 where names say nothing). Each search re-encodes few prompts; `namebasis paint` "
        "finds nearer ones."
    )
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """Whether names paint, and what the descriptions themselves reach."""
    found, most = claims.get(PAINTED), claims.get(CEILING)
    if found is None or most is None:
        return "Nothing is told of prompts of names."
    if found.is_beyond(level):
        told = f"Prompts of {N_NAMES} names paint {found.n} described people ({found.told()})"
    else:
        told = (
            f"Prompts of {N_NAMES} names do not paint {found.n} described people ({found.told()})"
        )
    reach = "reach" if most.is_beyond(level) else "themselves are within chance at"
    return f"{told}; the descriptions {reach} {most.value:.2f}."


def _painted(inquiry: Inquiry, one: Described) -> str:
    try:
        found = paint(
            inquiry.space, one.said, N_NAMES, template=TEMPLATE, as_="text", where=_BORNE,
            beam=_BEAM,
            breadth=_BREADTH, candidates=_CANDIDATES, seed=inquiry.seed,
        )  # fmt: skip
    except (NamebasisError, ValueError) as error:
        if f"max_tokens={inquiry.encoder.max_tokens} " in str(error):
            raise Skipped(
                f"the encoder cuts texts at {inquiry.encoder.max_tokens} tokens, too few for a "
                f"prompt of {N_NAMES} names."
            ) from None
        raise Skipped(str(error)) from None
    return found.prompt


def _apart(similarities: Float64Array) -> Float64Array:
    """Without what every prompt has in common with a wording: some are near to everything."""
    return np.asarray(similarities - similarities.mean(axis=0))


def _places(similarities: Float64Array) -> Float64Array:
    """How large a share of the other wordings each wording is nearer than, by prompt: (n, n)."""
    below = (similarities[:, :, None] > similarities[:, None, :]).sum(axis=2)
    ties = (similarities[:, :, None] == similarities[:, None, :]).sum(axis=2) - 1
    return np.asarray((below + ties / 2) / (len(similarities) - 1))


def _rank(similarities: Float64Array, at: int) -> int:
    return 1 + int((similarities[at] > similarities[at, at]).sum())


def _claim(
    inquiry: Inquiry,
    people: tuple[Described, ...],
    similarities: Float64Array,
    lengths: IntArray,
    answer: Answer,
    key: str,
    label: str,
    meaning: str,
    *,
    on_card: bool = False,
) -> None:
    places, rows = _places(similarities), np.arange(len(people))
    sample = Sample(tuple(one.said for one in people), places[rows, rows])
    rng = np.random.default_rng(inquiry.seed)
    draws = [
        places[rows, exchanged(lengths, rng)].mean() for _ in range(inquiry.plan.n_draws)
    ]  # fmt: skip
    answer.add(
        measured(
            key, label, "mean", sample, chance=np.array(draws), neutral=0.5, one_sided=True,
            against="second wordings of nearly equal length, exchanged", meaning=meaning,
            on_card=on_card,
        ),
        sample,
    )  # fmt: skip


def exchanged(lengths: IntArray, rng: np.random.Generator) -> IntArray:
    """A permutation that keeps everyone among the four or more of nearly their length.

    Parameters
    ----------
    lengths : ndarray of shape (n,)
    rng : Generator
        Breaks ties too, so that equal lengths meet in other blocks each time.
    """
    order = np.lexsort((rng.random(len(lengths)), lengths))
    found = np.empty(len(lengths), dtype=np.int64)
    for block in np.array_split(order, max(1, len(order) // _BLOCK)):
        found[block] = rng.permutation(block)
    return found


def _at_random(inquiry: Inquiry, again: Float64Array) -> float:
    """What prompts of names drawn at random reach, each standing for any person."""
    names = inquiry.space.table(["name"], where=_BORNE)["name"].to_pylist()
    rng = np.random.default_rng(inquiry.seed)
    n = len(again)
    drawn = [
        TEMPLATE.format(names=", ".join(rng.choice(names, N_NAMES, replace=False)))
        for _ in range(max(n, _N_RANDOM // n * n))
    ]
    rows = inquiry.encoder.encode_text(drawn).astype(np.float64) @ again.T
    parts = rows.reshape(-1, n, n)
    return float(np.mean([np.diagonal(_places(_apart(one))).mean() for one in parts]))
