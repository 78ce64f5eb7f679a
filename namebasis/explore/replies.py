"""What the service replies: results with the sentences that a reader needs, and their models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from namebasis import __version__
from namebasis.encoders import specs
from namebasis.errors import SpaceError
from namebasis.explore.questions import (
    ArrangementQuestion,
    BasisQuestion,
    CardQuestion,
    NearestQuestion,
    PaintQuestion,
    Question,
    ScoreQuestion,
    SelectQuestion,
    WalkQuestion,
)
from namebasis.explore.refusals import one_line, without_options
from namebasis.explore.schemas import Number, Reply, model_of
from namebasis.explore.warm import Warm
from namebasis.namespace.search.results import LIGHT
from namebasis.results import Result
from namebasis.studies.attributes.results import Attributes
from namebasis.studies.basis.results import Basis
from namebasis.studies.basis.trust import Null
from namebasis.studies.basis.walk import Walk
from namebasis.studies.card.axes import Reading
from namebasis.studies.card.comparison import Belief
from namebasis.studies.card.results import Card, DeepCard
from namebasis.studies.identity.results import NameIdentity
from namebasis.studies.paint.results import Blend, Painting
from namebasis.studies.select.results import Selection
from namebasis.studies.topology.arrangement import LabelAgreement
from namebasis.studies.topology.results import TopologyReport
from namebasis.terms import sentence

_SECTIONS = {
    "basis": "Basis", "paint": "Basis", "attributes": "Readings", "identity": "Full names",
    "topology": "Topology",
}  # fmt: skip
"""Headings of docs/measures.md whose paragraphs a study's words mean first."""

Kind = TypeVar("Kind")


def told(result: Result) -> dict[str, Any]:
    """A result with the sentences that a reader needs beside it."""
    section = next((_SECTIONS[part] for part in type(result).__module__.split(".")
                    if part in _SECTIONS), "")  # fmt: skip
    return {
        "headline": result.headline(),
        "tables": [
            {
                "title": table.title,
                "columns": list(table.columns),
                "meanings": [sentence(column, section) for column in table.columns],
                "rows": [list(row) for row in table.rows],
                "muted": list(table.muted),
                "key": table.key,
                "is_detail": table.detail,
            }
            for table in result.tables()
        ],
        "notes": [without_options(note) for note in result.notes()],
        "result": values_of(result),
    }


def values_of(result: Result) -> dict[str, Any]:
    """All values of a result, without the folders that its space and its model lie in."""
    values = result.to_dict()
    return {
        key: without_folders(value)
        if key in ("source", "provenance") and isinstance(value, dict)
        else value
        for key, value in values.items()
    }


