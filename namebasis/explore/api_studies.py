"""Questions of the explorer's tabs that take a study: compared, reported, weighed, painted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, HTTPException, Query
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from namebasis.checks import Progress, check_count
from namebasis.explore.api import Text, answer, space_of, told
from namebasis.explore.jobs import Jobs
from namebasis.explore.pictures import kept_pictures, make_pictures, painter_of
from namebasis.explore.questions import SelectQuestion, asked
from namebasis.explore.replies import (
    JobReply,
    PicturesReply,
    ReportReply,
    SpellingsReply,
    WeighReply,
)
from namebasis.explore.reports import POLICY, Reports
from namebasis.explore.routes import REFUSALS, Short
from namebasis.explore.warm import Warm
from namebasis.results import Result, plain
from namebasis.space import Space
from namebasis.terms import sentence

SYNTAXES = ("plain", "a1111", "comfyui", "compel", "dynamicprompts")
"""In which every painted prompt is handed on at once."""
MOST_SLOTS = 8
Phrases = Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=40)]


_VIEW = "Which vectors: text, token, unspelled or image."
_OTHER_VIEW = "Which vectors of the other space; the same by default."
_WHERE = "Only names for which this SQL is true."
_SEED = "Of whatever is drawn at random."
_TARGET = "A name, or a text."
_AS = "Read what is typed as a name, or as text; by default as it looks."
_JOB: dict[str, Any] = {"response_model": JobReply, "status_code": 202}
Section = Annotated[
    str, Query(max_length=100, description="Heading of docs/measures.md whose senses come first.")
]
Most = Annotated[int, Query(ge=1, le=20, description="The most spellings.")]
Key = Annotated[str, InPath(description="Of the report's page, as its job replied.")]


class OverlapQuestion(BaseModel):
    """The same names in two spaces, or in two views of one."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    other: str = Field(max_length=200, description="Short name of the other space.")
    view: str = Field("text", max_length=40, description=_VIEW)
    other_view: str | None = Field(None, max_length=40, description=_OTHER_VIEW)
    k: int = Field(15, ge=1, le=200, description="How many neighbours are compared.")
    n: int = Field(200, ge=1, le=5_000, description="Names to list at either end.")
    where: str | None = Field(None, max_length=20_000, description=_WHERE)
    seed: int = Field(0, ge=0, description=_SEED)


class ReportQuestion(BaseModel):
    """A report with a page of its own."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    kind: Literal["topology", "records", "comparison"] = Field(description="Which report.")
    view: str = Field("text", max_length=40, description=_VIEW)
    where: str | None = Field(None, max_length=20_000, description=_WHERE)
    records: Literal["locales", "us", "us:family"] = Field(
        "locales", description="Of `records`: what beliefs are held against."
    )
    other: str | None = Field(
        None, max_length=200, description="Of `comparison`: short name of the other space."
    )
    other_view: str | None = Field(None, max_length=40, description=_OTHER_VIEW)
    shape: bool = Field(False, description="Measure the shape of the arrangement too.")
    seed: int = Field(0, ge=0, description=_SEED)


class WeighQuestion(BaseModel):
    """Names whose weights are to be chosen by hand."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    q: str = Field(min_length=1, max_length=2_000, description=_TARGET)
    ids: list[int] = Field(min_length=1, max_length=40, description="Rows of the names.")
    view: str = Field("text", max_length=40, description=_VIEW)
    as_: Literal["name", "text"] | None = Field(None, alias="as", description=_AS)


