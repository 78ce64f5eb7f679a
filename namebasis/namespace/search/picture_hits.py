"""The pictures nearest to a target: a text, a picture, a name or a vector."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.encoders.image_archives import digest_of_picture
from namebasis.encoders.specs import full_spec
from namebasis.namespace.search.beside import BesideSpace, check_columns, stored_columns
from namebasis.namespace.search.picture_rows import PictureRows
from namebasis.namespace.search.pictures_beside import resolver_beside
from namebasis.namespace.search.results import LightColumns
from namebasis.namespace.search.targets import Resolver, Target, is_batch, is_image, is_vector
from namebasis.reading import UnreadableError
from namebasis.results import Result, Table
from namebasis.wording import counted, did_you_mean

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.pictures.pictures import Pictures
    from namebasis.namespace.store.provenance import Provenance

VIEWS = ("text", "image")
"""Views whose vectors lie in the space of pictures."""
_THUMBNAILS = 60
"""Pictures that a notebook shows."""

_HTML = """\
<div style="display:flex;flex-wrap:wrap;gap:8px;font:12px/1.3 system-ui,sans-serif;margin:.4em 0">
{%- for one in pictures %}<figure style="margin:0;width:100px" title="{{ one.path }}">
{%- if one.uri %}<img src="{{ one.uri }}" alt="picture of {{ one.name }}" style="display:block;
{#- #}max-width:96px;max-height:96px;border-radius:4px">{% else %}
<div style="width:96px;height:96px;border:1px dashed #8888;border-radius:4px;display:grid;
{#- #}place-items:center;opacity:.7">no file</div>{% endif %}
<figcaption style="overflow-wrap:anywhere">{{ one.name }}<br>
<span style="opacity:.7">{{ one.similarity }}</span></figcaption></figure>
{%- endfor %}</div>"""


@dataclass(frozen=True, repr=False, eq=False)
class NearestPictures(Result):
    """The pictures nearest to a target, or to each of several; or those farthest from it.

    Attributes
    ----------
    queries, kinds : tuple of str
        What each target is called, and what it is, as in `NearestResult`.
    counts : tuple of int
        How many pictures were found for each target.
    pictures : ndarray of shape (n,), int64
        Numbers of the pictures in the space, those of the first target first.
    similarities : ndarray of shape (n,), float32
        Cosine in [-1, 1]. Of texts and pictures they differ in size: a text is compared only with
        texts.
    columns : Table
        `id` of the stored name (null where a picture belongs to none), `name`, `path` and
        `source` of each picture (photo, or the pipeline that painted it), then what else was
        asked for of the names.
    farthest : bool
        Whether the least similar were asked for.
    is_many : bool
        Whether several targets were asked for, as a list.
    remarks : tuple of (str, ...)
        Of each target: how what is not stored was read.
    n_all : int
        Pictures that could be found.
    encoder : str
        Spec of the encoder whose vectors were compared, where it is not the space's own.

    See Also
    --------
    namebasis.Space.nearest : Makes one, with ``pictures=True``.
    """

    _page = "namebasis.studies.pictures.nearest_page:html_of"

    queries: tuple[str, ...]
    kinds: tuple[str, ...]
    counts: tuple[int, ...]
    pictures: IntArray
    similarities: FloatArray
    columns: pa.Table
    farthest: bool = False
    is_many: bool = False
    remarks: tuple[tuple[str, ...], ...] = ()
    n_all: int = 0
    encoder: str = ""

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures, in order."""
        return tuple(self.columns["name"].to_pylist())

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the pictures lie, in order."""
        return tuple(self.columns["path"].to_pylist())

    def headline(self) -> str | None:
        """How many pictures were looked at."""
        way = "farthest from" if self.farthest else "nearest to"
        asked = f"{len(self.queries)} targets" if self.is_many else self.queries[0]
        whose = f" by {self.encoder}" if self.encoder else ""
        return f"Of {counted(self.n_all, 'picture')}, those {way} {asked}{whose}."

    def tables(self) -> list[Table]:
        columns = [
            *(["query"] if self.is_many else []),
            *("name", "similarity", "path", "source"),
            *self.columns.column_names[4:],
        ]
        return [Table.of(self.to_arrow(), columns, bars=("similarity",))]

    def notes(self) -> list[str]:
        told = list(dict.fromkeys(told for remarks in self.remarks for told in remarks))
        from namebasis.encoders.image_archives import is_there

        missing = [path for path in dict.fromkeys(self.paths) if not is_there(Path(path))]
        if missing:
            told.append(
                f"{len(missing):,} of {len(set(self.paths)):,} files are not where they were when "
                f"they were added (such as {missing[0]}); their vectors are searched all the same."
            )
        return told

    def split(self) -> tuple[tuple[str, pa.Table], ...]:
        """Each target with its rows of `to_arrow`, without `query`."""
        ends = list(accumulate(self.counts))
        rows = self.to_arrow()
        if self.is_many:
            rows = rows.drop_columns(["query"])
        return tuple(
            (query, rows.slice(end - n, n))
            for query, end, n in zip(self.queries, ends, self.counts, strict=True)
        )

    def to_arrow(self) -> pa.Table:
        """One row per picture: (query,) picture, id, name, similarity, path, source, columns."""
        first = ["picture", "id", "name", "similarity", "path", "source"]
        table = self.columns.append_column("picture", pa.array(self.pictures))
        table = table.append_column("similarity", pa.array(self.similarities))
        table = table.select([*first, *self.columns.column_names[4:]])
        if not self.is_many:
            return table
        asked = [q for q, n in zip(self.queries, self.counts, strict=True) for _ in range(n)]
        return table.add_column(0, "query", pa.array(asked, pa.string()))

    def to_dict(self) -> dict[str, Any]:
        """The query, its kind and its pictures; of several such an object each, as `queries`."""
        every = self.to_dicts()
        return {"queries": every} if self.is_many else every[0]

    def to_dicts(self) -> list[dict[str, Any]]:
        """An object as `to_dict` gives it for each target."""
        return [
            {"query": query, "kind": kind, "pictures": rows.to_pylist()}
            for kind, (query, rows) in zip(self.kinds, self.split(), strict=True)
        ]

    def _repr_html_(self) -> str:
        import jinja2

        from namebasis.encoders.thumbnails import thumbnails

        rows = self.to_arrow().slice(0, _THUMBNAILS).to_pylist()
        uris = thumbnails([row["path"] for row in rows])
        shown = [
            {"uri": uri, "name": row["name"], "path": row["path"],
             "similarity": f"{row['similarity']:.3f}"}
            for uri, row in zip(uris, rows, strict=True)
        ]  # fmt: skip
        drawn = jinja2.Environment(autoescape=True).from_string(_HTML).render(pictures=shown)
        return super()._repr_html_() + drawn


class _Space(BesideSpace, Protocol):
    """What is asked of a space here; `namespace.space` imports this module."""

    _light: LightColumns

    @property
    def provenance(self) -> Provenance: ...

    def ids(self, where: str | None = None) -> IntArray: ...

    def find(self, name: str) -> int | None: ...

    def near_spellings(self, text: str) -> tuple[str, ...]: ...

    def pictures(self) -> Pictures: ...

    def picture_rows(self, encoder: Encoder | str | None = None) -> PictureRows: ...

    def _resolver(self, view: str, as_: str | None = None) -> Resolver: ...


def nearest_pictures(
    space: _Space,
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
    encoder: Encoder | str | None = None,
) -> NearestPictures:
    """Find the pictures nearest to a target; `Space.nearest` with ``pictures=True``.

    Pictures and text lie apart in the space of a CLIP, so that a similarity to a text is always
    smaller than one to a picture. The order for one target does not depend on it.

    Parameters
    ----------
    space : Space
    target, k, plus, minus, farthest, as_
        As `Space.nearest` takes them.
    where : str, optional
        Only pictures of such names are found.
    view : str
        What a stored name stands for: its `text`, or in `image` the mean of its pictures. In
        ``image:photos`` and ``image:PIPELINE`` only pictures of that source are found.
    include_self : bool
        Let a picture be found by itself, and those of a name by their own mean.
    columns : sequence of str
        Columns of the names to give beside the pictures.
    encoder : Encoder or str, optional
        Another one than the space's, by whose vectors pictures are compared; what is asked about
        is encoded by it. See `Pictures.encoders`.

    Raises
    ------
    SpaceError
        If the space holds no pictures.
    TargetError, FilterError, ValueError
        As `Space.nearest`.
    """
    check_count(k, "k")
    columns = check_columns(space, columns)
    kind, _, source = view.partition(":")
    if kind not in VIEWS or (source and kind != "image"):
        raise ValueError(
            f"pictures are compared with the views {' and '.join(VIEWS)}; got {view!r}."
            f"{did_you_mean(view, VIEWS)}"
        )
    other = _other(space, encoder)
    if other is None:
        resolver = space._resolver(view, as_)
    else:
        resolver = resolver_beside(space, other, encoder, view, as_)
    batch = list(target) if is_batch(target) else [target]
    for one in (*batch, *plus, *minus):
        _check_width(space, resolver, other, one)
        resolver.check(one)
    rows = space.picture_rows(other)
    allowed = rows.of_source(source) if source else None
    if where is not None:
        fit = np.flatnonzero(np.isin(rows.owners, space.ids(where)))
        allowed = fit if allowed is None else np.intersect1d(allowed, fit)
    terms = [(resolver.resolve(t), 1.0) for t in plus]
    terms += [(resolver.resolve(t), -1.0) for t in minus]
    targets = [resolver.combine([(resolver.resolve(t), 1.0), *terms]) for t in batch]
    own = [
        np.empty(0, np.int64) if include_self else _own(rows, asked, found, view)
        for asked, found in zip(batch, targets, strict=True)
    ]
    hits = _search(rows, targets, own, k, allowed, farthest)
    n_all = len(rows) if allowed is None else len(allowed)
    if len(own) == 1:
        n_all -= len(own[0] if allowed is None else np.intersect1d(own[0], allowed))
    positions = np.concatenate([ids for _, ids in hits]) if hits else np.empty(0, np.int64)
    return NearestPictures(
        queries=tuple(one.label for one in targets),
        kinds=tuple(one.kind for one in targets),
        counts=tuple(len(ids) for _, ids in hits),
        pictures=rows.numbers[positions],
        similarities=np.concatenate([s for s, _ in hits]) if hits else np.empty(0, np.float32),
        columns=_columns(space, rows, positions, columns),
        farthest=farthest,
        is_many=is_batch(target),
        remarks=tuple(one.remarks for one in targets),
        n_all=n_all,
        encoder="" if other is None else space.pictures().encoders[other],
    )


def _other(space: _Space, encoder: Encoder | str | None) -> str | None:
    """Fingerprint of the encoder that is asked for; None where it is the space's own."""
    if encoder is None:
        return None
    held = space.pictures()
    if isinstance(encoder, str) and encoder not in {*held.encoders, *held.encoders.values()}:
        kind, colon, place = full_spec(encoder).partition(":")
        there = colon and os.path.exists(place)  # a folder is stored by its whole path
        encoder = f"{kind}:{os.path.abspath(place)}" if there else f"{kind}{colon}{place}"
    found = held.encoder(encoder)
    return None if found == next(iter(held.encoders)) else found


def _check_width(space: _Space, resolver: Resolver, other: str | None, target: object) -> None:
    """Refuse a vector of another width, and say whose it may be."""
    if not is_vector(target) and not (isinstance(target, np.ndarray) and target.ndim == 2):
        return
    width = np.asarray(target).shape[-1]
    held = space.pictures()
    fits = [key for key in held.encoders if held.dim(key) == width]
    if width == resolver.dim or not fits:
        return
    own = next(iter(held.encoders))
    named = [held.encoders[key] for key in fits]
    remedy = "leave --encoder out" if own in fits else f"ask with --encoder {named[0]} (encoder=…)"
    raise ValueError(
        f"the vector has {width} numbers; pictures are compared by {held.encoders[other or own]}, "
        f"whose vectors have {resolver.dim}. It may be of {' or '.join(named)}: {remedy}. Vectors "
        "of two encoders are never compared."
    )


def _own(rows: PictureRows, asked: object, found: Target, view: str) -> IntArray:
    """Pictures that a target consists of: those of its names in the image view, and itself."""
    own = np.empty(0, np.int64)
    if view != "text" and found.members:
        own = np.flatnonzero(np.isin(rows.owners, found.members))
    if isinstance(asked, Path) and is_image(asked):
        try:
            same = pc.equal(rows.digests, digest_of_picture(asked))
        except UnreadableError:
            return own
        own = np.union1d(own, np.flatnonzero(same.to_numpy()))
    return np.asarray(own, np.int64)


def _search(
    rows: PictureRows,
    targets: Sequence[Target],
    own: Sequence[IntArray],
    k: int,
    allowed: IntArray | None,
    farthest: bool,
) -> list[tuple[FloatArray, IntArray]]:
    """Hits of every target, those that leave nothing out asked in one go."""
    if not targets:
        return []
    search = rows.searcher.search
    queries = np.stack([one.vector for one in targets])
    if not any(len(mine) for mine in own):
        similarities, ids = search(queries, k, allowed=allowed, farthest=farthest)
        return list(zip(similarities, ids, strict=True))
    found = [
        search(query[None], k, allowed=allowed, exclude=mine.tolist(), farthest=farthest)
        for query, mine in zip(queries, own, strict=True)
    ]
    return [(similarities[0], ids[0]) for similarities, ids in found]


def _columns(
    space: _Space, rows: PictureRows, positions: IntArray, columns: Sequence[str]
) -> pa.Table:
    """What is known of pictures, and of their names."""
    facts, owners = rows.facts(positions), rows.owners[positions]
    known = np.unique(owners[owners >= 0])
    at = pa.array(np.searchsorted(known, owners), mask=owners < 0)
    names = space._light.take(known)["name"].combine_chunks().take(at)
    table = pa.table(
        {
            "id": pa.array(owners, mask=owners < 0),
            "name": pc.coalesce(names, facts["label"]),
            "path": facts["path"],
            "source": pc.coalesce(facts["pipeline"], facts["source"]),
        }
    )
    if columns:
        beside = stored_columns(space, known.tolist(), columns)
        for name in beside.column_names:
            table = table.append_column(name, beside[name].combine_chunks().take(at))
    return table
