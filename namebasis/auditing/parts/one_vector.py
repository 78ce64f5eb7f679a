"""Phrases that an encoder gives one vector: what an axis of them could tell is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from namebasis.auditing.inquiry import Inquiry, Skipped
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.studies.attributes.record_facts import Records
from namebasis.studies.attributes.study import axis_prompts, axis_sequences
from namebasis.wording import listed

_EQUAL = 1e-9  # apart at most, as readings refuse it


def told_apart(inquiry: Inquiry, known: Records) -> Records:
    """Records without the axes whose phrases are one vector, as where texts are cut before them.

    Raises
    ------
    Skipped
        If none is left, or gender is none, which is taken out of others.
    """
    axes = {axis.name: axis for axis in (*known.axes, load_axis("gender"))}
    equal = [name for name, axis in axes.items() if not _is_told_apart(inquiry, axis)]
    if not equal:
        return known
    if "gender" in equal or all(axis.name in equal for axis in known.axes):
        raise Skipped(as_one(equal))
    return replace(
        known,
        axes=tuple(axis for axis in known.axes if axis.name not in equal),
        facts=tuple(fact for fact in known.facts if fact.axis not in equal),
    )


def as_one(axes: Sequence[str]) -> str:
    """Why nothing is read by the words of axes, as a reason."""
    told = ["groups of the Census" if axis == "census" else axis for axis in axes]
    return (
        f"the encoder gives different phrases for {listed(told)} one vector, as it cuts texts "
        "short or knows too few of their words; so they cannot order names."
    )


def _is_told_apart(inquiry: Inquiry, axis: Axis) -> bool:
    """Whether neighbouring values differ in every sentence."""
    sequences = [one for _, one in axis_sequences(axis, axis_prompts(inquiry.encoder, axis))]
    steps = np.linalg.norm(np.diff(np.concatenate(sequences), axis=1), axis=2)
    return bool((steps > _EQUAL).all())
