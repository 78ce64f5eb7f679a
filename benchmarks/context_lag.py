"""How much later names of an organism are read as their person where they were never seen.

python benchmarks/context_lag.py RUN... prints, for each training whose truth is known and each kind
of name that keeps to one context, the lag between the crossings of the margin in contexts that the
name was seen in and in the others, with an interval over names, beside contexts dealt at random.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from namebasis.analysis.training.lags import lag_of_columns
from namebasis.formation.checkpoints import find_checkpoints
from namebasis.formation.encoding import Cache
from namebasis.formation.plan import make_plan
from namebasis.formation.study import CACHE_SUFFIX
from namebasis.formation.trajectories import measure, seen_contexts
from namebasis.formation.truth import EXPOSURES, WORLD, read_exposures, read_truth
from namebasis.formation.work import Work

KINDS = ("D", "D95", "D80", "narrowing")


def main(runs: list[str]) -> None:
    """Print a row per training and kind."""
    print("training\tkind\tnames\tlag\tlow\thigh\tnever\tdealt low\tdealt high")
    for run in runs:
        series = find_checkpoints(run)
        told, seen = read_truth(f"{run}/{WORLD}"), read_exposures(f"{run}/{EXPOSURES}")
        plan = make_plan(list(told.names), truth=told)
        work = Work(series, plan, Cache(Path(run + CACHE_SUFFIX)), None, False, None)
        found = work.run()
        states = [measure(one.made, plan, told.names, n_resamples=2, seed=0) for one in found]
        margins = np.stack([state.in_contexts for state in states], axis=-1)
        steps = [one.checkpoint.step for one in found]
        for kind in KINDS:
            rows = [row for row, name in enumerate(plan.names[: plan.n_asked])
                    if told.names[name].kind == kind]  # fmt: skip
            names = [plan.names[row] for row in rows]
            lag = lag_of_columns(
                margins[rows],
                np.stack([seen_contexts(told.names[name], plan) for name in names]),
                np.stack([seen.at(name, steps) for name in names]),
            )
            numbers = (lag.ratio, lag.low, lag.high, lag.null_low, lag.null_high)
            ratio, low, high, *dealt = (f"{number:.3f}" for number in numbers)
            print(run, kind, lag.n, ratio, low, high, lag.n_never, *dealt, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1:])