class PaintingQuestion(BaseModel):
    """A prompt of names near a target."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    q: str = Field(min_length=1, max_length=2_000, description=_TARGET)
    n_names: int = Field(4, ge=1, le=12, description="The most names.")
    template: str = Field(
        "a photo of {names}", max_length=500, description="Holds {names}, and slots such as {age}."
    )
    slots: dict[str, Phrases] = Field(
        default_factory=dict, max_length=MOST_SLOTS, description="Phrases for slots, by their name."
    )
    where: str | None = Field(None, max_length=20_000, description=_WHERE)
    deny: list[str] = Field(
        default_factory=list, max_length=1_000, description="Names that are not to be used."
    )
    as_: Literal["name", "text"] | None = Field(None, alias="as", description=_AS)
    syntax: str = Field("plain", max_length=40, description="Of the tool that gets the prompt.")
    max_tokens: int | None = Field(None, ge=1, le=1_000, description="Longest prompt in tokens.")
    with_negative: bool = Field(False, description="Look for the least similar prompt too.")
    alternatives: int = Field(1, ge=1, le=50, description="Distinct prompts to give.")
    beam: int = Field(8, ge=1, le=64, description="Prompts kept at a time.")
    candidates: int = Field(512, ge=8, le=4_096, description="Names to choose from.")
    seed: int = Field(0, ge=0, description=_SEED)


class PicturesQuestion(BaseModel):
    """A stored name to be painted."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=500, description="A stored name.")


def add_studies(app: FastAPI, warm: Warm, jobs: Jobs) -> None:
    """Add the questions of the tabs to an application."""
    router = APIRouter(prefix="/api", responses=REFUSALS, tags=["tabs"])
    _add_comparing(router, warm, jobs)
    _add_reports(router, warm, jobs, Reports(warm, told))
    _add_composing(router, warm, jobs)
    _add_pictures(router, warm, jobs)
    app.include_router(router)


def _add_comparing(router: APIRouter, warm: Warm, jobs: Jobs) -> None:
    @router.get("/terms", response_model=dict[str, str | None])
    def meanings(words: Text, section: Section = "") -> Response:
        """What words mean, in one sentence each; null for what docs/measures.md does not know."""
        wanted = [word for word in words.split(",") if word]
        return answer({word: sentence(word, section) for word in wanted})

    @router.get("/{space}/spellings", response_model=SpellingsReply)
    def spellings(space: Short, q: Text, n: Most = 6) -> Response:
        """Whether a name is stored, and what is stored that is spelled almost like it."""
        opened = space_of(warm, space)
        row = opened.find(q)
        near = () if row is not None else opened.near_spellings(q, n)
        return answer({"query": q, "id": row, "near": list(near)})

    @router.post("/{space}/jobs/overlap", **_JOB)
    def overlap(space: Short, question: OverlapQuestion) -> Response:
        """Neighbours of the same names in two spaces, those first that differ most."""
        from namebasis.studies.topology.overlap import overlap as compared

        left, right = space_of(warm, space), space_of(warm, question.other)
        left.ids(question.where, view=question.view)  # refused before the job begins
        right.ids(view=question.other_view or question.view)
        _refuse_same(left, right, question.view, question.other_view)

        def work(progress: Progress) -> Any:
            found = compared(
                warm.space(space), warm.space(question.other), view=question.view,
                right_view=question.other_view, k=question.k, where=question.where,
                n_shown=question.n, seed=question.seed, progress=progress,
            )  # fmt: skip
            ids = {
                side: [int(found.left_ids[one.row]) for one in getattr(found, side)]
                for side in ("lowest", "highest")
            }
            titles = _titles(question, space)
            return plain({
                **told(found), "headline": found.sentence(titles),
                "notes": found.remarks_of(titles), "ids": ids,
            })  # fmt: skip

        return answer(jobs.start("overlap", work).to_dict(), 202)


def _titles(question: OverlapQuestion, space: str) -> tuple[str, str]:
    """What tells the two sides apart in a sentence."""
    views = question.view, question.other_view or question.view
    if space == question.other:
        return f"the {views[0]} view", f"the {views[1]} view"
    return space, question.other


def _refuse_same(left: Space, right: Space, view: str, other_view: str | None) -> None:
    if left is right and view == (other_view or view):
        raise ValueError(
            "a space would be compared with itself; choose another space, or another view of it."
        )


