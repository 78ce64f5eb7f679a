"""Audit an encoder: one fixed plan of questions about names, kept as it goes."""

from __future__ import annotations

import hashlib
import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from namebasis._version import __version__
from namebasis.analysis.blas import one_blas_thread
from namebasis.auditing.claims import Sample
from namebasis.auditing.corpora import Corpora, read_corpora
from namebasis.auditing.files import AuditFolder, finished, folder_for, refuse_foreign
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.organism import home_of, world_of
from namebasis.auditing.parts import PARTS, Asked
from namebasis.auditing.plan import Plan, load_plan
from namebasis.auditing.request import request_of
from namebasis.auditing.results import Audit, Listing, Part, with_corrected
from namebasis.checks import Progress, check_seed, shown_steps
from namebasis.errors import CorpusError, EncoderError, NamebasisHint
from namebasis.namespace.building.tokens import is_unread

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.corpus.names import Names
    from namebasis.space import Space

Begin = Callable[[str], None]


def audit(
    encoder: Encoder | str,
    folder: str | Path | None = None,
    *,
    names: str | Path | Names | Sequence[str] | None = None,
    counts: str | Path | None = None,
    quick: bool = False,
    device: str | None = None,
    seed: int = 0,
    begin: Begin | None = None,
    progress: Progress | Literal["auto"] | None = "auto",
) -> Audit:
    """Ask one encoder everything that a fixed plan asks, and write it into a folder.

    Every claim stands beside its interval over names and what chance reaches; p is corrected for
    all claims of the audit. A run that was interrupted goes on where it stopped, and one that is
    finished is read again without its model.

    Parameters
    ----------
    encoder : Encoder or str
        One that reads text, or the spec of one.
    folder : str or Path, optional
        Where to write it; by default ``audit-`` and the encoder's name. Where it holds another
        audit (of another encoder, plan, list of names or version), the new one is written beside
        it as ``FOLDER-2``.
    names : optional
        Names of your own, read beside the packaged ones: anything that `read_names` takes.
    counts : str or Path, optional
        A file of full names and how often each is mentioned: these people's identities are
        measured, and from how many mentions on the model knows a person.
    quick : bool
        Fewer names and templates.
    device : str, optional
        For an encoder that is given as a spec.
    seed : int
    begin : callable, optional
        Called with the name of each step.
    progress : callable, "auto" or None
        Called with (done, total) of the step. "auto" draws a bar in a terminal or a notebook, and
        nothing into a pipe.

    Returns
    -------
    Audit
        Its `folder` says where it was written.

    Raises
    ------
    EncoderError
        If the encoder cannot be loaded, reads no text, or knows no letter of the names.
    CorpusError
        If `names` or `counts` cannot be read or hold nothing.
    SpaceError
        If the folder holds files that no audit wrote.

    See Also
    --------
    namebasis.compare_audits : Two and more audits, over the same names.

    Examples
    --------
    >>> import namebasis as nb
    >>> found = nb.audit("minilm", "audit-minilm", quick=True)  # doctest: +SKIP
    """
    seed, plan = check_seed(seed), load_plan(quick=quick)
    asked = request_of(encoder, plan, names, counts, seed)
    spec = encoder if isinstance(encoder, str) else getattr(encoder, "spec", "")
    place = Path(folder or f"audit-{_slug(spec)}")
    held = None if asked is None else finished(place, asked.asked)
    if asked is not None and held is not None:
        asked.warn(Path(held.folder))
        if Path(held.folder) != place:
            _say_beside(place, Path(held.folder), stacklevel=3)
        return held
    with shown_steps(begin, progress, "audit") as (start, report):
        return _audited(
            encoder, place, names, counts, plan, device, seed, start, report,
            None if asked is None else asked.asked,
        )  # fmt: skip


def _audited(
    encoder: Encoder | str, folder: Path, names: str | Path | Names | Sequence[str] | None,
    counts: str | Path | None, plan: Plan, device: str | None, seed: int, start: Begin,
    progress: Progress | None, request: Mapping[str, Any] | None,
) -> Audit:  # fmt: skip
    """Ask, where no finished audit of the same is there."""
    from namebasis.encoders.registry import as_encoder
    from namebasis.namespace.corpus.sources import as_names

    refuse_foreign(folder)  # before anything is loaded
    told = _counts(counts)
    own = None if names is None else as_names(names)
    start("loading the encoder")
    loaded = as_encoder(encoder, device=device)
    _check_encoder(loaded)
    start("reading names")
    world = world_of(loaded)
    if world is None:
        corpora, every = read_corpora(plan.size, own, seed=seed)
    else:
        home = home_of(world, plan, own)
        corpora, every, plan, told = home.corpora, home.names, home.plan, told or home.counts
    _check_script(loaded, every)
    state = _state(loaded, plan, corpora, told, seed)
    place = folder_for(folder, state)
    if place.is_beside:
        _say_beside(folder, place.path, stacklevel=4)
    start("encoding")
    space = _space(place, every, loaded, plan, seed, progress)
    inquiry = Inquiry(space, corpora, plan, told, seed, progress, world)
    parts: list[Part] = []
    samples: dict[str, Mapping[str, Sample]] = {}
    for one in PARTS:
        start(one.step)
        part, samples[one.key] = place.kept(one.key) or _run(one, inquiry, place)
        parts.append(part)
    start("writing the page")
    found = Audit(
        encoder={
            "spec": loaded.spec, "fingerprint": loaded.fingerprint, "revision": loaded.revision,
            "dim": loaded.dim,
        },
        plan={
            "version": plan.version, "fingerprint": plan.fingerprint, "is_quick": plan.is_quick,
            "level": plan.level, "n_draws": plan.n_draws, "seed": seed,
            "template_set": plan.size.templates,
            "templates": list(space.provenance.templates),
        },
        corpora=_described(inquiry),
        parts=with_corrected(parts),
        package_version=__version__,
        folder=str(place.path),
    )  # fmt: skip
    place.finish(found, samples, request)
    return found


