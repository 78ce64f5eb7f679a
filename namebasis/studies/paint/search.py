"""Beam search over prompts of names, and the greedy chain that it is measured against."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter

from namebasis.checks import Progress
from namebasis.studies.paint.moves import Moves, Scorer, State

Watch = Callable[[int, State], None]
"""Told a number of names and the best prompt of that length, whenever that gets better."""

_ROUNDS = 3  # of improvement at most, per number of names


@dataclass(frozen=True)
class Found:
    """The best state for one number of names, and what had been spent when it was settled."""

    state: State
    n_encodes: int
    seconds: float


def beam_search(
    scorer: Scorer,
    moves: Moves,
    n_names: int,
    beam: int,
    n_singles: int,
    progress: Progress | None,
    watch: Watch = lambda level, best: None,
) -> list[Found]:
    """The best prompt found of one name, of two, …, up to `n_names` or the token budget.

    At each number of names the `beam` best prompts get one name more; then the better half of
    what comes out is improved by another name at a place, two names swapped and other phrases,
    until nothing helps. A name dropped from a longer prompt may give a better shorter one. An
    optional phrase counts as a name does: it is added, swapped for another part and dropped.

    Parameters
    ----------
    n_singles : int
        How many names of the pool to try alone, from its first, and how many phrases.
    watch : callable
        Told of better prompts while the search runs.
    """
    begun = perf_counter()
    singles = moves.singles(n_singles)
    states = _improve(scorer, moves, _best(scorer.score(singles), beam), beam, watch)
    found: list[Found] = []
    for level in range(1, n_names + 1):
        if level > 1:
            grown = scorer.score(new for state in states for new in moves.add(state))
            states = _improve(scorer, moves, _best(grown, beam), beam, watch)
            shorter = scorer.score(new for state in states[:1] for new in moves.drop(state))
            for best in _best(shorter, 1):
                if best.similarity > found[-1].state.similarity:
                    found[-1] = Found(best, scorer.n_encodes, perf_counter() - begun)
        if not states:  # no name more fits into the budget of tokens
            break
        found.append(Found(states[0], scorer.n_encodes, perf_counter() - begun))
        if progress is not None:
            progress(level, n_names)
    return found


def greedy_chain(scorer: Scorer, n_names: int) -> list[Found]:
    """Append, at each step, the one name of the whole pool that fits best."""
    begun = perf_counter()
    state = State((), (0,) * len(scorer.layout.slots))
    found: list[Found] = []
    for _ in range(n_names):
        rest = (i for i in range(len(scorer.pool.ids)) if i not in state.names)
        best = _best(scorer.score(State((*state.names, i), state.phrases) for i in rest), 1)
        if not best:
            break
        state = best[0]
        found.append(Found(state, scorer.n_encodes, perf_counter() - begun))
    return found


def _improve(
    scorer: Scorer, moves: Moves, states: list[State], beam: int, watch: Watch
) -> list[State]:
    """Change the better half of the states as long as that helps, keeping `beam` of all."""
    tried: set[State] = set()
    for _ in range(_ROUNDS):
        if states:
            watch(len(states[0].names), states[0])
        chosen = [state for state in states[: max(1, beam // 2)] if state not in tried]
        tried.update(chosen)
        changed = scorer.score(
            new
            for state in chosen
            for move in (moves.replace, moves.swap, moves.rephrase)
            for new in move(state)
        )
        better = _best([*states, *changed], beam)
        if better == states:
            break
        states = better
    return states


def _best(states: Iterable[State], n: int) -> list[State]:
    """The `n` most similar, of those with the same names and phrases the best order alone."""
    found: dict[object, State] = {}
    for state in sorted(states, key=_order):
        if state.similarity == float("-inf") or len(found) == n:
            break
        found.setdefault(state.key, state)
    return list(found.values())


def _order(state: State) -> tuple[float, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    return -state.similarity, state.names, state.phrases, state.words
