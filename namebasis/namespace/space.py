"""A name space: names, their vectors, and the questions one may ask of them."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray, Progress, check_count
from namebasis.encoders.given import KIND
from namebasis.encoders.registry import TEXT_ONLY, Loading
from namebasis.errors import EncoderError, ReplacedError, SpaceError, TargetError
from namebasis.forks import Turn
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace.computed import facts as computed
from namebasis.namespace.computed.makers import mean_of_names, open_maker, vector_of_text
from namebasis.namespace.engines.address import Address, parse_address
from namebasis.namespace.objects.urls import remote_of, said, short_name
from namebasis.namespace.search.beside import check_columns, joined, stored_columns
from namebasis.namespace.search.graph_cache import graph_of, load_graph, spread_graph
from namebasis.namespace.search.name_lookup import find_rows, rows_named
from namebasis.namespace.search.new_names import near_spellings, place_new, said_near
from namebasis.namespace.search.results import LIGHT, LightColumns, NearestResult, make_result
from namebasis.namespace.search.searcher import Allowed, Searcher
from namebasis.namespace.search.targets import Resolver, Target, check_as, is_batch
from namebasis.namespace.store import metrics
from namebasis.namespace.store.dataset import COMPUTED, MEASURED, Store
from namebasis.namespace.store.filters import quote
from namebasis.namespace.store.metrics import MeasuredView
from namebasis.namespace.store.opening import PATIENCE, newest_version
from namebasis.namespace.store.places import place_of
from namebasis.namespace.store.provenance import Provenance
from namebasis.namespace.store.rows import check_computed, check_ids, lacks
from namebasis.namespace.store.sums import image_mean, noted_sums
from namebasis.namespace.store.swap import finish_swap, is_swapping
from namebasis.namespace.store.verify import check_space
from namebasis.namespace.where.rows import Reader
from namebasis.recent import Recent
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.analysis.graph.neighbours import KnnGraph
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.building.summary import Summary
    from namebasis.namespace.computed.makers import ViewMaker
    from namebasis.namespace.facts import SpaceInfo
    from namebasis.namespace.pictures.pictures import Pictures
    from namebasis.namespace.pictures.views import ImageView
    from namebasis.namespace.search.picture_hits import NearestPictures
    from namebasis.namespace.search.picture_rows import PictureRows
    from namebasis.namespace.where.language import Language

_ENCODED = 256
"""Texts whose vectors stay in memory: whoever asks one asks it again, of other names or views."""
_SPELLED = 5
"""Targets of one question for which near spellings are looked up."""


class StoredSpace:
    """An open name space. Make one with `open_space` or `build_space`.

    Any number of threads may ask one space. It is pickled as its path: reopened where it
    arrives, in a process started by `spawn` or `forkserver`, or by joblib. A process that was
    forked from one in which a space was read is refused, because Lance does not survive a fork.

    It answers from the build and the version that it opened, for as long as it is there: what is
    added or replaced meanwhile is seen by a space that is opened afterwards. Where the system
    cannot keep those files (it has no `/proc/self/fd` or no locks), a space that was replaced is
    refused as such.

    Attributes
    ----------
    path : Path
        Its folder, absolute; of a space in object storage, that of its caches on this machine.
    provenance : Provenance
        What it was built from.
    views : tuple of str
        Its vector columns, of `text`, `token`, `image`, `unspelled` and those
        that `compute_views` stored.
    columns : tuple of str
        Its other columns, metrics among them.
    loading : Loading or None
        How its encoder is to be loaded, where not by the spec and revision that built it.
    engine : Address or None
        The search engine that finds nearest names, where `publish` put them; None for this
        machine's indices.
    summary : Summary or None
        What the build or the addition that gave this object took of its sources, and left out;
        None where it was opened.
    """

    path: Path
    provenance: Provenance
    summary: Summary | None = None
    read_by: str = "text"
    """The view whose model reads prompts in `encoder`'s place; see `computed.reading.read_by`."""
    reads_files: bool = True
    """Whether filters, orders and columns may read files of this machine (`in_file`, images in
    `similar`); a service sets it to False for what it is asked."""

    def __init__(
        self, path: Path, encoder: Encoder | str | None = None, engine: str | None = None
    ) -> None:
        self.path = path = place_of(path)
        self.engine: Address | None = None if engine is None else parse_address(engine)
        self._encoder: Encoder | None = None
        self.loading: Loading | None = None
        self._turn = Turn()
        self._open_settled(path)
        if encoder is not None:
            self._encoder = self.check_encoder(encoder)

    def _open_settled(self, path: Path) -> None:
        """Open it, again where a swap beside this process changed what lies there."""
        if remote_of(path) is not None:
            return self._open(path)
        deadline, was_settled = time.monotonic() + PATIENCE, False
        while True:
            before = newest_version(path)
            finish_swap(path)
            try:
                return self._open(path)
            except SpaceError:
                is_settled = not is_swapping(path) and newest_version(path) == before
                # Twice: between two swaps it looks settled too.
                if (is_settled and was_settled) or time.monotonic() > deadline:
                    raise
                was_settled = is_settled

    def _open(self, path: Path) -> None:
        store = Store(path, pinned=True)
        provenance = Provenance.from_metadata(store.metadata, str(path))
        if provenance.state != "done":
            raise SpaceError(
                f"{path}: its build stopped after {store.n_rows:,} of {provenance.n_names:,} "
                "names. Run the same build again; it resumes there."
            )
        self._store = store
        # A store that is kept by its space shall not keep the space.
        store.make_view = partial(_view_of_pictures, weakref.ref(self))
        self.provenance = provenance
        self._searcher = self._searcher_of(store, provenance)
        self._light = LightColumns(store)
        self._graphs: dict[tuple[str, int], KnnGraph] = {}
        self._template_rows: tuple[IntArray, FloatArray] | None = None
        self._encoded: Recent[FloatArray] = Recent(_ENCODED)
        self._near: Recent[tuple[str, ...]] = Recent(_ENCODED)
        self._makers: dict[str, ViewMaker] = {}
        self._answers: dict[str, dict[str, npt.NDArray[np.uint8]]] = {}
        self._pictures: Pictures | None = None
        self._picture_rows: dict[str, PictureRows] = {}

    def _searcher_of(self, store: Store, provenance: Provenance) -> Searcher:
        if self.engine is None:
            return Searcher(store, provenance)
        from namebasis.namespace.engines.searching import EngineSearcher

        own = weakref.ref(self)  # a searcher that is kept by its space shall not keep the space

        def language() -> Language:
            space = own()
            if space is None:
                raise ReplacedError("the space that is asked was closed; open it again.")
            return space._reader().language

        return EngineSearcher(store, provenance, self.engine, language)

    def __reduce__(
        self,
    ) -> tuple[Callable[..., Self], tuple[type[Self], Saved], dict[str, bool]]:
        encoder = self._encoder or self.loading
        # One that no spec loads is pickled itself.
        loading = getattr(encoder, "loading", None) or encoder
        engine = None if self.engine is None else str(self.engine)
        saved = said(self.path), self.provenance.build_id, loading, engine
        return _reopen, (type(self), saved), {"reads_files": self.reads_files}

    def reopened(self, encoder: Encoder | str | None = None) -> Self:
        """The newest version of the same space."""
        again = type(self)(self.path, encoder, None if self.engine is None else str(self.engine))
        again.reads_files = self.reads_files
        return again

    def __repr__(self) -> str:
        names = "name" if len(self) == 1 else "names"
        return (
            f"Space({said(self.path)!r}: {len(self):,} {names} by {self.provenance.encoder}, views "
            f"{', '.join(self.views)}; ask it with .nearest(name), .card(name), .basis(target))"
        )

    def __len__(self) -> int:
        return self._store.n_rows

    def __contains__(self, name: object) -> bool:
        """Whether a name is stored, as `find` finds it."""
        return isinstance(name, str) and self.find(name) is not None

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of their rows; one that is stored as two parts comes twice."""
        for batch in self._store.scan(["name"])["name"].chunks:
            yield from batch.to_pylist()

    def __getitem__(self, name: str | int) -> dict[str, Any]:
        """All that is stored of a name but its vectors, by its spelling or the number of its row.

        Raises
        ------
        KeyError
            If there is no such name.
        IndexError
            If there is no such row.
        TypeError
            If it is neither.
        """
        if isinstance(name, str):
            row = self.find(name)
            if row is None:
                near = (one for one in self if one[:1].lower() == name[:1].lower())
                where = short_name(self.path)
                raise KeyError(f"{name!r} is not in {where}.{did_you_mean(name, near)}")
        elif isinstance(name, (int, np.integer)) and not isinstance(name, bool):
            row = int(name) + len(self) * (name < 0)
            if not 0 <= row < len(self):
                raise IndexError(f"row {name} of {len(self):,} names.")
        else:
            raise TypeError(f"space[…] takes a name or a row; got {type(name).__name__}.")
        found: dict[str, Any] = self.table(ids=[row]).to_pylist()[0]
        return found

    @property
    def views(self) -> tuple[str, ...]:
        """The vector columns; those of one source of images, such as ``image:photos``, are made."""
        return self._store.views

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are no vectors."""
        return self._store.columns

    @property
    def derived_columns(self) -> tuple[str, ...]:
        """Columns that are computed when they are asked for; see docs/where.md."""
        return self._reader().derived

    def check_column(self, column: str) -> None:
        """Refuse what is neither a column nor an expression over the columns.

        Raises
        ------
        ValueError
        """
        self._reader().check(column)

    def table(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        ids: IntArray | Sequence[int] | None = None,
        order_by: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """Read columns of the rows that a filter accepts, or of given rows.

        Parameters
        ----------
        columns : sequence of str, optional
            All but the vectors by default; a view may be named too, and an expression, such as
            ``"similar('an old lady') AS old"``.
        where : str, optional
            One boolean SQL expression over the columns; docs/where.md lists what it may hold.
        ids : sequence of int, optional
            Row numbers, kept in their order; not together with `where`.
        order_by : str, optional
            Columns or expressions, separated by commas, each with `desc` behind it or not; nulls
            come last, ties stay in row order.
        limit : int, optional
            Return at most this number, the first after ordering.

        Raises
        ------
        FilterError
            If `where` is not one boolean expression, or names a column that is not there.
        ValueError
            If a column, `ids`, `order_by` or `limit` does not fit.
        """
        return self._reader().table(columns, where, ids, order_by, limit)

    def ids(self, where: str | None = None, *, view: str = "text") -> IntArray:
        """Numbers of the rows that a filter accepts, ascending; of all without one.

        Only of names that have a vector in the view: in `image` those with an image, in `token`
        those with a token. All names have one in `text`.
        """
        return self._reader().ids(where, view)

    def _reader(self) -> Reader:
        return Reader(
            self._store,
            lambda target, view: self.resolve(target, view=view).vector,
            self.reads_files,
        )

    def ids_of_part(self, part: str, *, view: str = "text") -> IntArray:
        """Numbers of the rows of one part that have a vector in the view, ascending.

        What studies ask by themselves: unlike `ids` of a filter that someone wrote, it does not
        warn where the space has no such part.
        """
        rows = self._store.scan(["id"], f"part = {quote(part)}")["id"].to_numpy()
        has_vector = self.ids(view=view) if self.lacks(view) else rows
        return np.intersect1d(rows, has_vector).astype(np.int64)

    def lacks(self, view: str) -> bool:
        """Whether some names have no vector in a view, which is 0 there."""
        return lacks(self._store, view)

    def find(self, name: str, part: str | None = None) -> int | None:
        """Row of a stored name: as written, else forgiving case, accents and kinds of apostrophes.

        What is forgiven, `folding.fold` says. Where several parts hold it, given comes before
        family, full, pseudo and phrase.
        """
        return self.find_all([name], part)[0]

    def find_all(self, names: Sequence[str], part: str | None = None) -> list[int | None]:
        """Rows of stored names as `find` gives them, read in one pass; None where there is none."""
        return find_rows(self._store, names, part)

    def rows_named(self, name: str) -> list[int]:
        """Rows of exactly one name, ascending: one for each part that holds it."""
        return rows_named(self._store, name)

    def vectors(
        self, view: str = "text", *, ids: IntArray | Sequence[int] | None = None
    ) -> FloatArray:
        """Unit vectors of a view, of all rows or of `ids` in their order, (n, dim) float32."""
        check_computed(self._store, view)
        return self._store.vectors(view, None if ids is None else check_ids(ids, len(self)))

    def mean(self, view: str = "text") -> FloatArray:
        """Mean vector of a view over all rows, of shape (dim,); not of length 1.

        Of the `image` view it is the mean of all images, those of names that the space does not
        hold among them; of a view such as ``image:photos``, of all images of that source.
        """
        made = self._store.made(view)
        if made is not None:
            return made.centre
        images = self.image_mean() if view == "image" else None
        if images is not None:
            return images
        total = np.zeros(self._store.dim(view))
        known = noted_sums(self._store).get(view)
        start = 0
        if known is not None:
            total, start = total + known.total, known.n_rows
        for block in self._store.blocks(view, start):
            total += block.sum(axis=0, dtype=np.float64)
        return np.asarray(total / len(self.ids(view=view)), dtype=np.float32)

    def image_mean(self) -> FloatArray | None:
        """Mean of the unit vectors of all images of the space, (dim,); None where it has none."""
        known = image_mean(self._store)
        return None if known is None else np.asarray(known.mean, dtype=np.float32)

    def pictures(self) -> Pictures:
        """The pictures of names that the space holds, as they are when this is first asked.

        Whose each is, what it was made of, its vectors by every encoder and its measures; see
        `namebasis.namespace.Pictures`. A space without any gives an empty one.

        Examples
        --------
        >>> len(space.pictures())
        0
        """
        with self._turn:
            if self._pictures is None:
                from namebasis.namespace.pictures.pictures import Pictures

                store = self._store
                self._pictures = Pictures(
                    store.place, self.find_all, self.provenance, store.metadata
                )
            return self._pictures

    @property
    def is_given(self) -> bool:
        """Whether it was made of given vectors alone, so that there is no encoder to ask."""
        return self.provenance.encoder.startswith(f"{KIND}:")

    def encoder(self) -> Encoder:
        """The encoder that built the space, loaded once.

        Raises
        ------
        EncoderError
            If it cannot be loaded, or its weights are not those that built the space.
        """
        with self._turn:  # one load, however many threads ask
            if self._encoder is None:
                from namebasis.encoders.registry import load_encoder

                source = self.provenance
                self._encoder = self.check_encoder(
                    self.loading.encoder()
                    if self.loading
                    else load_encoder(source.encoder, revision=source.revision)
                )
            return self._encoder

    def check_encoder(self, encoder: Encoder | str) -> Encoder:
        """Return an encoder, or load its spec, if its weights are those that built the space.

        Raises
        ------
        EncoderError
            If they are not, since vectors of two encoders cannot be compared; or if `encoder` is
            neither an encoder nor the spec of one.
        """
        from namebasis.encoders.registry import as_encoder

        encoder = as_encoder(encoder)
        if encoder.fingerprint != self.provenance.fingerprint:
            raise EncoderError(
                f"{self.path} was built with {self.provenance.encoder} "
                f"({self.provenance.fingerprint[:19]}…); {encoder.spec} has other weights "
                f"({encoder.fingerprint[:19]}…). Use the first, or build another space."
            )
        return encoder

    def resolve(self, target: object, *, view: str = "text", as_: str | None = None) -> Target:
        """Turn a target into a unit vector of a view.

        A text is first looked up among the stored names (as written, then forgiving case and
        accents), which loads no encoder. What is not stored but looks like a name gets the
        vector that it would have if it were added, in the space's templates; any other text is
        encoded as it stands: write "a photo of Vicki" to ask about that sentence. A mapping such
        as `{"king": 1, "man": -1}` is summed by weight and scaled to length 1.

        Parameters
        ----------
        target : str, PIL image, Path of one, array of shape (dim,), mapping, or Target
        view : str
            In the `token` view a name and a text are the mean of their token embeddings; in the
            `unspelled` view a text loses only the names' mean, a new name what its spelling
            predicts; in the `image` view both are their text's vector.
        as_ : {"name", "text"}, optional
            How texts are read: as names even where they do not look like one, or as they stand
            even where they are stored. By default as `namespace.search.new_names.looks_like_name`
            says.

        Raises
        ------
        TargetError
            If the target is empty or has no direction, or the encoder cannot read its kind.
        ValueError
            If a vector has another width or is not finite.
        """
        return self._resolver(view, as_).resolve(target)

    def near_spellings(self, name: str, n: int = 3) -> tuple[str, ...]:
        """Stored names that are spelled almost like a name, the nearest first.

        One letter may differ in names of up to four letters, two in longer ones.
        """
        return self._near.of((name, n), lambda: near_spellings(self._store, name, n))

    def rows_of(self, names: Sequence[str], part: str | None = None) -> list[int]:
        """Rows of stored names as `find` gives them.

        Raises
        ------
        TargetError
            If some are not stored; it names what is stored of nearly the same spelling.
        """
        rows = self.find_all(names, part)
        missing = [name for name, row in zip(names, rows, strict=True) if row is None]
        if missing:
            near = tuple(dict.fromkeys(one for m in missing[:5] for one in self.near_spellings(m)))
            listed = ", ".join(map(repr, missing[:5])) + (" …" if len(missing) > 5 else "")
            verb = "is" if len(missing) == 1 else "are"
            raise TargetError(
                " ".join(filter(None, [f"{listed} {verb} not in {self.path}.", said_near(near)]))
                + " Give a stored name, or add it with `namebasis add`."
            )
        return [row for row in rows if row is not None]

    def _resolver(self, view: str, as_: str | None = None) -> Resolver:
        check_as(as_)
        check_computed(self._store, view)
        templates, store, kept = self.provenance.templates, self._store, self._encoded
        if view in MEASURED:
            return self._resolver_of_measured(view, as_)
        if view in COMPUTED:
            return self._resolver_of_computed(view, as_)
        spelled = iter(range(_SPELLED))  # of many targets, the first few
        return Resolver(
            view,
            self._store.dim(view),
            self.find,
            lambda row: self._store.vectors(view, np.array([row]))[0],
            self.encoder,
            (lambda: self.mean("text")) if view == "unspelled" else None,
            lambda name: kept.of(
                (name, view), lambda: place_new(store, self.encoder, templates, name, view)
            ),
            lambda name: () if next(spelled, None) is None else self.near_spellings(name),
            templates,
            as_,
            self.provenance.encoder if self.provenance.encoder in TEXT_ONLY else "",
            lambda text, encode: kept.of((text, view, "text"), encode),
        )

    def _resolver_of_computed(self, view: str, as_: str | None) -> Resolver:
        """As `_resolver`, by the model that computed the view."""
        kept, spelled = self._encoded, iter(range(_SPELLED))
        templates = () if view not in self.views else computed.facts_of(self._store, view).templates
        return Resolver(
            view,
            self._store.dim(view),
            self.find,
            lambda row: self._store.vectors(view, np.array([row]))[0],
            self.encoder,
            place=lambda name: kept.of(
                (name, view), lambda: mean_of_names(self.maker(view), [name], templates)[view][0]
            ),
            near=lambda name: () if next(spelled, None) is None else self.near_spellings(name),
            templates=templates,
            as_=as_,
            kept=lambda text, encode: kept.of((text, view, "text"), encode),
            text=lambda text: vector_of_text(self.maker(view), text, view),
        )

    def _resolver_of_measured(self, view: str, as_: str | None) -> Resolver:
        """As `_resolver`, of a view that is measured for stored names alone."""

        def refuse(text: str) -> FloatArray:
            raise TargetError(
                f"{text!r} has no vector in the view {view}, which only stored names have. Add it "
                f"and run `namebasis {COMPUTED[view]} {self.path}`, or ask of a stored name."
            )

        return Resolver(
            view,
            self._store.dim(view),
            self.find,
            lambda row: self._store.vectors(view, np.array([row]))[0],
            self.encoder,
            place=refuse,
            as_=as_,
            text=refuse,
        )

    def maker(self, view: str) -> ViewMaker:
        """The model that computed a view, loaded on first use.

        Raises
        ------
        ValueError
            If no such view was computed.
        EncoderError
            If it cannot be loaded, or has other weights than those that computed the view.
        """
        with self._turn:
            if view not in self._makers:
                facts = computed.facts_of(self._store, view)
                self._makers[view] = open_maker(view, facts, said(self.path))
            return self._makers[view]

    def check_targets(
        self, targets: Sequence[object], *, view: str = "text", as_: str | None = None
    ) -> None:
        """Refuse what cannot be a target, as `resolve` does, before an encoder is loaded.

        Raises
        ------
        TargetError, ValueError
        """
        resolver = self._resolver(view, as_)
        for target in targets:
            resolver.check(target)

    def index(self, view: str = "text") -> VectorIndex:
        """The index of a view, mapped on first use; rebuilt with a warning where damaged."""
        check_computed(self._store, view)
        return self._searcher.index(view)

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        where: str | None = None,
        view: str = "text",
        exclude: Collection[int] = (),
        farthest: bool = False,
    ) -> tuple[FloatArray, IntArray]:
        """Find the rows most similar to vectors; rows newer than the index are never missed.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, dim)
            Unit rows, for the similarities to be cosines.
        k : int
        where : str, optional
            The only rows that may be found; a filter never costs a hit.
        view : str
        exclude : collection of int
            Rows that no query may find.
        farthest : bool
            The least similar instead, exactly, smallest first.

        Returns
        -------
        similarities, ids : ndarrays of shape (n_queries, min(k, rows left))
        """
        allowed = self._allowed(where, view)
        return self._searcher.search(
            queries, k, allowed=allowed, view=view, exclude=exclude, farthest=farthest
        )

    def _allowed(self, where: str | None, view: str) -> Allowed:
        """Rows that a search may find; None for all; of an engine, an expression of its own."""
        if self.engine is not None:
            return self._searcher.expression(where, view)
        if where is None and not self.lacks(view):
            return None
        return self._reader().row_set(where, view)

    @overload
    def nearest(
        self,
        target: Any,
        k: int = 10,
        *,
        where: str | None = None,
        view: str = "text",
        plus: Sequence[object] = (),
        minus: Sequence[object] = (),
        farthest: bool = False,
        include_self: bool = False,
        as_: str | None = None,
        columns: Sequence[str] = (),
        pictures: Literal[False] = False,
        encoder: Encoder | str | None = None,
    ) -> NearestResult: ...

    @overload
    def nearest(
        self,
        target: Any,
        k: int = 10,
        *,
        where: str | None = None,
        view: str = "text",
        plus: Sequence[object] = (),
        minus: Sequence[object] = (),
        farthest: bool = False,
        include_self: bool = False,
        as_: str | None = None,
        columns: Sequence[str] = (),
        pictures: Literal[True],
        encoder: Encoder | str | None = None,
    ) -> NearestPictures: ...

    def nearest(
        self,
        target: Any,
        k: int = 10,
        *,
        where: str | None = None,
        view: str = "text",
        plus: Sequence[object] = (),
        minus: Sequence[object] = (),
        farthest: bool = False,
        include_self: bool = False,
        as_: str | None = None,
        columns: Sequence[str] = (),
        pictures: bool = False,
        encoder: Encoder | str | None = None,
    ) -> NearestResult | NearestPictures:
        """Find the names nearest to a target.

        Parameters
        ----------
        target : str, PIL image, array, mapping, or a list of them
            As `resolve` takes it. A list, or an array of shape (n, dim), asks several at once.
        k : int
            How many names.
        where : str, optional
            One boolean SQL expression; only such names are found.
        view : str
        plus, minus : sequence of targets
            Their unit vectors are added to and subtracted from the target's (after it is scaled
            to length 1); the sum is scaled to length 1 again.
        farthest : bool
            The least similar names instead, exactly.
        include_self : bool
            Let stored names of the target be found too; they are left out otherwise.
        as_ : {"name", "text"}, optional
            How texts are read; see `resolve`.
        columns : sequence of str
            Stored columns to give beside the names.
        pictures : bool
            Find single pictures of the names instead; see
            `namespace.search.picture_hits.nearest_pictures`.
        encoder : Encoder or str, optional
            With `pictures`: another one than the space's, by whose vectors they are compared.

        Returns
        -------
        NearestResult or NearestPictures
            One result also of several targets: its tables then begin with a column `query`, and
            `of` and `split` give the part of one target.

        Raises
        ------
        TargetError, FilterError
            If the target or the filter is refused.
        ValueError
            If there is no such column.

        See Also
        --------
        namebasis.Space.basis : Which few names add up to a target.
        namebasis.Space.walk : Names along a direction.

        Examples
        --------
        >>> space.nearest("a woman from Iceland", 3).names
        ('Sigríður', 'Guðrún', 'Vicki')
        >>> both = space.nearest(["Yuki", "Lars"], 2)
        >>> both.to_arrow()["query"].to_pylist()
        ['Yuki', 'Yuki', 'Lars', 'Lars']
        >>> both.of("Lars").names
        ('Olga', 'Sigríður')
        """
        if pictures:
            from namebasis.namespace.search.picture_hits import nearest_pictures

            return nearest_pictures(
                self, target, k, where=where, view=view, plus=plus, minus=minus,
                farthest=farthest, include_self=include_self, as_=as_, columns=columns,
                encoder=encoder,
            )  # fmt: skip
        if encoder is not None:
            raise ValueError(
                "encoder is of pictures: names are compared by the encoder that built the space; "
                "ask with --pictures (pictures=True) too."
            )
        check_count(k, "k")
        columns = check_columns(self, columns)
        resolver = self._resolver(view, as_)
        allowed = self._allowed(where, view)
        batch = list(target) if is_batch(target) else [target]
        for one in (*batch, *plus, *minus):
            resolver.check(one)
        terms = [(resolver.resolve(t), 1.0) for t in plus]
        terms += [(resolver.resolve(t), -1.0) for t in minus]
        targets = [resolver.combine([(resolver.resolve(t), 1.0), *terms]) for t in batch]
        hits = self._searcher.search_targets(
            targets, k, allowed=allowed, view=view, farthest=farthest, include_self=include_self
        )
        found = np.concatenate([ids for _, ids in hits]) if hits else np.empty(0, np.int64)
        if self.engine is not None:  # which was not asked how many rows pass
            self._reader().hint(where, len(found), stacklevel=3)
        light = self._light.take(found).select(list(LIGHT))
        rows = joined(light, stored_columns(self, found.tolist(), columns)) if columns else light
        return make_result(targets, hits, rows, farthest=farthest, is_many=is_batch(target))

    def picture_rows(self, encoder: Encoder | str | None = None) -> PictureRows:
        """The pictures that were added and have a vector, each name's copies once.

        Parameters
        ----------
        encoder : Encoder or str, optional
            By which they have one; that of the space by default. See `Pictures.encoders`.

        Raises
        ------
        SpaceError
            If there is none.
        """
        with self._turn:
            held, own = self.pictures(), self.provenance
            key = own.fingerprint if encoder is None else held.encoder(encoder)
            if key not in self._picture_rows:
                from namebasis.namespace.search.picture_rows import PictureRows

                other = None if key == own.fingerprint else key
                self._picture_rows[key] = PictureRows(held, own, self._store.place, other)
            return self._picture_rows[key]

    def graph(self, view: str = "text", k: int = 15) -> KnnGraph:
        """Each row's k nearest others, kept beside the indices; rebuilt where rows changed.

        Names without a vector in the view are nobody's neighbours; their own row of `indices` is
        -1 and of `similarities` 0.
        """
        check_count(k, "k")
        if not self.lacks(view):
            return load_graph(self._store, view, self.provenance.build_id, k, self._graphs)
        rows = self.ids(view=view)
        return spread_graph(graph_of(self.vectors(view, ids=rows), k), rows, len(self))

    def add_metrics(
        self,
        columns: pa.Table,
        *,
        study: str,
        parameters: Mapping[str, object],
        view: MeasuredView | None = None,
        merge: bool = False,
    ) -> None:
        """Add or replace scalar columns, in one step and without rewriting vectors.

        Parameters
        ----------
        columns : Table
            `id` and the new columns; rows that are not in it become null.
        study : str
            Who computed them; kept in each column's metadata with the parameters.
        parameters : mapping
            JSON values.
        view : MeasuredView, optional
            Vectors of the same names, put in place by the same commit; all others have none.
        merge : bool
            Leave what is stored of other names where the same study made it with the same
            parameters; else they become null.

        Raises
        ------
        ValueError
            If ids repeat or are not there, a column would replace one that is no metric, or a
            type is no scalar, text or list.
        SpaceError
            If another process writes to the space.
        """
        metrics.write(self._store, columns, study, parameters, view, merge=merge)
        self._open(self._store.folder)

    def check(self, *, progress: Progress | None = None) -> dict[str, str]:
        """Read everything and compare it with the checksums that were noted; what was found.

        Vectors, the other columns, all files of the data sets, fits, indices and graphs. What is
        only missing, or of older vectors, and rebuilt when needed is no damage.

        Parameters
        ----------
        progress : callable, optional
            Called with thousandths of steps done and in all.

        Raises
        ------
        SpaceError
            Naming all that is not as it was written.
        """
        return check_space(self._store, progress)

    def info(self, *, check: bool = False, progress: Progress | None = None) -> SpaceInfo:
        """Say what the space holds: names, columns with their ranges, templates, measures, indices.

        Parameters
        ----------
        check : bool
            Read everything and compare it with its checksums, as `check` does.
        progress : callable, optional
            Called with steps of the check done and steps in all.

        Returns
        -------
        SpaceInfo
            Single facts by their key, such as ``space.info()["views"]``.

        Raises
        ------
        SpaceError
            If the check finds damage.
        """
        from namebasis.namespace.facts import SpaceInfo

        facts = metrics.describe(self._store, self.provenance) | computed.describe(self._store)
        facts["image_views"] = list(self.pictures().views)
        facts["image_encoders"] = dict(self.pictures().beside)
        return SpaceInfo(self._store, facts, self.check(progress=progress) if check else None)


def is_complete(path: str | Path) -> bool:
    """Whether a finished, readable space lies at `path`."""
    try:
        StoredSpace(place_of(path))
    except SpaceError:
        return False
    return True


def _view_of_pictures(space: weakref.ref[StoredSpace], source: str) -> ImageView:
    owner = space()
    if owner is None:
        raise ReplacedError("the space that this view is of was closed; open it again.")
    return owner.pictures().image_view(source)


Saved = tuple[str, str, "Encoder | Loading | None", str | None]
Kind = TypeVar("Kind", bound=StoredSpace)


def _reopen(kind: type[Kind], state: Saved) -> Kind:
    """Open a space where it was unpickled; its encoder is loaded when it is needed.

    Raises
    ------
    SpaceError, ReplacedError
        If there is no such space here, or it was rebuilt since.
    """
    path, build_id, encoder, engine = state
    space = kind(Path(path), None if isinstance(encoder, Loading) else encoder, engine)
    if space.provenance.build_id != build_id:
        raise ReplacedError(f"{path}: the space was rebuilt after it was pickled; open it again.")
    if isinstance(encoder, Loading):
        space.loading = encoder
    return space
