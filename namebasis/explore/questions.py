"""The questions of the service: what each may be asked with, checked before any work begins.

A page, a script and an assistant ask the same questions; each is answered by the method of `Space`
of its name, with that method's defaults.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from namebasis.errors import FilterError
from namebasis.explore.refusals import without_options
from namebasis.explore.targets import read_query

if TYPE_CHECKING:
    from namebasis.checks import Progress
    from namebasis.explore.warm import Warm
    from namebasis.results import Result
    from namebasis.space import Space

MOST_NEAREST = 1_000
MOST_NAMES = 200
"""Names of one question that reads each of them."""

Target = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2_000,
        description="A name, a text, or arithmetic: Vicki + an old man - an old lady.",
    ),
]
Where = Annotated[
    str | None,
    Field(
        max_length=20_000,
        description="Only names for which this SQL is true: gender = 'F' AND n_tokens = 1.",
    ),
]
View = Annotated[
    str, Field(max_length=40, description="Which vectors: text, token, unspelled or image.")
]
As = Annotated[
    Literal["name", "text"] | None,
    Field(
        alias="as",
        description="Read what is typed as a name, or as text; by default as it looks.",
    ),
]
Deny = Annotated[
    list[str], Field(max_length=1_000, description="Names that are not to be used; repeatable.")
]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="Of whatever is drawn at random.")]


class Question(BaseModel, ABC):
    """What a space can be asked."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @property
    def is_long(self) -> bool:
        """Whether the answer takes so long that one wants its progress."""
        return False

    @property
    def stages(self) -> tuple[str, ...]:
        """What a long answer does in turn; empty where its steps have no names."""
        return ()

    def texts(self) -> list[str] | None:
        """What must be encoded unless it is stored; None where an encoder is needed anyway."""
        return []

    def check(self, space: Space) -> None:
        """Refuse what cannot be answered, before a model is loaded.

        Raises
        ------
        NamebasisError, ValueError
        """

    def prepare(self, space: Space) -> bool:
        """Encode what the answer needs and keep it; whether nothing else needs the encoder."""
        return False

    @abstractmethod
    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """The answer, by the method of the space."""


class EncodingQuestion(Question):
    """A question that encodes many prompts of its own, whatever is stored."""

    @property
    def is_long(self) -> bool:
        """The prompts take seconds."""
        return True

    def texts(self) -> None:
        """An encoder is needed anyway."""


