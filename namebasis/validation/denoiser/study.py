"""Store the view `denoiser` of a space, and say how far each name moves what is painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.checks import Progress
from namebasis.encoders.base import check_template
from namebasis.namespace.computed.facts import facts_of
from namebasis.namespace.computed.making import compute_views
from namebasis.namespace.store.dataset import norm_column
from namebasis.results import Result, Table
from namebasis.validation.denoiser.maker import TEMPLATE, VIEW, DenoiserSettings, load_denoiser
from namebasis.validation.pictures.pipelines import check_pipeline
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

NORM = norm_column(VIEW)


@dataclass(frozen=True, repr=False, eq=False)
class Denoised(Result):
    """What `denoise` stored.

    Attributes
    ----------
    space : Space
        Opened again, with the view.
    names : Table
        Name and `denoiser_norm` of every name that has the view, longest first.
    model, fingerprint : str
        Of the pipeline.
    template : str
    settings : mapping of str
        See `DenoiserSettings`.
    dim : int
        Width of the view.
    """

    space: StoredSpace
    names: pa.Table
    model: str
    fingerprint: str
    template: str
    settings: Mapping[str, Any]
    dim: int

    def headline(self) -> str:
        """How many names have the view, and what of."""
        levels, noises = (self.settings[key] for key in ("n_levels", "n_noises"))
        return (
            f"{counted(len(self.names), 'name')} of {self.space.path.name} in the view {VIEW}, "
            f"{self.dim} dimensions: what {self.model} predicts for {self.template!r} less what it "
            f"predicts for {self.settings['neutral']!r}, at {counted(levels, 'level')} of "
            f"{counted(noises, 'noise')}"
        )

    def tables(self) -> tuple[Table, ...]:
        """Names by how far they move the prediction."""
        return (Table.of(self.names, ("name", NORM)),)

    def notes(self) -> tuple[str, ...]:
        """How to read the lengths, and what asks the view."""
        return (
            f"{NORM}: 1 is as far as made-up names move it. `namebasis nearest "
            f"{self.space.path.name} NAME --view {VIEW}` asks the view.",
        )

    def to_arrow(self) -> pa.Table:
        """One row per name."""
        return self.names

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "view": VIEW,
            "dim": self.dim,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "template": self.template,
            "settings": dict(self.settings),
            "names": self.names.to_pylist(),
        }


def denoise(
    space: StoredSpace,
    pipeline: str | None = None,
    *,
    where: str | None = None,
    template: str | None = None,
    neutral: str | None = None,
    n_levels: int | None = None,
    n_noises: int | None = None,
    grid: int | None = None,
    seed: int | None = None,
    size: int | None = None,
    rebuild: bool = False,
    device: str | None = None,
    dtype: str | None = None,
    progress: Progress | None = None,
) -> Denoised:
    """Store the view `denoiser`, of names that do not have it yet.

    One pass through the UNet a level and noise instead of a picture of 30 steps; see
    `validation.denoiser.maker.Denoiser`. What is not said is as the view was made before, else the
    default.

    Parameters
    ----------
    space : Space
    pipeline : str, optional
        As `load_pipeline` takes it; needed the first time.
    where : str, optional
        Only these names; by default those that were chosen the first time, or all.
    template : str, optional
        By default ``a photo of {}``.
    neutral, n_levels, n_noises, grid, seed, size
        See `DenoiserSettings`.
    rebuild : bool
        Compute the names again, where the view was made otherwise.
    device, dtype : str, optional
        As `load_pipeline` takes them.
    progress : callable, optional
        Called with (names done, names in all).

    Returns
    -------
    Denoised

    Raises
    ------
    EncoderError
        If the pipeline cannot be loaded, or has no UNet that can be asked.
    SpaceError
        If the view was made otherwise and `rebuild` is not said, or another process writes.
    ValueError
        If a setting does not fit, or no pipeline is named for the first time.

    Examples
    --------
    >>> found = space.denoise("organism", where="id < 4", n_levels=2, n_noises=1)  # doctest: +SKIP
    >>> found.space.nearest("Vicki", view="denoiser")  # doctest: +SKIP
    """
    known = facts_of(space._store, VIEW) if VIEW in space.views else None
    spec = pipeline or (known.model if known else None)
    if spec is None:
        raise ValueError(
            "pipeline must be named the first time: organism, diffusers:REPO-or-folder or "
            "sd:MODEL.safetensors."
        )
    given: dict[str, Any] = {
        "neutral": neutral, "n_levels": n_levels, "n_noises": n_noises, "grid": grid,
        "seed": seed, "size": size,
    }  # fmt: skip
    settings = replace(
        DenoiserSettings(**known.settings) if known else DenoiserSettings(),
        **{key: value for key, value in given.items() if value is not None},
    )
    said = template or (known.templates[0] if known else TEMPLATE)
    check_template(said)
    is_asked = rebuild or any(
        one is not None for one in (pipeline, where, template, *given.values())
    )
    if known is not None and not is_asked and not _lacking(space, known.where):
        made = space  # so that no pipeline is loaded
    else:
        check_pipeline(spec, dtype)
        maker = load_denoiser(spec, settings, device=device, dtype=dtype)
        if where is None and known is not None:
            where = known.where
        made = compute_views(
            space, maker, where=where, templates=[said], rebuild=rebuild, progress=progress
        )
    facts = facts_of(made._store, VIEW)
    names = made.table(["name", NORM], where=f"{NORM} > 0", order_by=f"{NORM} desc")
    return Denoised(
        made, names, facts.model, facts.fingerprint, facts.templates[0], facts.settings,
        made._store.dim(VIEW),
    )  # fmt: skip


def _lacking(space: StoredSpace, where: str | None) -> bool:
    """Whether a name that the view is of has not been looked at."""
    return bool(space.table([NORM], where=where)[NORM].null_count)
