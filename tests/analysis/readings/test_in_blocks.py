"""Names that come in blocks read as they do all together."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.readings import axes
from namebasis.analysis.readings.in_blocks import (
    Centre,
    Prompts,
    Sums,
    fitted,
    read_block,
    shares_of,
)

N, N_MADE = 41, 12
rng = np.random.default_rng(5)
NAMES, TOKENS = (rng.standard_normal((N + N_MADE, n)).astype(np.float32) for n in (9, 5))
TOKENS += 3
AGES = rng.standard_normal((4, 9))
ASKED = [Prompts(AGES, AGES[0] + 0.5, (1.0, 2.0, 5.0, 9.0)), Prompts(AGES[:2])]


@pytest.mark.parametrize("sizes", [[1, 5, 20, 15], [41]])
@pytest.mark.parametrize("n_views", [1, 2])
def test_blocks_read_as_all_rows_do(sizes: list[int], n_views: int) -> None:
    views = [NAMES, TOKENS][:n_views]
    ends = np.cumsum(sizes)[:-1]
    blocks = list(zip(*(np.split(view[:N], ends) for view in views), strict=True))
    made = [view[N:] for view in views]
    centre = Centre.of([Sums.of(block) for block in blocks])
    parts = [shares_of(centre, block, ASKED) for block in blocks]
    known = fitted(centre, N, parts, made, ASKED)
    read = [read_block(centre, block, ASKED, known) for block in [*blocks, made]]
    for at, one in enumerate(ASKED):
        whole = axes.read_all(
            NAMES, one.rows, n_reference=N, without=one.without, ranks=one.ranks,
            also=TOKENS if n_views == 2 else None,
        )  # fmt: skip
        for reading in axes.READINGS:
            found = np.concatenate([block[at][reading] for block in read])
            np.testing.assert_allclose(found, whole[reading], rtol=1e-10, atol=1e-12)


def test_a_second_view_that_does_not_vary_is_left_out() -> None:
    centre = Centre.of([Sums.of([NAMES, np.zeros((N + N_MADE, 5), np.float32)])])
    assert centre.scale is None
    assert centre.centred([NAMES, np.ones((N + N_MADE, 5))])[1].shape == NAMES.shape


def test_names_that_do_not_vary_along_the_prompts_are_refused() -> None:
    same = [np.ones((4, 9), np.float32)]
    centre = Centre.of([Sums.of(same)])
    parts = [shares_of(centre, same, ASKED)]
    with pytest.raises(ValueError, match="names do not vary along the prompts' direction"):
        fitted(centre, 4, parts, same, ASKED)