class NearestQuestion(Question):
    """The names nearest to a name, a text, or arithmetic of both."""

    q: Target
    k: Annotated[int, Field(ge=1, le=MOST_NEAREST, description="How many names.")] = 10
    where: Where = None
    view: View = "text"
    farthest: Annotated[bool, Field(description="The least similar instead.")] = False
    as_: As = None

    def texts(self) -> list[str]:
        """All terms of the arithmetic."""
        asked = read_query(self.q)
        return [asked.target, *asked.plus, *asked.minus]

    def prepare(self, space: Space) -> bool:
        """The texts, unless the filter is refused; the search itself needs no turn."""
        space.ids(self.where, view=self.view)
        for text in self.texts():
            space.resolve(text, view=self.view, as_=self.as_)
        return True

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.nearest`."""
        asked = read_query(self.q)
        return space.nearest(
            asked.target, self.k, where=self.where, view=self.view, plus=asked.plus,
            minus=asked.minus, farthest=self.farthest, as_=self.as_,
        )  # fmt: skip


class BasisQuestion(Question):
    """A few names that add up to a target, and whether chance does as well."""

    q: Target
    n_names: Annotated[int, Field(ge=1, le=40, description="How many names.")] = 5
    where: Where = None
    deny: Deny = Field(default_factory=list)
    view: View = "text"
    as_: As = None
    n_null: Annotated[
        int, Field(ge=0, le=1_000, description="Random dictionaries to compare with; 0 for none.")
    ] = 200
    n_resamples: Annotated[
        int, Field(ge=0, le=500, description="Resamples for the stability; 0 for none.")
    ] = 50
    seed: Seed = 0

    @property
    def is_long(self) -> bool:
        """With controls or resamples."""
        return self.n_null > 0 or self.n_resamples > 0

    def texts(self) -> list[str]:
        """All terms of the arithmetic."""
        return list(_terms(self.q))

    def check(self, space: Space) -> None:
        """The target, the view, and the filter."""
        space.check_targets([target_of(self.q)], view=self.view, as_=self.as_)
        space.ids(self.where, view=self.view)

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.basis`."""
        return space.basis(
            target_of(self.q), self.n_names, where=self.where, deny=self.deny, as_=self.as_,
            view=self.view, n_null=self.n_null, n_resamples=self.n_resamples, seed=self.seed,
            progress=progress,
        )  # fmt: skip


class PaintQuestion(EncodingQuestion):
    """A prompt of names near a target, in the syntax of an image generator."""

    q: Target
    n_names: Annotated[int, Field(ge=1, le=12, description="The most names.")] = 4
    template: Annotated[
        str,
        Field(
            max_length=500,
            description="Holds {names}, and slots to choose phrases for, such as {age}.",
        ),
    ] = "a photo of {names}"
    where: Where = None
    deny: Deny = Field(default_factory=list)
    phrases: Annotated[
        bool,
        Field(description="Optional phrases of occupation, era, expression … count as names too."),
    ] = False
    max_names: Annotated[
        int | None, Field(ge=0, le=12, description="With phrases: the most names among the parts.")
    ] = None
    as_: As = None
    syntax: Annotated[
        str,
        Field(
            max_length=40,
            description="plain, a1111, a1111-alternate, comfyui, comfyui-average, compel, "
            "dynamicprompts or embedding-merge.",
        ),
    ] = "plain"
    with_negative: Annotated[
        bool, Field(description="Look for the least similar prompt too, the negative prompt.")
    ] = False
    alternatives: Annotated[
        int, Field(ge=1, le=50, description="Distinct prompts to give, the best first.")
    ] = 1
    beam: Annotated[int, Field(ge=1, le=64, description="Prompts kept at a time.")] = 8
    candidates: Annotated[int, Field(ge=8, le=4_096, description="Names to choose from.")] = 512
    seed: Seed = 0

    def check(self, space: Space) -> None:
        """The target, the filter, the syntax, and the template."""
        from namebasis.checks import check_count
        from namebasis.studies.paint.layout import parse_layout
        from namebasis.studies.paint.prompt_formats import check_syntax

        space.check_targets([target_of(self.q)], as_=self.as_)
        space.ids(self.where)
        check_syntax(self.syntax, self.n_names)
        check_count(self.candidates, "candidates", self.n_names)
        parse_layout(self.template, None, ", ")
        if self.max_names is not None and not self.phrases:
            raise ValueError("max_names belongs to phrases; without them, give n_names.")

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.paint`."""
        return space.paint(
            target_of(self.q), self.n_names, template=self.template, where=self.where,
            deny=self.deny, phrases=self.phrases, max_names=self.max_names, as_=self.as_,
            syntax=self.syntax, with_negative=self.with_negative,
            alternatives=self.alternatives, beam=self.beam, candidates=self.candidates,
            seed=self.seed, progress=progress,
        )  # fmt: skip