def _add_reports(router: APIRouter, warm: Warm, jobs: Jobs, reports: Reports) -> None:
    @router.get("/{space}/report", response_model=ReportReply | None)
    def kept(space: Short, question: Annotated[ReportQuestion, Query()]) -> Response:
        """A report that was made before; null where it must be made."""
        space_of(warm, space)
        return answer(reports.find(space, _as_kept(warm, question)))

    @router.post("/{space}/jobs/report", **_JOB)
    def make(space: Short, question: ReportQuestion) -> Response:
        """Make a report, or fetch the one that was made before."""
        opened = space_of(warm, space)
        opened.ids(question.where, view=question.view)  # refused before the job begins
        if question.kind == "comparison":
            other = space_of(warm, question.other or "")
            _refuse_same(opened, other, question.view, question.other_view)

        def work(progress: Progress) -> Any:
            kept_as = _as_kept(warm, question)
            return reports.make(
                space, kept_as, lambda now: _reported(warm, now, question, progress)
            )

        return answer(jobs.start(question.kind, work).to_dict(), 202)

    @router.post("/{space}/jobs/clusters", **_JOB)
    def write_clusters(space: Short, question: ReportQuestion) -> Response:
        """Store the clusters of a topology report as columns of the space."""
        space_of(warm, space)
        wanted = question.model_copy(update={"kind": "topology"})

        def work(progress: Progress) -> Any:
            return reports.remake(
                space, _as_kept(warm, wanted),
                lambda now: _reported(warm, now, wanted, progress, write=True),
            )  # fmt: skip

        return answer(jobs.start("clusters", work).to_dict(), 202)

    @router.get("/{space}/reports/{key}", response_class=HTMLResponse)
    def page(space: Short, key: Key) -> Response:
        """The page of a report, for a frame."""
        space_of(warm, space)
        found = reports.page(space, key)
        if found is None:
            raise HTTPException(404, "no such report; ask for it again.")
        return Response(found, media_type="text/html", headers={"content-security-policy": POLICY})


def _as_kept(warm: Warm, question: ReportQuestion) -> dict[str, Any]:
    """All that a report depends on beside its own space."""
    wanted = {
        "topology": {"view", "where", "shape", "seed"},
        "records": {"records", "where", "seed"},
        "comparison": {"view", "other", "other_view", "where", "shape", "seed"},
    }[question.kind]
    asked = {"kind": question.kind, **question.model_dump(include=wanted)}
    if question.kind == "comparison":
        other = space_of(warm, question.other or "")
        asked["made_of"] = [other.provenance.build_id, other._store.version]
    return asked


def _reported(
    warm: Warm, space: Space, question: ReportQuestion, progress: Progress, write: bool = False
) -> Result:
    if question.kind == "records":
        return space.records(
            question.records, where=question.where, seed=question.seed, progress=progress
        )
    if question.kind == "topology":
        return space.topology(
            view=question.view, where=question.where, shape=question.shape, write=write,
            n_resamples=20 if question.shape else 0, seed=question.seed, progress=progress,
        )  # fmt: skip
    from namebasis.studies.topology.comparison import compare

    return compare(
        space, warm.space(question.other or ""), view=question.view,
        right_view=question.other_view, where=question.where, shape=question.shape,
        seed=question.seed, progress=progress,
    )  # fmt: skip


def _add_composing(router: APIRouter, warm: Warm, jobs: Jobs) -> None:
    @router.post("/{space}/weigh", response_model=WeighReply)
    async def weigh(space: Short, question: WeighQuestion) -> Response:
        """All that the cosine of any weighted sum of some names to a target needs."""
        from namebasis.studies.basis.weighing import weigh as weighed

        def work() -> Response:
            opened, q = space_of(warm, space), question
            with warm.encoding:
                return answer(weighed(opened, q.q, q.ids, view=q.view, as_=q.as_).to_dict())

        return await jobs.lanes.run(work, encodes=True)

    @router.post("/{space}/jobs/painting", **_JOB)
    def painting(space: Short, question: PaintingQuestion) -> Response:
        """Search for prompts of names; what is found is told while the search runs."""
        _check_painting(space_of(warm, space), question)

        def work(progress: Progress) -> Any:
            return plain(_painted(warm.space(space), question, progress))

        return answer(jobs.start("painting", work).to_dict(), 202)

    @router.post("/{space}/jobs/selected", **_JOB)
    def write_selected(space: Short, question: SelectQuestion) -> Response:
        """Choose names, and store the list as columns of the space."""
        question.check(space_of(warm, space))

        def work(progress: Progress) -> Any:
            found = asked(warm, space, question, progress)
            found.write(warm.space(space))  # type: ignore[attr-defined]
            return plain(told(found))

        return answer(jobs.start("selected", work).to_dict(), 202)


