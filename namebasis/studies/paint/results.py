"""What a prompt search gives back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.encoders.specs import without_folders
from namebasis.results import Result, Table, load, plain_dict
from namebasis.studies.paint.workflow import CHECKPOINT
from namebasis.wording import cosines


@dataclass(frozen=True)
class Blend:
    """One prompt of names.

    Attributes
    ----------
    prompt : str
    names : tuple of str
        In the prompt's order.
    ids : tuple of int
        Their rows in the space.
    phrases : dict of str to str
        What the attribute slots hold, and optional phrases by their groups.
    n_tokens : int
        Without special tokens.
    similarity : float
        Weighted mean cosine of the re-encoded prompt to the targets.
    linear_similarity : float
        What the mean of the names' stored vectors has instead: arithmetic without re-encoding.
    n_encodes : int
        Prompts encoded until this one was settled.
    seconds : float
        Until then.
    shares : tuple of float
        With which the names' stored vectors, centred, add up to the target best; they sum to 1.
        The prompt itself names all alike: shares are for tools that weigh names.
    frame : str
        Where the names stand among optional phrases, `{}`; without names the phrases alone.
    """

    prompt: str
    names: tuple[str, ...]
    ids: tuple[int, ...]
    phrases: dict[str, str]
    n_tokens: int
    similarity: float
    linear_similarity: float
    n_encodes: int
    seconds: float
    shares: tuple[float, ...]
    frame: str = "{}"


class Sketch(NamedTuple):
    """The best prompt of one length while a search still runs.

    Attributes
    ----------
    n_names : int
    prompt : str
    similarity : float
        Of the re-encoded prompt to the target or targets.
    n_encodes : int
        Prompts encoded until now.
    is_negative : bool
        Whether it is to be far from the target.
    """

    n_names: int
    prompt: str
    similarity: float
    n_encodes: int
    is_negative: bool


@dataclass(frozen=True)
class Collapse:
    """Whether a blend means one stored full name rather than a mix.

    Attributes
    ----------
    name : str
        The stored full name nearest to the blend, not itself part of it.
    similarity : float
        Its cosine to the blend, both without the space's mean and in the same template.
    part, part_similarity : str, float
        The blend's own name that is nearest to it, and the same cosine.
    margin : float
    is_collapse : bool
        Whether ``similarity > part_similarity + margin``.
    """

    name: str
    similarity: float
    part: str
    part_similarity: float
    margin: float
    is_collapse: bool


@dataclass(frozen=True)
class Ready:
    """A blend in the syntax of a tool.

    Attributes
    ----------
    syntax : str
        One of `namebasis.studies.paint.prompt_formats.SYNTAXES`.
    prompt : str
        To paste.
    weights : tuple of float
        One per name, as handed to the syntax; empty for ``plain``.
    similarity : float
        The cosine that `meaning` speaks of.
    meaning : str
        What that is the cosine of.
    """

    syntax: str
    prompt: str
    weights: tuple[float, ...]
    similarity: float
    meaning: str


@dataclass(frozen=True)
class EncoderCosine:
    """How near the best prompt comes to a target in one of several encoders.

    Attributes
    ----------
    encoder : str
    target : str
    similarity : float
        Of the plain prompt, re-encoded.
    best_tried : float
        The best of any prompt that the search encoded, in this encoder alone.
    """

    encoder: str
    target: str
    similarity: float
    best_tried: float


@dataclass(frozen=True, repr=False, eq=False)
class Painting(Result):
    """What `paint` found.

    Attributes
    ----------
    label : str
        Of the target or targets.
    template : str
    negative : bool
        Whether the prompt was to be far from the target.
    best : Blend
        The best prompt within the budget; it may have fewer names than allowed.
    curve : tuple of Blend
        The best prompt of one name, of two, …
    greedy : tuple of Blend
        The same by the greedy chain over the same candidates; empty where it was not asked for.
    target_similarities : tuple of (str, float)
        Each target's label and its cosine to the best prompt.
    collapse : Collapse or None
        None where the space holds no full name beside the blend's own.
    n_candidates : int
        Names the search chose from.
    goal : ndarray of shape (dim,), float32
        Its dot product with a unit row is the weighted mean cosine to the targets.
    ready : Ready or None
        The best prompt in the syntax of the tool that was asked for.
    remarks : tuple of str
        How what is not stored was read.
    alternatives : tuple of Blend
        The best distinct prompts, the best first.
    ready_alternatives : tuple of Ready
        Each of them in the syntax that was asked for.
    by_encoder : tuple of EncoderCosine
        Where several encoders were asked: the best prompt's cosine in each. `similarity` is then
        their mean, weighted so that all count alike (`encoder_weights`).
    encoder_weights : tuple of float
    opposite : Painting or None
        The search for the least similar prompt, where it was asked for too: its best is the
        negative prompt.

    See Also
    --------
    namebasis.studies.paint.paint : Makes one.
    namebasis.studies.paint.weights.ready : Writes one for another tool.
    """

    label: str
    template: str
    negative: bool
    best: Blend
    curve: tuple[Blend, ...]
    greedy: tuple[Blend, ...]
    target_similarities: tuple[tuple[str, float], ...]
    collapse: Collapse | None
    n_candidates: int
    goal: FloatArray
    ready: Ready | None = None
    remarks: tuple[str, ...] = ()
    alternatives: tuple[Blend, ...] = ()
    ready_alternatives: tuple[Ready, ...] = ()
    by_encoder: tuple[EncoderCosine, ...] = ()
    encoder_weights: tuple[float, ...] = ()
    opposite: Painting | None = None

    @property
    def prompt(self) -> str:
        """The best prompt."""
        return self.best.prompt

    @property
    def names(self) -> tuple[str, ...]:
        """Its names."""
        return self.best.names

    @property
    def similarity(self) -> float:
        """Its re-encoded similarity."""
        return self.best.similarity

    @property
    def written(self) -> str:
        """The best prompt as it is to be pasted."""
        return self.prompt if self.ready is None else self.ready.prompt

    @property
    def negative_prompt(self) -> str | None:
        """The least similar prompt as it is to be pasted; None where it was not asked for."""
        return None if self.opposite is None else self.opposite.written

    @property
    def _is_workflow(self) -> bool:
        """Whether what is to be pasted is a workflow, which holds the negative prompt too."""
        return self.ready is not None and self.ready.syntax == "comfyui-average"

    def workflow(self, form: str = "ui") -> dict[str, Any]:
        """A workflow of ComfyUI that paints the best prompt.

        Parameters
        ----------
        form : {"ui", "api"}
            As ComfyUI's window saves it, to be dropped there as a .json file; or as its server
            takes it.

        Raises
        ------
        ValueError
            If the painting was asked for in another tool's syntax.
        """
        made: dict[str, Any] = load("namebasis.studies.paint.weights:workflow")(self, form)
        return made

    def headline(self) -> str:
        told = [self.written, *(one.prompt for one in self.ready_alternatives[1:])]
        if self.negative_prompt is not None and not self._is_workflow:
            told.append(f"Negative prompt: {self.negative_prompt}")  # as the web UI reads it back
        return "\n".join(told)

    def tables(self) -> list[Table]:
        """Each prompt on the way: its cosines re-encoded and by arithmetic, and what it took."""
        columns = ("search", "names", "re-encoded", "linear", "encodes", "seconds", "prompt")
        rows = [
            (
                search, len(blend.names), near, linear, blend.n_encodes, f"{blend.seconds:.1f}",
                blend.prompt,
            )
            for search, blends in self._searches()
            for blend, near, linear in zip(
                blends, cosines([one.similarity for one in blends]),
                cosines([one.linear_similarity for one in blends]), strict=True,
            )
        ]  # fmt: skip
        way = Table(columns, rows)
        if self.by_encoder:
            rows_by = [
                (without_folders(one.encoder), one.target, one.similarity, one.best_tried)
                for one in self.by_encoder
            ]
            by = Table(("encoder", "target", "cosine", "best tried"), rows_by, "in each encoder")
            return [by, *self._ranked(), way]
        return [*self._ranked(), way]

    def _ranked(self) -> list[Table]:
        """The best distinct prompts, where several were asked for."""
        if len(self.alternatives) < 2:
            return []
        scored = self.ready_alternatives or self.alternatives
        written = cosines([one.similarity for one in scored])
        ranked = [
            (at, cosine, ", ".join(one.names))
            for at, (cosine, one) in enumerate(zip(written, self.alternatives, strict=True), 1)
        ]
        return [Table(("rank", "cosine", "names"), ranked, "alternatives, as printed")]

    def notes(self) -> list[str]:
        told = []
        if self.ready is not None:
            told.append(f"cosine {self.ready.similarity:.2f} {self.ready.meaning}")
            if self.ready.weights:
                pairs = zip(self.names, self.ready.weights, strict=True)
                told.append("weights: " + ", ".join(f"{name} {w:.2f}" for name, w in pairs))
        told += [
            f"cosine {similarity:.2f} of the plain prompt to {label}"
            for label, similarity in self.target_similarities
        ]
        told += [
            f"cosine {one.similarity:.2f} of the plain prompt to {one.target} in "
            f"{without_folders(one.encoder)} (best of any prompt tried {one.best_tried:.2f})"
            for one in self.by_encoder
        ]
        if self.by_encoder:
            told.append(
                "other cosines here are means over the encoders, weighted so that all count alike"
            )
        if self.opposite is not None:
            away = self.opposite.best
            told.append(f"cosine {away.similarity:.2f} of the plain negative prompt: {away.prompt}")
        if self._is_workflow:
            told.append(f"choose your checkpoint in the loader, which holds {CHECKPOINT}")
        if self.collapse is not None and self.collapse.is_collapse:
            told.append(f"this blend collapses onto one stored person: {self.collapse.name}")
        return [*told, *self.remarks]

    def _searches(self) -> tuple[tuple[str, tuple[Blend, ...]], ...]:
        return ("beam", self.curve), ("greedy", self.greedy)

    def to_arrow(self) -> pa.Table:
        """One row per prompt of `curve` and `greedy`, told apart by the column `search`."""
        rows = [
            {"search": search, "n_names": len(blend.names), **asdict(blend)}
            for search, blends in self._searches()
            for blend in blends
        ]
        for row in rows:
            row["phrases"] = [{"slot": s, "phrase": p} for s, p in row["phrases"].items()]
        return pa.Table.from_pylist(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        known = asdict(replace(self, opposite=None))
        del known["goal"]
        known["prompt"], known["negative_prompt"] = self.written, self.negative_prompt
        known["opposite"] = None if self.opposite is None else self.opposite.to_dict()
        for blend, said in zip(
            known["alternatives"], known.pop("ready_alternatives"), strict=False
        ):
            blend |= {"ready": said["prompt"], "ready_similarity": said["similarity"]}
        ready = known.pop("ready")
        if ready is not None:
            known["syntax"] = ready.pop("syntax")
            known["ready"] = ready.pop("prompt")
            known |= {f"ready_{key}": value for key, value in ready.items()}
        return plain_dict(known)