class CardQuestion(Question):
    """Everything about one name: records, tokens, nearest names, and what the model believes."""

    name: Annotated[str, Field(min_length=1, max_length=500, description="A stored name.")]
    k: Annotated[int, Field(ge=1, le=100, description="How many nearest names.")] = 8
    view: View = "text"
    deep: Annotated[
        bool | None,
        Field(
            description="Measure what the model believes, which takes seconds, or leave it out; "
            "by default shown where it was measured before."
        ),
    ] = None
    seed: Seed = 0

    @property
    def is_long(self) -> bool:
        """Where it must be measured."""
        return bool(self.deep)

    @property
    def stages(self) -> tuple[str, ...]:
        """Of what is measured."""
        from namebasis.studies.card.results import STEPS

        return STEPS

    def texts(self) -> list[str] | None:
        """What is stored needs no encoder."""
        return None if self.deep else []

    def check(self, space: Space) -> None:
        """The name and the view."""
        space.rows_of([self.name])
        space.ids(view=self.view)

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.card`."""
        return space.card(
            self.name, k=self.k, view=self.view, deep=self.deep, seed=self.seed, progress=progress
        )


class WalkQuestion(Question):
    """Names along a component, a packaged axis, or from one target to another."""

    along: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2_000,
            description="A component's number, an axis such as age; with `to`, where to start.",
        ),
    ] = "1"
    to: Annotated[str | None, Field(max_length=2_000, description="A name or text to walk to.")] = (
        None
    )
    k: Annotated[int, Field(ge=1, le=50, description="Names at each step.")] = 3
    steps: Annotated[int, Field(ge=2, le=101, description="How many steps.")] = 7
    where: Where = None
    view: View = "text"
    as_: As = None

    def texts(self) -> list[str] | None:
        """Both ends; an axis needs the encoder, a component does not."""
        if self.to is not None:
            return [self.along, self.to]
        return [] if self.along.isdecimal() else None

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.walk`."""
        way = _direction(self.along) if self.to is None else (self.along, self.to)
        return space.walk(
            way, where=self.where, view=self.view, as_=self.as_, n_steps=self.steps,
            names_per_step=self.k,
        )  # fmt: skip


class ScoreQuestion(EncodingQuestion):
    """What the model believes of names: readings on axes such as age, against made-up names."""

    names: Annotated[
        list[str],
        Field(min_length=1, max_length=MOST_NAMES, description="Stored names; repeatable."),
    ]
    axes: Annotated[
        list[str],
        Field(min_length=1, max_length=20, description="Packaged axes, such as age; repeatable."),
    ] = Field(default_factory=lambda: ["age", "gender"])
    where: Annotated[
        str | None,
        Field(max_length=20_000, description="SQL: the names that percentiles are among."),
    ] = None
    n_made_up: Annotated[
        int, Field(ge=2, le=5_000, description="Made-up names to compare with.")
    ] = 500
    seed: Seed = 0

    def check(self, space: Space) -> None:
        """The names, the axes, and the filter."""
        for axis in self.axes:
            _check_axis(axis)
        space.rows_of(self.names)
        space.ids(self.where)

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.score`, of the names alone."""
        found = space.score(
            self.axes, where=self.where, n_made_up=self.n_made_up, seed=self.seed,
            progress=progress,
        )  # fmt: skip
        return found.pick(space, self.names)