def _add_pictures(router: APIRouter, warm: Warm, jobs: Jobs) -> None:
    @router.get("/{space}/pictures", response_model=PicturesReply)
    def pictures(space: Short, name: Text) -> Response:
        """Which model could paint a name, and the pictures that it painted before."""
        opened = space_of(warm, space)
        painter = painter_of(opened)
        kept = None if painter is None else kept_pictures(opened, name)
        return answer({"painter": painter and painter.split("/")[-1], "pictures": kept})

    @router.post("/{space}/jobs/pictures", **_JOB)
    def paint_pictures(space: Short, question: PicturesQuestion) -> Response:
        """Paint a stored name by the model that the space belongs to."""
        space_of(warm, space).rows_of([question.name])

        def work(progress: Progress) -> Any:
            with warm.encoding:
                return {"pictures": make_pictures(warm.space(space), question.name, progress)}

        return answer(jobs.start("pictures", work).to_dict(), 202)


def _check_painting(space: Space, question: PaintingQuestion) -> None:
    """Refuse what cannot be painted, before a model is loaded."""
    from namebasis.studies.paint.layout import parse_layout
    from namebasis.studies.paint.prompt_formats import check_syntax

    space.check_targets([question.q], as_=question.as_)
    space.ids(question.where)
    check_syntax(question.syntax, question.n_names)
    check_count(question.candidates, "candidates", question.n_names)
    parse_layout(question.template, question.slots, ", ")


def _painted(space: Space, question: PaintingQuestion, progress: Progress) -> dict[str, Any]:
    from namebasis.studies.paint.results import Sketch
    from namebasis.studies.paint.study import paint

    sides = 1 + question.with_negative
    best: dict[tuple[bool, int], dict[str, Any]] = {}

    def watch(sketch: Sketch) -> None:
        best[sketch.is_negative, sketch.n_names] = sketch._asdict()
        done = sketch.n_names - 1 + question.n_names * sketch.is_negative
        # A job's own progress takes what is found so far beside the steps.
        progress(done, sides * question.n_names, list(best.values()))  # type: ignore[call-arg]

    found = paint(
        space, question.q, question.n_names, template=question.template, slots=question.slots,
        max_tokens=question.max_tokens, where=question.where, deny=question.deny,
        as_=question.as_, with_negative=question.with_negative, beam=question.beam,
        candidates=question.candidates, syntax=question.syntax,
        alternatives=question.alternatives, seed=question.seed, watch=watch,
    )  # fmt: skip
    shown = told(found)
    shown["prompts"] = [_written(space, found, blend) for blend in found.alternatives]
    away = found.opposite
    shown["negative"] = None if away is None else _written(space, away, away.best)
    return shown


def _written(space: Space, painting: Any, blend: Any) -> dict[str, Any]:
    """A prompt in every syntax that can say it, with the cosine of each."""
    from namebasis.studies.paint.weights import ready

    forms: dict[str, Any] = {}
    for syntax in SYNTAXES:
        try:
            made = ready(space, painting, syntax, blend)
        except ValueError as error:  # a name that this tool cannot write
            forms[syntax] = {"refused": str(error)}
        else:
            forms[syntax] = {
                "prompt": made.prompt, "similarity": made.similarity, "meaning": made.meaning,
            }  # fmt: skip
    return {
        "prompt": blend.prompt, "names": list(blend.names), "shares": list(blend.shares),
        "similarity": blend.similarity, "n_tokens": blend.n_tokens, "phrases": blend.phrases,
        "forms": forms,
    }  # fmt: skip
