"""Which point of a celeb basis comes near to photos of a person?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, FloatArray, Progress, check_count, check_seed
from namebasis.results import Result, Table, plain_dict
from namebasis.studies.basis.atoms import name_mean
from namebasis.studies.celeb.answers import nearest
from namebasis.studies.celeb.basis import PieceBasis
from namebasis.studies.celeb.photo_views import PhotoViews, read_views
from namebasis.studies.celeb.points import Address, Point
from namebasis.wording import counted

if TYPE_CHECKING:
    from torch import Tensor

    from namebasis.encoders.images import ImageLike

REACH = 1.1
"""How far a point goes towards the photos, in units of the way from the mean name to the best
prompt. Similarity still grows beyond it, by what no text has; chosen on two of the organism's
trainings (seeds 0 and 3)."""
_RATE, _NOISE = 0.05, 0.3  # of Adam and of the coefficients in each step, standard deviations
_PATIENCE = 40  # steps without a gain on the held-out views
_TEMPLATES = 6  # of the space, in a step
_SHOWN = 6  # components


@dataclass(frozen=True, repr=False, eq=False)
class Inversion(Result):
    """A point of a celeb basis that was fitted to photos.

    Attributes
    ----------
    label : str
        Such as "5 photos".
    point : Point
    vector : ndarray of shape (dim,), float32
        Its text vector.
    coefficients : tuple of ndarray of shape (n_components,), float32
        Of each piece, in standard deviations.
    similarity : float
        Mean cosine of the point to the photos.
    prompt : str
        The best prompt of names.
    prompt_names : tuple of str
    prompt_similarity : float
        Its mean cosine to the photos, in the same templates.
    start_similarity : float
        That of the mean of the names.
    ids, names, similarities : tuple
        Stored names nearest to the point, and their cosine to it.
    likeness : tuple of float
        Mean cosine of each of these names to the photos.
    n_steps : int
        Of the gradient.
    stopped : str
        Why it ended there: "reach", "other views" or "steps".
    curve : ndarray of shape (n_steps + 1, 2)
        Cosine to the photos and to their other views, before each step and after the last.
    ends : tuple of (Address, float, str, str)
        The largest coefficients, with the pieces at both ends of their components.

    See Also
    --------
    namebasis.Space.celeb_basis : The basis.
    """

    label: str
    point: Point
    vector: FloatArray
    coefficients: tuple[FloatArray, ...]
    similarity: float
    prompt: str
    prompt_names: tuple[str, ...]
    prompt_similarity: float
    start_similarity: float
    ids: tuple[int, ...]
    names: tuple[str, ...]
    similarities: tuple[float, ...]
    likeness: tuple[float, ...]
    n_steps: int
    stopped: str
    curve: Float64Array
    ends: tuple[tuple[Address, float, str, str], ...]

    def headline(self) -> str:
        return (
            f"The point is {self.similarity:.3f} like {self.label}; the best prompt of names is "
            f"{self.prompt_similarity:.3f} like them: {self.prompt}"
        )

    def notes(self) -> Sequence[str]:
        why = {
            "reach": "where it was a little nearer than the best prompt; beyond that, similarity "
            "grows without saying more of the person",
            "other views": "where other views of the photos gained no more",
            "steps": "because no more were asked for",
        }[self.stopped]
        return (f"The gradient ended after {counted(self.n_steps, 'step')}, {why}.",)

    def footnotes(self) -> Sequence[str]:
        return (
            "The nearest names are names whose vectors lie near the point. They do not say who is "
            "in the photos; `recognise` asks what a model knows of people.",
        )

    def tables(self) -> list[Table]:
        near = zip(self.names, self.similarities, self.likeness, strict=True)
        return [
            Table(
                ("name", "similarity", "like the photos"),
                [(name, f"{one:.3f}", f"{like:.3f}") for name, one, like in near],
                title="nearest to the point",
                key="names",
            ),
            Table(
                ("component", "coefficient", "low end", "high end"),
                [(str(at), f"{value:+.2f}", low, high) for at, value, low, high in self.ends],
                title="largest coefficients",
                key="components",
            ),
        ]

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, similarity, like_photos."""
        return pa.table(
            {
                "id": pa.array(self.ids, pa.int64()),
                "name": pa.array(self.names, pa.string()),
                "similarity": pa.array(self.similarities, pa.float64()),
                "like_photos": pa.array(self.likeness, pa.float64()),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `vector` can be asked about with `nearest --vector`."""
        return plain_dict(
            {
                "label": self.label,
                "similarity": self.similarity,
                "prompt": self.prompt,
                "prompt_names": self.prompt_names,
                "prompt_similarity": self.prompt_similarity,
                "start_similarity": self.start_similarity,
                "names": self.names,
                "similarities": self.similarities,
                "like_photos": self.likeness,
                "n_steps": self.n_steps,
                "stopped": self.stopped,
                "coefficients": self.coefficients,
                "vector": self.vector,
            }
        )


def invert(
    basis: PieceBasis,
    photos: Sequence[ImageLike],
    *,
    n_steps: int = 300,
    n_views: int = 4,
    n_names: int = 4,
    k: int = 8,
    where: str | None = None,
    deny: Sequence[str] = (),
    reach: float = REACH,
    seed: int = 0,
    progress: Progress | None = None,
) -> Inversion:
    """Fit the coefficients of a point to photos of one person, by gradient.

    The point begins at the mean name and climbs the cosine between its text vector, the mean over
    the space's templates, and the photos' mean image vector. It ends where other views of the
    photos gain no more, or where it is `reach` times as far on the way from the mean of the names
    to the photos as the best prompt of names: input embeddings can imitate an image vector more
    closely than any text does, and then say less of the person.

    Parameters
    ----------
    basis : PieceBasis
    photos : sequence of PIL images, paths or arrays
    n_steps : int
        The most steps.
    n_views : int
        Other views of each photo, cut, mirrored or lit otherwise, which say when to stop.
    n_names : int
        The most names in the prompt beside.
    k : int
        Names to give that are nearest to the point.
    where : str, optional
        The only names for the prompt and to be given.
    deny : sequence of str
        Names that the prompt may not hold.
    reach : float
        Above 0.
    seed : int
        Of the views, of the prompt's candidates, and of the noise.
    progress : callable, optional
        Is told (done, total) steps.

    Raises
    ------
    EncoderError
        If the encoder reads no images or gradients do not flow through it, or a photo cannot be
        read.
    ValueError
        If there is no photo, or an argument does not fit.
    """
    check_count(n_steps, "n_steps")
    check_count(n_views, "n_views")
    check_count(k, "k")
    check_count(n_names, "n_names")
    check_seed(seed)
    if not (np.isfinite(reach) and reach > 0):
        raise ValueError(f"reach must be above 0; got {reach}.")
    kept = list(photos)
    if not kept:
        raise ValueError("invert needs at least one photo.")
    from namebasis.studies.paint.study import paint

    space = basis.space
    forward = basis.encoder.embedded_forward(_templates(basis), len(basis.positions))
    views = read_views(basis.encoder, kept, n_views, seed)
    painted = paint(
        space, views.target.astype(np.float32), n_names, where=where, deny=deny, seed=seed
    )
    prompt = _of_names(basis, painted.best.names)
    mean = name_mean(space, "text").astype(np.float64)
    mean /= np.linalg.norm(mean)
    first, last = (float(row @ views.target) for row in (mean, prompt))
    ceiling = first + reach * max(last - first, 0.0)
    rows, curve, stopped = _climb(basis, forward, views, ceiling, n_steps, seed, progress)
    point = Point(counted(len(kept), "photo"), rows)
    (vector,) = basis.vectors([point])
    (near,) = nearest(space, vector[None], k, where=where)
    like = space.vectors(ids=np.array(near[0], np.int64)) @ views.target if near[0] else ()
    coefficients = tuple(basis.along(point))
    return Inversion(
        point.label, point, vector, coefficients, float(vector @ views.target), painted.prompt,
        painted.best.names, float(prompt @ views.target), float(mean @ views.target), *near,
        tuple(map(float, like)), len(curve) - 1, stopped, curve, _largest(basis, coefficients),
    )  # fmt: skip


def _templates(basis: PieceBasis) -> tuple[str, ...]:
    return tuple(basis.space.provenance.templates[:_TEMPLATES])


def _of_names(basis: PieceBasis, names: Sequence[str]) -> Float64Array:
    """The text vector of names side by side, as a name's is: the mean over the templates."""
    subject = ", ".join(names)
    rows = [basis.encoder.encode_names([subject], one)[0] for one in _templates(basis)]
    mean = np.mean(rows, axis=0, dtype=np.float64)
    return np.asarray(mean / np.linalg.norm(mean))


def _climb(
    basis: PieceBasis,
    forward: Any,
    views: PhotoViews,
    ceiling: float,
    n_steps: int,
    seed: int,
    progress: Progress | None,
) -> tuple[FloatArray, Float64Array, str]:
    """Input embeddings of the point, the cosines on the way, and why it ended.

    Each slope is taken at a point nearby, so that the way leads to where a whole neighbourhood is
    like the photos: one point alone may imitate an image vector by what its neighbours do not have.
    """
    import torch

    target = torch.from_numpy(views.target).float()
    check = torch.from_numpy(views.check).float()
    means = torch.from_numpy(np.stack([one.mean for one in basis.positions]))
    steps = [
        torch.from_numpy(one.directions * one.standard_deviations[:, None])
        for one in basis.positions
    ]
    along = [torch.zeros(len(one), requires_grad=True) for one in steps]
    optimizer = torch.optim.Adam(along, lr=_RATE)

    drawn = torch.Generator().manual_seed(seed)

    def text_vector(noise: float) -> tuple[Tensor, Tensor]:
        moved = [one + noise * torch.randn(one.shape, generator=drawn) for one in along]
        moves = [one @ step for one, step in zip(moved, steps, strict=True)]
        rows = means + torch.stack(moves)
        return rows.detach(), forward(rows[None])[0]

    curve: list[tuple[float, float]] = []
    best, found, best_at = -np.inf, means, 0
    stopped = "steps"
    for step in range(n_steps + 1):
        with torch.no_grad():
            given, vector = text_vector(0)
        curve.append((float(vector @ target), float(vector @ check)))
        if curve[-1][1] > best:
            best, found, best_at = curve[-1][1], given, step
        if curve[-1][0] >= ceiling:
            found = given
            stopped = "reach"
            break
        if step - best_at >= _PATIENCE:
            stopped = "other views"
            break
        if step == n_steps:
            break
        _, vector = text_vector(_NOISE)
        slopes = torch.autograd.grad(-(vector @ target), along)
        for one, slope in zip(along, slopes, strict=True):
            one.grad = slope
        optimizer.step()
        if progress is not None:
            progress(step + 1, n_steps)
    return found.numpy().astype(np.float32), np.array(curve), stopped


def _largest(
    basis: PieceBasis, coefficients: Sequence[FloatArray]
) -> tuple[tuple[Address, float, str, str], ...]:
    found = [
        (Address(at + 1, one + 1), float(value))
        for at, values in enumerate(coefficients)
        for one, value in enumerate(values)
    ]
    found.sort(key=lambda pair: -abs(pair[1]))
    return tuple((*pair, *basis.ends(pair[0])) for pair in found[:_SHOWN])