class SelectQuestion(Question):
    """Names that are good for something, under limits: a list that stands for all names."""

    n_names: Annotated[int, Field(ge=1, le=10_000, description="How many names.")] = 100
    objective: Annotated[
        str, Field(max_length=40, description="cover: every name is near a chosen one.")
    ] = "cover"
    where: Where = None
    of: Annotated[
        str | None,
        Field(max_length=20_000, description="SQL: the names that the list is to stand for."),
    ] = None
    axes: Annotated[
        list[Annotated[str, Field(max_length=500)]],
        Field(
            max_length=12, description="Axes of the grid: age=4, region=Africa|Europe; repeatable."
        ),
    ] = Field(default_factory=list)
    max_tokens: Annotated[
        int | None, Field(ge=1, le=100, description="The most tokens of a name.")
    ] = None
    max_per: Annotated[
        list[str],
        Field(
            max_length=20,
            description="The most names of each value of a column: locale=5, piece=1; repeatable.",
        ),
    ] = Field(default_factory=list)
    one_spelling: Annotated[
        bool, Field(description="Of the spellings of a name at most one: Catherine, Katherine.")
    ] = False
    deny: Deny = Field(default_factory=list)
    not_famous: Annotated[
        bool, Field(description="Leave out names that point to one person, where it was measured.")
    ] = False
    keep: Annotated[
        list[str], Field(max_length=1_000, description="Names that are on the list; repeatable.")
    ] = Field(default_factory=list)
    budget: Annotated[
        int | None, Field(ge=1, le=10**6, description="The most tokens of all names together.")
    ] = None
    view: View = "text"
    seed: Seed = 0

    @property
    def is_long(self) -> bool:
        """Of all names."""
        return True

    def texts(self) -> list[str] | None:
        """Of axes; a list that stands for others needs no text."""
        return [] if self.objective == "cover" else None

    def check(self, space: Space) -> None:
        """The axes, the filters, the names to keep, the limits, and the view."""
        for axis in self.axes:
            _check_axis(axis.partition("=")[0].strip())
        for where in (self.where, self.of):
            space.ids(where, view=self.view)
        space.rows_of(self.keep)
        self._limits()

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.select`."""
        return space.select(
            self.n_names, objective=self.objective, where=self.where, of=self.of, axes=self.axes,
            max_tokens=self.max_tokens, max_per=self._limits(), one_spelling=self.one_spelling,
            deny=self.deny, not_famous=self.not_famous, keep=self.keep, budget=self.budget,
            view=self.view, seed=self.seed, progress=progress,
        )  # fmt: skip

    def _limits(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.max_per:
            column, sign, count = one.partition("=")
            if not (column.strip() and sign and count.strip().isdecimal() and len(count) < 10):
                raise ValueError(f"max_per must be column=count, such as locale=5; got {one!r}.")
            found[column.strip()] = int(count)
        return found


class ArrangementQuestion(Question):
    """Clusters of the names, and what they go with."""

    where: Where = None
    view: View = "text"
    shape: Annotated[bool, Field(description="Measure the shape of the arrangement too.")] = False
    seed: Seed = 0

    @property
    def is_long(self) -> bool:
        """Of all names."""
        return True

    def check(self, space: Space) -> None:
        """The filter and the view."""
        space.ids(self.where, view=self.view)

    def ask(self, space: Space, progress: Progress | None = None) -> Result:
        """As `Space.topology`, without resamples."""
        return space.topology(
            where=self.where, view=self.view, shape=self.shape, n_resamples=0, seed=self.seed,
            progress=progress,
        )  # fmt: skip


def asked(
    warm: Warm,
    name: str,
    question: Question,
    progress: Progress | None = None,
    *,
    in_turn: bool = True,
) -> Result:
    """Ask a space, in turn with others where something must be encoded.

    Raises
    ------
    KeyError
        If there is no such space.
    NamebasisError, ValueError
        If the question cannot be answered.
    """
    space = warm.space(name)
    try:
        return _asked(warm, space, question, progress, in_turn)
    except FilterError as error:
        if str(error).endswith("leaves no name."):
            told = why_none(space, getattr(question, "where", None))
            raise FilterError(f"{error} {told}".rstrip()) from None
        raise


def why_none(space: Space, where: str | None) -> str:
    """Why no name passes a filter, in a sentence; empty where some do."""
    if where is None or not len(space):
        return ""
    reader = space._reader()
    if reader.passing(where).count:
        return ""
    told = reader.why_empty(where)
    return told[:1].upper() + told[1:]


def notes_of(space: Space, question: Question, found: Result) -> list[str]:
    """What every reader must know of an answer, and of an empty one why it is empty."""
    told = [without_options(note) for note in found.notes()]
    if isinstance(question, NearestQuestion) and not getattr(found, "names", ()):
        told += filter(None, [why_none(space, question.where)])
    return told


def _asked(
    warm: Warm, space: Space, question: Question, progress: Progress | None, in_turn: bool
) -> Result:
    # A job takes no lock: questions would wait for it as long as it takes.
    if progress is not None or not in_turn or is_stored(space, question):
        return question.ask(space, progress)
    with warm.encoding:
        return question.ask(space, progress)


def is_stored(space: Space, question: Question) -> bool:
    """Whether a space answers a question from what it stores, without its encoder."""
    texts = question.texts()
    return texts is not None and all(row is not None for row in space.find_all(texts))


def target_of(q: str) -> str | dict[str, float]:
    """What was typed, as `Space.resolve` takes it: a text, or a sum of texts by weight.

    Raises
    ------
    ValueError
        If it is no arithmetic.
    """
    terms = _terms(q)
    if len(terms) == 1 and list(terms.values()) == [1.0]:
        return next(iter(terms))
    return terms


def _terms(q: str) -> dict[str, float]:
    asked = read_query(q)
    signed = [(asked.target, 1.0), *((one, 1.0) for one in asked.plus)]
    signed += [(one, -1.0) for one in asked.minus]
    terms: dict[str, float] = {}
    for text, weight in signed:
        terms[text] = terms.get(text, 0.0) + weight
    return terms


def _direction(along: str) -> int | str:
    """A component's number or a packaged axis; never a file's path."""
    if along.isdecimal():
        return int(along)
    _check_axis(along, "no component's number and ")
    return along


def _check_axis(axis: str, besides: str = "") -> None:
    from namebasis.studies.attributes.axis_files import axis_names
    from namebasis.wording import did_you_mean

    if axis not in axis_names():
        raise ValueError(
            f"{axis!r} is {besides}no axis ({', '.join(axis_names())})."
            f"{did_you_mean(axis, axis_names())}"
        )


def parameters(kind: type[BaseModel]) -> list[str]:
    """Names of a question's parameters, as one writes them."""
    return [field.alias or name for name, field in kind.model_fields.items()]


def with_space(kind: type[Question]) -> Any:
    """The same question with a parameter for the space that it is about."""
    from pydantic import create_model

    told = "Short name of the space; by default the first."
    return create_model(
        f"{kind.__name__}OfSpace",
        __base__=kind,
        __doc__=kind.__doc__,
        space=(str | None, Field(None, max_length=500, description=told)),
    )