def without_folders(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What something was made of, with names instead of folders: hf:clip for hf:/folder/clip."""
    return {
        key: specs.without_folders(str(value))
        if key in ("space", "path", "encoder") and value
        else value
        for key, value in facts.items()
    }


def spaces_of(warm: Warm) -> list[dict[str, Any]]:
    """The spaces in a few facts, and why one cannot be served."""
    refusals = warm.refusals
    return [
        {"space": name, "error": one_line(SpaceError(refusals[name]), warm)}
        if name in refusals
        else _facts(warm, name)
        for name in warm.names
    ]


def _facts(warm: Warm, name: str) -> dict[str, Any]:
    space = warm.space(name)
    return {
        "space": name,
        "n_names": len(space),
        "encoder": specs.without_folders(space.provenance.encoder),
        "templates": list(space.provenance.templates),
        "views": [*space.views, *space.pictures().views],
        "columns": list(space.columns),
        "has_map": warm.has_places(name),
        "version": __version__,
        "build": space.provenance.build_id,
    }


class TableReply(Reply):
    """A table as a reader sees it."""

    title: str
    columns: list[str]
    meanings: list[str | None] = Field(description="What each column is, where it is explained.")
    rows: list[list[Any]]
    muted: list[int] = Field(description="Positions of rows that are within chance.")
    key: str = Field(description="Which table of the result this is.")
    is_detail: bool = Field(description="Whether a brief form leaves it out.")


class Told(Reply, Generic[Kind]):
    """A result with the sentences that a reader needs beside it."""

    headline: str | None = Field(description="The answer in one or two sentences.")
    tables: list[TableReply]
    notes: list[str] = Field(description="What every reader must know beside the tables.")
    result: Kind = Field(description="All values.")


def told_of(kind: type[BaseModel]) -> type[BaseModel]:
    """The model of what `told` makes of a result."""
    return Told[kind]  # type: ignore[valid-type]


class Answered(Reply, Generic[Kind]):
    """A result without its tables, which hold the same values once more."""

    headline: str | None = Field(description="The answer in one or two sentences.")
    notes: list[str] = Field(description="What every reader must know.")
    result: Kind = Field(description="All values.")


def answered_of(kind: type[BaseModel]) -> type[BaseModel]:
    """The model of a result without its tables."""
    return Answered[kind]  # type: ignore[valid-type]


class NearName(Reply):
    """A name that was found, with the columns that come with every one."""

    id: int = Field(description="Its row in the space.")
    name: str
    similarity: Number = Field(description="Cosine to the target.")
    part: str = Field(description="given, family, full or pseudo.")
    gender: str | None
    locales: list[str]


if {"id", "similarity", *LIGHT} != set(NearName.model_fields):
    raise TypeError("NearName must have the columns that come with every name.")


class NearestReply(Reply):
    """The query, how it was read, and its names."""

    query: str
    kind: str = Field(description="How the query was read: name, new name, text, image or mix.")
    names: list[NearName]


_NullReply = model_of(Null, instead={"against": str})
BasisReply = model_of(
    Basis,
    without=("label", "remarks"),
    instead={"query": str, "nulls": list[_NullReply], "verdict": str | None},  # type: ignore[valid-type]
)
WalkReply = model_of(Walk)


class AlternativeReply(model_of(Blend)):  # type: ignore[misc]
    """A distinct prompt, and the same in the syntax that was asked for."""

    ready: str | None = None
    ready_similarity: Number = None


class PaintReply(
    model_of(Painting, without=("goal", "opposite", "ready", "ready_alternatives"))  # type: ignore[misc]
):
    """What `paint` found; `prompt` is the best one in the syntax that was asked for."""

    alternatives: list[AlternativeReply]
    prompt: str
    negative_prompt: str | None
    opposite: PaintReply | None = Field(description="The search for the least similar prompt.")
    syntax: str | None = None
    ready: str | None = None
    ready_weights: list[Number] | None = None
    ready_similarity: Number = None
    ready_meaning: str | None = None


class Neighbour(Reply):
    """A name and its cosine."""

    name: str
    similarity: Number


class PartsReply(Reply):
    """What a name would be like if only its parts were known."""

    similarity: Number
    nearest: list[Neighbour]
    nearest_own: list[Neighbour]


class _Open(BaseModel):
    """Values whose keys depend on the space."""

    model_config = ConfigDict(extra="allow")


_ReadingReply = model_of(Reading)
DeepReply = model_of(
    DeepCard,
    without=("readings", "study", "remarks"),
    instead={
        "axes": list[_ReadingReply],  # type: ignore[valid-type]
        "axes_from_parts": list[_ReadingReply] | None,  # type: ignore[valid-type]
        "n_company": int,
        "n_made_up": int,
        "reads_as": list[dict[str, Any]],
        "beliefs": list[model_of(Belief)],  # type: ignore[misc]
        "basis": BasisReply | None,
        "rigidity": dict[str, Any],
        "identity": model_of(NameIdentity),
        "thresholds": dict[str, Number],
        "origin": dict[str, Any],
        "parts_only": PartsReply | None,
        "notes": list[str],
    },
)
CardReply = model_of(
    Card,
    without=("nearest_parts",),
    instead={
        "records": list[dict[str, Any]], "tokens": dict[str, Any], "metrics": dict[str, Any],
        "source": dict[str, Any], "nearest": list[Neighbour], "deep": DeepReply | None,
    },
)  # fmt: skip
ScoreReply = model_of(
    Attributes,
    without=("ids", "scores", "n_company", "parts"),
    instead={
        "headline": str | None, "names": list[dict[str, Any]], "beliefs": list[dict[str, Any]],
        "units": dict[str, dict[str, str]], "axes": list[str], "leakage": list[list[Number]],
    },
)  # fmt: skip


class SelectedName(_Open):
    """A name of the list, in the order in which it was chosen."""

    id: int
    name: str


SelectReply = model_of(
    Selection,
    without=("ids", "names", "parts", "n_tokens", "groups", "values", "remarks", "beside", "map"),
    instead={"selected": list[SelectedName], "notes": list[str]},
)


ArrangementReply = model_of(
    TopologyReport,
    without=(
        "ids", "names", "details", "places", "labels", "probabilities", "nearest_clusters",
        "nearest_probabilities", "graph", "hierarchy", "remarks", "properties", "orders", "beside",
    ),
    instead={
        "n_names": int, "n_clusters": int, "notes": list[str],
        "agreement": list[model_of(LabelAgreement, instead={"beyond_chance": Number})],  # type: ignore[misc]
        "spelling": dict[str, Any] | None, "shape": dict[str, Any] | None,
    },
)  # fmt: skip


QUESTIONS: tuple[tuple[str, type[Question], Any], ...] = (
    ("nearest", NearestQuestion, NearestReply),
    ("basis", BasisQuestion, BasisReply),
    ("paint", PaintQuestion, PaintReply),
    ("card", CardQuestion, CardReply),
    ("walk", WalkQuestion, WalkReply),
    ("score", ScoreQuestion, ScoreReply),
    ("select", SelectQuestion, SelectReply),
    ("topology", ArrangementQuestion, ArrangementReply),
)
"""Questions of a space, and what each is answered with."""


class SpaceReply(Reply):
    """An open space."""

    space: str = Field(description="Its short name, by which it is asked.")
    n_names: int
    encoder: str
    templates: list[str]
    views: list[str]
    columns: list[str]
    has_map: bool = Field(description="Whether its map is made.")
    version: str = Field(description="Of namebasis.")
    build: str = Field(description="Which build of the space this is.")


class RefusedReply(Reply):
    """A space that cannot be served; the others are."""

    space: str = Field(description="Its short name.")
    error: str = Field(description="Why, in one line.")


class EncoderReply(Reply):
    """What a space's encoder reads."""

    encoder: str
    text: bool
    images: bool
    refusal: str = Field(description="Why it cannot be loaded; empty where it is.")


class SpacesReply(Reply):
    """The open spaces."""

    spaces: list[SpaceReply | RefusedReply]


class InfoReply(_Open):
    """What a space holds; further facts follow with what was done to it."""

    path: str = Field(description="Name of its folder.")
    names: int
    encoder: str
    templates: list[str]
    views: dict[str, int] = Field(description="Views and how many values each vector has.")
    image_views: list[str] = Field(description="Views of the pictures of one source.")
    columns: list[str]
    metrics: dict[str, Any]
    indices: dict[str, Any]


class NamesReply(Reply):
    """A page of names, with the columns that were asked for."""

    total: int = Field(description="Names that the filter leaves, on all pages.")
    rows: list[dict[str, Any]]
    why: str | None = Field(None, description="Of an empty answer: which condition leaves no name.")


class FacetReply(Reply):
    """What a column holds among the names that a filter leaves."""

    column: str
    kind: Literal["number", "value", "list", "flag"]
    meaning: str | None = Field(description="What the column is, where it is explained.")
    n: int = Field(description="Names that have a value.")
    low: Number = None
    high: Number = None
    is_log: bool | None = Field(None, description="Whether the bins have equal ratios.")
    is_whole: bool | None = Field(None, description="Whether the values are whole numbers.")
    bins: list[int] | None = Field(None, description="Names in each bin from low to high.")
    values: list[tuple[str | bool | int, int]] | None = Field(
        None, description="Values and their counts, most frequent first."
    )
    n_values: int | None = None


class JobReply(BaseModel):
    """A long question: ask for it every second, or it is stopped."""

    model_config = ConfigDict(extra="allow")

    id: str
    kind: str = Field(description="Which question.")
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int = Field(description="Steps done.")
    total: int = Field(description="Steps in all; 0 until it is known.")
    step: str | None = Field(None, description="What it does now, where its steps have names.")
    result: Any = Field(None, description="As the question of its kind replies, once it is done.")
    error: str | None = Field(None, description="Why it failed, in one line.")


class SpellingsReply(Reply):
    """Whether a name is stored, and what is spelled almost like it."""

    query: str
    id: int | None = Field(description="Its row; null where it is not stored.")
    near: list[str]


class WeighReply(Reply):
    """All that the cosine of any weighted sum of some names to a target needs."""

    query: str
    names: list[str]
    ids: list[int]
    products: list[list[Number]] = Field(
        description="Dot products of the names, the mean, and the target."
    )


class ReportReply(Told[dict[str, Any]]):
    """A report, and the key of its page."""

    page: str = Field(description="Key of the page.")
    when: str | None = Field(description="When it was made; null where it was made just now.")


class PicturesReply(Reply):
    """Which model could paint a name, and what it painted before."""

    painter: str | None
    pictures: list[dict[str, Any]] | None


class ErrorReply(Reply):
    """A refusal: what is wrong and what to do, in one line."""

    error: str


class NotMade(Reply):
    """What must be made by a job first."""

    job: str = Field(description="Which job makes it.")
    told: str = Field(description="The same in a sentence.")


class TermReply(Reply):
    """One paragraph of docs/measures.md."""

    names: list[str] = Field(description="What it explains.")
    section: str
    sentence: str
    text: str


class ExplainReply(Reply):
    """What a word means; one paragraph for each of its senses."""

    word: str | None
    terms: list[TermReply]


class SubsetReply(Reply):
    """The names that a filter leaves, as a list or table."""

    n_names: int
    format: str
    text: str