def _say_beside(asked: Path, folder: Path, *, stacklevel: int) -> None:
    warnings.warn(
        f"{asked} holds another audit (of another encoder, plan, list of names or version), which "
        f"is kept; this one is {folder}.",
        NamebasisHint,
        stacklevel=stacklevel,
    )


def _counts(counts: str | Path | None) -> Mapping[str, int] | None:
    """The counts of people, of whom there must be one."""
    from namebasis.studies.identity.counts import read_counts

    if counts is None:
        return None
    told = read_counts(counts)
    if not told:
        raise CorpusError(
            f"{counts}: no person with a count is in it. Give lines of name and count."
        )
    return dict(told)


def _run(asked: Asked, inquiry: Inquiry, place: AuditFolder) -> tuple[Part, dict[str, Sample]]:
    """Ask one part and keep what it found."""
    started = time.perf_counter()
    try:
        # What parts multiply is thin or shared out by themselves: threads beside cost more than
        # they bring, and twice the time where others use the cores. Encoding keeps its threads.
        with one_blas_thread():
            answer, skipped = asked.run(inquiry), None
    except Skipped as reason:
        answer, skipped = Answer([], {}), str(reason)
    n_tested = sum(one.is_tested for one in answer.claims)
    part = Part(
        asked.key, asked.title, tuple(answer.claims), tuple(map(Listing.of, answer.tables)),
        tuple(answer.remarks),
        n_tested if answer.n_tried is None else answer.n_tried,
        time.perf_counter() - started, skipped,
    )  # fmt: skip
    place.keep(part, answer.samples)
    return part, answer.samples


def _check_encoder(encoder: Encoder) -> None:
    """Refuse an encoder that cannot be asked anything."""
    from namebasis.encoders.given import GivenVectors

    if not encoder.has_text:
        raise EncoderError(
            f"{encoder.spec} reads no text; an audit asks about names as text. Use an encoder that "
            "reads text."
        )
    if isinstance(encoder, GivenVectors) and encoder.model is None:
        raise EncoderError(
            f"{encoder.spec} are given vectors without an encoder; an audit reads names and "
            "phrases that none of them stands for. Audit the encoder that made them, or give it "
            "with them (GivenVectors(names, vectors, encoder=…))."
        )


def _check_script(encoder: Encoder, names: Names) -> None:
    """Refuse an encoder that knows no letter of any name, before a folder is made."""
    unknown = getattr(encoder, "unknown_piece", None)
    if all(is_unread(pieces, unknown) for pieces in encoder.pieces(names.strings)):
        raise EncoderError(
            f"{encoder.spec} knows no letter of the {len(names):,} names of the audit (such as "
            f"{', '.join(names.strings[:3])}). Give names in its script with --names (names= in "
            "Python); parts that need the packaged names are then skipped."
        )


def _space(
    place: AuditFolder, every: Names, encoder: Encoder, plan: Plan, seed: int,
    progress: Progress | None,
) -> Space:  # fmt: skip
    """The space of the audit's names, built where it is not there yet."""
    from namebasis.namespace.space import is_complete
    from namebasis.space import build_space, open_space

    if is_complete(place.space):
        return open_space(place.space, encoder=encoder)
    return build_space(
        every, place.space, encoder=encoder, templates=plan.size.templates, seed=seed,
        progress=progress,
    )  # fmt: skip


def _state(
    encoder: Encoder,
    plan: Plan,
    corpora: Corpora,
    counts: Mapping[str, int] | None,
    seed: int,
) -> dict[str, Any]:
    """What makes two audits the same."""
    return {
        "namebasis": __version__,
        "encoder": encoder.fingerprint,
        "plan": plan.fingerprint,
        "names": {corpus: _digest(rows) for corpus, rows in corpora.rows.items()},
        "counts": None if counts is None else _digest(sorted(counts.items())),
        "parts": [one.key for one in PARTS],
        "seed": seed,
    }


def _described(inquiry: Inquiry) -> dict[str, dict[str, Any]]:
    """What every corpus is, and how much of it the encoder reads."""
    return {
        corpus: {
            "title": inquiry.corpora.titles[corpus],
            "n_names": len(rows),
            "n_read": len(inquiry.ids(corpus)),
            "fingerprint": _digest(rows),
        }
        for corpus, rows in inquiry.corpora.rows.items()
    }


def _digest(rows: Sequence[object]) -> str:
    return "sha256:" + hashlib.sha256(repr(tuple(rows)).encode()).hexdigest()[:16]


def _slug(spec: str) -> str:
    """An encoder's spec as the name of a folder: "open_clip:ViT-B-32/openai" without its kind."""
    kept = re.sub(r"[^A-Za-z0-9.]+", "-", spec.rpartition(":")[2]).strip("-.")
    return kept[-60:].strip("-.") or "encoder"
