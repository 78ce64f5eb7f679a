"""The object that a user holds: a space of names, and every question that one may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from namebasis.checks import Progress, shown
from namebasis.namespace.space import StoredSpace
from namebasis.namespace.store.places import place_of
from namebasis.results import load

if TYPE_CHECKING:
    from namebasis.analysis.sparse.components import Components
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.building.added_images import AddedImages
    from namebasis.namespace.building.change import ChangeReport
    from namebasis.namespace.building.templates import Templates
    from namebasis.namespace.engines.results import Published
    from namebasis.namespace.export.subset import ExportResult
    from namebasis.studies.attributes.axis_files import Axis
    from namebasis.studies.attributes.groups import GroupAssociations
    from namebasis.studies.attributes.record_results import RecordsReport
    from namebasis.studies.attributes.results import Attributes
    from namebasis.studies.basis.anchors import Anchors
    from namebasis.studies.basis.results import Basis
    from namebasis.studies.basis.walk import Walk
    from namebasis.studies.card.results import Card
    from namebasis.studies.celeb.study import CelebBasis
    from namebasis.studies.conditioning.results import Conditioning
    from namebasis.studies.describe.results import Description
    from namebasis.studies.entropy import EntropyStudy
    from namebasis.studies.identity.own_results import OwnDirections
    from namebasis.studies.identity.points_results import PointsTo
    from namebasis.studies.identity.results import Identity
    from namebasis.studies.identity.rigidity import Rigidity
    from namebasis.studies.paint.results import Painting
    from namebasis.studies.pictures.results import PictureDiversity
    from namebasis.studies.recognition.results import Recognition
    from namebasis.studies.select.results import Selection
    from namebasis.studies.topology.comparison import TopologyComparison
    from namebasis.studies.topology.results import TopologyReport
    from namebasis.validation.denoiser.study import Denoised
    from namebasis.validation.extractors.base import Extractor
    from namebasis.validation.faces.contract import Faces
    from namebasis.validation.rigidity.results import PictureRigidity
    from namebasis.validation.study import Validation

NameSource = "Names | str | Path | Sequence[str] | Sequence[Mapping[str, object]]"


class Space(StoredSpace):
    __doc__ = StoredSpace.__doc__

    def basis(
        self,
        target: Any,
        n_names: int = 5,
        *,
        where: str | None = None,
        phrases: bool | str | Path = False,
        deny: Sequence[str] = (),
        max_family: int | None = None,
        nonnegative: bool = True,
        minus: Sequence[Any] = (),
        view: str = "text",
        as_: str | None = None,
        method: str = "omp",
        ridge: float | None = None,
        n_null: int = 200,
        n_resamples: int = 50,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Basis:
        """Find a few names whose weighted sum stands for a target; see `studies.basis.fit`."""
        from namebasis.studies.basis.study import fit

        return fit(
            self, target, n_names, where=where, phrases=phrases, deny=deny, max_family=max_family,
            nonnegative=nonnegative, minus=minus, view=view, as_=as_, method=method,
            ridge=ridge, n_null=n_null, n_resamples=n_resamples, seed=seed, progress=progress,
        )  # fmt: skip

    def describe(
        self,
        target: Any = None,
        n_phrases: int = 4,
        *,
        phrases: bool | str | Path = True,
        cluster: int | None = None,
        component: int | None = None,
        where: str | None = None,
        as_: str | None = None,
        n_null: int = 200,
        n_resamples: int = 50,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Description:
        """Say a name, an image, a cluster or a component in words; see `studies.describe`."""
        from namebasis.studies.describe.study import describe

        return describe(
            self, target, n_phrases, phrases=phrases, cluster=cluster, component=component,
            where=where, as_=as_, n_null=n_null, n_resamples=n_resamples, seed=seed,
            progress=progress,
        )  # fmt: skip

    def paint(
        self,
        target: object,
        n_names: int = 4,
        *,
        template: str = "a photo of {names}",
        max_tokens: int | None = None,
        where: str | None = None,
        deny: Sequence[str] = (),
        phrases: bool | str | Path = False,
        max_names: int | None = None,
        as_: str | None = None,
        negative: bool = False,
        with_negative: bool = False,
        baseline: bool = False,
        beam: int = 8,
        candidates: int = 512,
        syntax: str = "plain",
        encoders: Sequence[Encoder | str] = (),
        alternatives: int = 1,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Painting:
        """Search for the prompt of names nearest to a target; see `studies.paint.paint`."""
        from namebasis.studies.paint.study import paint

        return paint(
            self, target, n_names, template=template, max_tokens=max_tokens, where=where,
            deny=deny, phrases=phrases, max_names=max_names, as_=as_, negative=negative,
            with_negative=with_negative,
            baseline=baseline, beam=beam,
            candidates=candidates, syntax=syntax, encoders=encoders, alternatives=alternatives,
            seed=seed, progress=progress,
        )  # fmt: skip

    def walk(
        self,
        along: int | str | Sequence[object] = 1,
        *,
        components: Components | None = None,
        view: str = "text",
        where: str | None = None,
        as_: str | None = None,
        n_steps: int = 7,
        span: float = 3.0,
        names_per_step: int = 3,
        columns: Sequence[str] = (),
    ) -> Walk:
        """Name who stands along a direction of the space; see `studies.basis.walk`."""
        from namebasis.studies.basis.walk import walk

        return walk(
            self, along, components=components, view=view, where=where, as_=as_, n_steps=n_steps,
            span=span, names_per_step=names_per_step, columns=columns,
        )  # fmt: skip

    def celeb_basis(
        self,
        file: str | Path | None = None,
        *,
        where: str | None = None,
        n_positions: int = 2,
        max_components: int = 512,
        automatic_filter: bool = False,
        seed: int = 0,
    ) -> CelebBasis:
        """Fit a celeb basis to the names' pieces, or read one from a file.

        Parameters
        ----------
        file : str or Path, optional
            What `namebasis celeb fit` or `CelebBasis.save` wrote; the rest is then not used.
        where : str, optional
            The only names that count.
        n_positions : int
            Pieces of a name that have components: the first, the second, and so on.
        max_components : int
            The most components of each position.
        automatic_filter : bool
            Take only full names with a measured identity of their own.
        seed : int
            Of the filter.
        """
        from namebasis.studies.celeb.study import CelebBasis

        if file is not None:
            return CelebBasis.load(file, self)
        return CelebBasis.fit(
            self, where=where, n_positions=n_positions, max_components=max_components,
            automatic_filter=automatic_filter, seed=seed,
        )  # fmt: skip

    def publish(
        self,
        engine: str,
        *,
        views: Sequence[str] = ("text",),
        columns: Sequence[str] | None = None,
        index: str | None = None,
        overwrite: bool = False,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Published:
        """Publish views to a search engine; see `namespace.engines.publishing.publish`."""
        from namebasis.namespace.engines.publishing import publish

        return publish(
            self, engine, views=views, columns=columns, index=index, overwrite=overwrite,
            seed=seed, progress=progress,
        )  # fmt: skip

    def anchors(
        self,
        n_names: int = 8,
        *,
        where: str | None = None,
        view: str = "text",
        columns: Sequence[str] = (),
        engine: str = "local",
        n_actors: int | None = None,
        address: str | None = None,
        progress: Progress | None = None,
    ) -> Anchors:
        """Code every name by the others, and rank the names that the rest are made of."""
        from namebasis.studies.basis.anchors import report

        return report(
            self, n_names, where=where, view=view, columns=columns, engine=engine,
            n_actors=n_actors, address=address, progress=progress,
        )  # fmt: skip

    def select(
        self,
        n_names: int = 100,
        *,
        objective: str = "cover",
        where: str | None = None,
        of: str | None = None,
        axes: Sequence[str | Axis] = (),
        quotas: Mapping[str, int] | None = None,
        max_tokens: int | None = None,
        max_per: Mapping[str, int] | None = None,
        one_spelling: bool = False,
        deny: Sequence[str] = (),
        not_famous: bool = False,
        keep: Sequence[str] = (),
        budget: int | None = None,
        view: str = "text",
        columns: Sequence[str] = (),
        n_null: int = 20,
        with_templates: bool = True,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Selection:
        """Choose names that are good for something, under limits; see `studies.select.select`."""
        from namebasis.studies.select.study import select

        return select(
            self, n_names, objective=objective, where=where, of=of, axes=axes, quotas=quotas,
            max_tokens=max_tokens, max_per=max_per, one_spelling=one_spelling, deny=deny,
            not_famous=not_famous, keep=keep, budget=budget, view=view, columns=columns,
            n_null=n_null, with_templates=with_templates, seed=seed, progress=progress,
        )  # fmt: skip

    def card(
        self,
        name: str,
        *,
        k: int = 8,
        view: str = "text",
        deep: bool | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Card:
        """Everything about one name; with `deep`, what the model must be asked for as well.

        What was measured before is shown also without `deep`, and not with ``deep=False``.
        """
        from namebasis.studies.card.study import card

        return card(self, name, k=k, view=view, deep=deep, seed=seed, progress=progress)

    def score(
        self,
        along: Sequence[str | Axis] = ("age", "gender"),
        *,
        where: str | None = None,
        view: str = "text",
        n_made_up: int = 500,
        seed: int = 0,
        engine: str = "local",
        n_actors: int | None = None,
        address: str | None = None,
        progress: Progress | None = None,
    ) -> Attributes:
        """Read names, or in the view `image` their pictures, on axes such as age, four ways."""
        from namebasis.studies.attributes.study import score

        return score(
            self, along, where=where, view=view, n_made_up=n_made_up, seed=seed, engine=engine,
            n_actors=n_actors, address=address, progress=progress,
        )  # fmt: skip

    def records(
        self,
        records: str,
        *,
        where: str | None = None,
        n_made_up: int = 500,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> RecordsReport:
        """Compare what the model believes about names with public records of them."""
        from namebasis.studies.attributes.records import compare

        return compare(
            self, records, where=where, n_made_up=n_made_up, seed=seed, progress=progress
        )

    def groups(
        self,
        groups: str | Path,
        along: Sequence[str | Axis] = ("age", "gender"),
        *,
        where: str | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> GroupAssociations:
        """Measure which groups of names lean to which end of an axis: WEAT, RND and RIPA."""
        from namebasis.studies.attributes.groups import associate

        return associate(self, groups, along, where=where, seed=seed, progress=progress)

    def topology(
        self,
        *,
        view: str = "text",
        k: int = 15,
        where: str | None = None,
        min_cluster_size: int | None = None,
        method: str = "density",
        n_clusters: int | None = None,
        level: str | float | None = None,
        by: Sequence[str] = (),
        without_spelling: bool = False,
        n_resamples: int = 20,
        shape: bool = True,
        write: bool = False,
        pictures: bool = False,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> TopologyReport:
        """Cluster the names, or single pictures of them, and say what the arrangement follows."""
        from namebasis.studies.topology.study import report

        if pictures:
            from namebasis.studies.topology.pictures import report as report_pictures

            if without_spelling or write:
                raise ValueError(
                    "pictures have no spelling and no columns of names to write; leave "
                    "without_spelling and write out."
                )
            return report_pictures(
                self, view=view, k=k, where=where, min_cluster_size=min_cluster_size,
                method=method, n_clusters=n_clusters, level=level, by=by,
                n_resamples=n_resamples, shape=shape, seed=seed, progress=progress,
            )  # fmt: skip
        return report(
            self, view=view, k=k, where=where, min_cluster_size=min_cluster_size,
            method=method, n_clusters=n_clusters, level=level, by=by,
            without_spelling=without_spelling,
            n_resamples=n_resamples, shape=shape, write=write, seed=seed, progress=progress,
        )  # fmt: skip

    def compare(
        self,
        other: StoredSpace,
        *,
        view: str = "text",
        other_view: str | None = None,
        k: int = 15,
        where: str | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> TopologyComparison:
        """Compare how this space and another arrange the names that both hold."""
        from namebasis.studies.topology.comparison import compare

        return compare(
            self, other, view=view, right_view=other_view, k=k, where=where, seed=seed,
            progress=progress,
        )  # fmt: skip

    def entropy(
        self,
        *,
        view: str = "text",
        where: str | None = None,
        by: str | None = None,
        bandwidth: float | None = None,
        t: float = 1,
        method: str = "auto",
        n_null: int = 5,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> EntropyStudy:
        """Measure how many directions the names spread over: diffusion spectral entropy."""
        from namebasis.studies.entropy import report

        return report(
            self, view=view, where=where, by=by, bandwidth=bandwidth, t=t, method=method,
            n_null=n_null, seed=seed, progress=progress,
        )  # fmt: skip

    def identity(
        self,
        names: Sequence[str] | None = None,
        *,
        where: str | None = None,
        parts: str | Path | Mapping[str, tuple[str, str]] | None = None,
        counts: str | Path | None = None,
        measure: str = "own_score",
        n_swaps: int | None = None,
        contexts: str | Path | None = None,
        with_contexts: bool = True,
        thresholds: str | Path | None = None,
        n_made_up: int = 400,
        columns: Sequence[str] = (),
        k: int | None = None,
        view: str = "text",
        seed: int = 0,
        engine: str = "local",
        n_actors: int | None = None,
        address: str | None = None,
        progress: Progress | None = None,
    ) -> Identity:
        """Say what kind of identity the model has formed for each full name.

        Of `names`, or of all names of the space that pass `where`; `parts` says where full names
        are cut that rules cannot cut, as a mapping or a file with the columns name, given, family.
        With a file of counts, by default of its names, and how `measure` follows the counts. With
        `k`, the result shows that number of names, those with most of their own first.
        """
        from namebasis.studies.identity.counts import read_counts, with_counts
        from namebasis.studies.identity.study import identity

        told = read_counts(counts) if counts else {}
        found = identity(
            self, list(told) if told and names is None and where is None else names,
            where=where, parts=parts, n_swaps=n_swaps, contexts=contexts,
            with_contexts=with_contexts, thresholds=thresholds, n_made_up=n_made_up,
            columns=columns, n_shown=k, view=view, seed=seed, engine=engine,
            n_actors=n_actors, address=address, progress=progress,
        )  # fmt: skip
        return with_counts(found, told, column=measure) if told else found

    def own(
        self,
        *,
        where: str | None = None,
        least: float = 0.5,
        other: StoredSpace | None = None,
        columns: Sequence[str] = (),
        n_resamples: int = 200,
        n_null: int = 100,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> OwnDirections:
        """Ask how the own directions of names lie to each other; see `studies.identity.own`."""
        from namebasis.studies.identity.own import own

        return own(
            self, where=where, least=least, other=other, columns=columns, n_resamples=n_resamples,
            n_null=n_null, seed=seed, progress=progress,
        )  # fmt: skip

    def points_to(
        self,
        parts: Sequence[str] | None = None,
        *,
        where: str | None = None,
        n_swaps: int | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> PointsTo:
        """Say which stored full name each part brings up; see `studies.identity.points_to`."""
        from namebasis.studies.identity.points_to import points_to

        return points_to(
            self,
            parts,
            where=where,
            n_swaps=n_swaps,
            seed=seed,
            progress=progress,
        )

    def rigidity(
        self,
        names: Sequence[str] | None = None,
        *,
        where: str | None = None,
        contexts: str | Path | None = None,
        n_made_up: int = 100,
        columns: Sequence[str] = (),
        view: str = "text",
        seed: int = 0,
        engine: str = "local",
        n_actors: int | None = None,
        address: str | None = None,
        progress: Progress | None = None,
    ) -> Rigidity:
        """Measure how rigidly names keep their embedding over contexts or images."""
        from namebasis.studies.identity.rigidity import rigidity

        return rigidity(
            self, names, where=where, contexts=contexts, n_made_up=n_made_up, columns=columns,
            view=view, seed=seed, engine=engine,
            n_actors=n_actors, address=address, progress=progress,
        )  # fmt: skip

    def recognise(
        self,
        photos: str | Path,
        *,
        unknown: str | Path | None = None,
        where: str | None = None,
        axes: Sequence[str | Axis] = (
            "age",
            "gender",
            "skin_tone",
            "hair_colour",
            "hair_length",
            "eye_colour",
        ),
        k: int = 5,
        n_made_up: int = 200,
        n_resamples: int = 500,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Recognition:
        """Ask which names the encoder gives people of whom one has photos and names.

        Nobody is identified: every photo needs the name of its person; see
        `studies.recognition.study.recognise`.
        """
        from namebasis.studies.recognition.study import recognise

        return recognise(
            self, photos, unknown=unknown, where=where, axes=axes, k=k, n_made_up=n_made_up,
            n_resamples=n_resamples, seed=seed, progress=progress,
        )  # fmt: skip

    def picture_rigidity(
        self,
        names: Sequence[str] | None = None,
        *,
        where: str | None = None,
        axes: Sequence[str | Path | Axis] | None = None,
        source: str | None = None,
        n_resamples: int = 500,
        seed: int = 0,
    ) -> PictureRigidity:
        """Say which attributes of a name its pictures in the space hold rigid, and which free."""
        from namebasis.validation.rigidity.stored import stored_rigidity

        return stored_rigidity(
            self, names, where=where, axes=axes, source=source, n_resamples=n_resamples, seed=seed
        )

    def validate(
        self,
        images: str | Path,
        extractors: Sequence[Extractor | str],
        *,
        faces: Faces | str | Path | None = None,
        n_resamples: int = 500,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Validation:
        """Compare what text space says of names with what images of them show.

        `faces` finds the face for the extractors given by their specs that take it; see
        `namebasis.validation.load_faces`.
        """
        from namebasis.validation.extractors.registry import load_extractor
        from namebasis.validation.faces.detectors import load_faces
        from namebasis.validation.study import validate

        step = load_faces(faces) if isinstance(faces, (str, Path)) else faces
        loaded = [load_extractor(e, faces=step) if isinstance(e, str) else e for e in extractors]
        return validate(self, images, loaded, n_resamples=n_resamples, seed=seed, progress=progress)

    def denoise(
        self,
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
        """Store the view `denoiser`: what a pipeline's UNet predicts for names.

        `.space` of the result is the space reopened; see `validation.denoiser.study.denoise`.
        """
        from namebasis.validation.denoiser.study import denoise

        return denoise(
            self, pipeline, where=where, template=template, neutral=neutral, n_levels=n_levels,
            n_noises=n_noises, grid=grid, seed=seed, size=size, rebuild=rebuild, device=device,
            dtype=dtype, progress=progress,
        )  # fmt: skip

    def diversity(
        self,
        names: Sequence[str] | None = None,
        *,
        where: str | None = None,
        view: str = "image",
        n_matched: int | None = None,
        columns: Sequence[str] = (),
        n_null: int = 200,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> PictureDiversity:
        """Measure how varied the pictures of names are, and find their medoids.

        See `studies.pictures.diversity`.
        """
        from namebasis.studies.pictures.diversity import diversity

        return diversity(
            self, names, where=where, view=view, n_matched=n_matched, columns=columns,
            n_null=n_null, seed=seed, progress=progress,
        )  # fmt: skip

    def export(
        self,
        path: str | Path | IO[Any],
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        ids: Sequence[int] | None = None,
        order_by: str | None = None,
        limit: int | None = None,
        format: str | None = None,
        views: Sequence[str] = (),
        weight: str | None = None,
        key: str | None = None,
        by: Sequence[str] = (),
        bom: bool = False,
        overwrite: bool = False,
    ) -> ExportResult:
        """Write a subset of the names to a file in the form that a tool reads."""
        from namebasis.namespace.export.subset import export

        return export(
            self, path, columns=columns, where=where, ids=ids, order_by=order_by, limit=limit,
            format=format, views=views, weight=weight, key=key, by=by, bom=bom, overwrite=overwrite,
        )  # fmt: skip

    def explore(
        self, *others: Space | str | Path, port: int | None = None, height: int = 720
    ) -> Any:
        """Explore the space, and others beside it, on a warm page; see `namebasis explore`.

        In a notebook the page is shown in a frame below the cell, elsewhere in the browser. It is
        served by a thread of this process, only to this machine, until the process ends.

        Parameters
        ----------
        *others : Space, str or Path
            Spaces that the page offers too.
        port : int, optional
            By default 8642; the next free one where it is in use.
        height : int
            Of the frame, in pixels.

        Returns
        -------
        Explorer
            Its `url`, and `stop()`, which ends it.

        Raises
        ------
        MissingExtraError
            If the extra `explore` is not installed.
        SpaceError
            If no space can be opened.
        """
        # The explorer stands on this module, which knows it by its name alone.
        return load("namebasis.explore.notebook:explore")([self, *others], port=port, height=height)

    def add(
        self,
        names: Any,
        *,
        top: int | None = None,
        min_count: int | None = None,
        limit: int | None = None,
        keep: Sequence[str] | None = None,
        map: Mapping[str, str] | None = None,
        vectors: object = None,
        unreadable: str = "drop",
        seed: int = 0,
        progress: Progress | Literal["auto"] | None = "auto",
    ) -> Space:
        """Append names, from any source that `read_names` takes; return the space reopened."""
        from namebasis.namespace.building.build import add_names
        from namebasis.namespace.corpus.sources import as_names

        names = as_names(
            names, top=top, min_count=min_count, limit=limit, keep=keep, map=map, seed=seed
        )
        with shown(progress, "encoding") as report:
            return add_names(self, names, vectors=vectors, unreadable=unreadable, progress=report)

    def add_images(
        self,
        folder: str | Path,
        *,
        encoder: Encoder | str | None = None,
        vectors: object = None,
        unmatched: str = "skip",
        new_names: bool = False,
        progress: Progress | None = None,
    ) -> tuple[Space, AddedImages]:
        """Append images of names; return the space reopened and what was added."""
        from namebasis.namespace.building.images import add_images

        return add_images(
            self,
            folder,
            encoder=encoder,
            vectors=vectors,
            unmatched=unmatched,
            new_names=new_names,
            progress=progress,
        )

    def remove(
        self,
        names: Sequence[str] = (),
        *,
        where: str | None = None,
        part: str | None = None,
        images: bool = False,
        unmatched: bool = False,
        dry_run: bool = False,
    ) -> ChangeReport[Space]:
        """Take names out of the space, or images; `.space` of the result is the space reopened."""
        from namebasis.namespace.building.removing import remove

        return remove(
            self, names, where=where, part=part, images=images, unmatched=unmatched,
            dry_run=dry_run,
        )  # fmt: skip

    def drop(self, columns: Sequence[str], *, dry_run: bool = False) -> ChangeReport[Space]:
        """Take columns out of the space: of studies, or of one's own."""
        from namebasis.namespace.building.removing import drop

        return drop(self, columns, dry_run=dry_run)

    def rename(self, column: str, name: str) -> ChangeReport[Space]:
        """Give a column of a study, or of one's own, another name."""
        from namebasis.namespace.building.removing import rename

        return rename(self, column, name)

    def merge(
        self,
        other: StoredSpace,
        path: str | Path,
        *,
        overwrite: bool = False,
        dry_run: bool = False,
    ) -> ChangeReport[Space]:
        """Put the names of this space and another into one, at a new path or into this one."""
        from namebasis.namespace.building.merging import merge

        return merge(self, other, path, overwrite=overwrite, dry_run=dry_run)

    def undo(
        self, *, redo: bool = False, forget: bool = False, dry_run: bool = False
    ) -> ChangeReport[Space]:
        """Undo the last change of the space; called again, the one before it."""
        from namebasis.namespace.building.undoing import undo

        return undo(self, redo=redo, forget=forget, dry_run=dry_run)

    def condition(
        self,
        *,
        encoder: Encoder | str | None = None,
        where: str | None = None,
        k: int = 10,
        rebuild: bool = False,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Conditioning:
        """Store the token states that an image model reads as views, and compare them with `text`.

        See `namebasis.studies.conditioning.condition`; `.space` of the result is the space
        reopened, with the views `conditioning` and `conditioning_last`.
        """
        from namebasis.studies.conditioning.study import condition

        return condition(
            self, encoder=encoder, where=where, k=k, rebuild=rebuild, seed=seed, progress=progress
        )

    def unspell(self, *, rebuild: bool = False, progress: Progress | None = None) -> Space:
        """Store the `unspelled` view: vectors less what the names' spelling predicts."""
        from namebasis.namespace.building.unspelled import unspell

        return unspell(self, rebuild=rebuild, progress=progress)


def open_space(
    path: str | Path, *, encoder: Encoder | str | None = None, engine: str | None = None
) -> Space:
    """Open a name space; nothing heavy is read before the first question.

    Parameters
    ----------
    path : str or Path
    encoder : Encoder or str, optional
        The one that built the space, or its spec; by default it is loaded when a question needs
        it. Its weights are compared with those that built the space.
    engine : str, optional
        ``milvus:URI`` of a search engine to which `Space.publish` put the space: it finds the
        nearest names then, in place of the indices beside the rows.

    Raises
    ------
    SpaceError
        If there is no space, its build has not finished, it is damaged, or a newer version of
        namebasis wrote it.
    EncoderError
        If `encoder` is not the one that built it.

    See Also
    --------
    build_space : Makes one.

    Examples
    --------
    >>> import namebasis as nb
    >>> space = nb.open_space("my.space")
    >>> len(space), space.views
    (24, ('text', 'token'))
    """
    return Space(place_of(path), encoder, engine)


def build_space(
    names: Any,
    path: str | Path,
    *,
    encoder: Encoder | str | None = None,
    vectors: object = None,
    templates: str | Path | Sequence[str] | Templates = "portrait",
    device: str | None = None,
    top: int | None = None,
    min_count: int | None = None,
    limit: int | None = None,
    keep: Sequence[str] | None = None,
    map: Mapping[str, str] | None = None,
    unreadable: str = "drop",
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | Literal["auto"] | None = "auto",
    engine: str = "local",
    address: str | None = None,
    n_actors: int | None = None,
    encoder_factory: Callable[[], Encoder] | None = None,
    index: str | None = None,
) -> Space:
    """Embed names and store them as a space; an interrupted build resumes where it stopped.

    Parameters
    ----------
    names : Names, str, Path, or sequence
        A corpus, or any source that `read_names` takes: ``"faker"``, a file, a list of names.
    path : str or Path
        Where to store the space.
    encoder : Encoder or str, optional
        An encoder, or the spec of one: ``"minilm"``, ``"open_clip:ViT-B-32/laion2b_s34b_b79k"``,
        ``"hf:openai/clip-vit-base-patch32"``. By default minilm, or none beside `vectors`.
    vectors : array of shape (n_names, dim), or GivenVectors, optional
        Vectors of one's own, one for each row of `names`.
    templates : str, Path, sequence of str, or Templates
        A set such as ``"portrait"`` or ``"plain"``, sentences with ``{}``, or a TOML file.
    device : str, optional
        For an encoder that is given as a spec: ``"cpu"``, ``"cuda"``, ``"cuda:1"``.
    top, min_count : int, optional
        Keep the most frequent names of a source, or those that as many people bear at least.
    limit : int, optional
        Keep a random sample of at most this many names of a source.
    keep : sequence of str, optional
        The only columns of your own to keep of a table; all by default.
    map : mapping of str to str, optional
        What columns of a table are, such as ``{"gender": "Geschlecht"}``.
    unreadable : {"drop", "keep"}
        What becomes of names of which the encoder knows no letter (minilm of ঋষিতা): all would get
        one vector, that of the unknown piece, and be each other's nearest names.
    seed : int
    overwrite : bool
        Replace a finished space once the new one is complete.
    progress : callable, "auto" or None
        Called with the number of names done and the number of names in all. "auto" draws a bar in a
        terminal or a notebook, and nothing into a pipe.
    engine : str
        ``"local"``, or ``"ray"`` for the same rows from many processes or machines.
    address, n_actors, encoder_factory
        Of Ray; see `namebasis.namespace.building.build.build_space`.
    index : {"auto", "pq", "sq8"}, optional
        How vectors are indexed: `auto`, exactly up to 200,000 names and by inverted lists above, or
        compressed for spaces larger than memory, from 10,000 names on. By default as the space is
        indexed that is there.

    Raises
    ------
    CorpusError
        If there is no name.
    EncoderError
        If the encoder cannot be loaded or does not read text.
    SpaceError
        If something else is at `path`, or another process writes there.

    Returns
    -------
    Space
        Its `summary` says how many names each source gave, and what was left out and why.

    See Also
    --------
    open_space : Opens it again.
    namebasis.load_encoder : Specs of encoders.

    Examples
    --------
    >>> import namebasis as nb
    >>> space = nb.build_space(["Anna", "Zoë"], "two.space", encoder="minilm", templates="plain")
    >>> len(space)
    2
    """
    from namebasis.encoders.specs import full_spec
    from namebasis.namespace.actors.cluster import RayCluster, check_engine
    from namebasis.namespace.building.build import build_space as build
    from namebasis.namespace.building.build import refuse_foreign
    from namebasis.namespace.building.templates import load_templates
    from namebasis.namespace.building.tokens import check_unreadable
    from namebasis.namespace.corpus.sources import as_names
    from namebasis.namespace.search.caches import check_kind

    # Before anything is read or loaded.
    refuse_foreign(place_of(path))
    templates = load_templates(templates)
    check_unreadable(unreadable)
    check_engine(engine, RayCluster(address, n_actors, encoder_factory))
    if index is not None:
        check_kind(index)
    if isinstance(encoder, str):
        encoder = full_spec(encoder)
    corpus = as_names(
        names, top=top, min_count=min_count, limit=limit, keep=keep, map=map, seed=seed
    )
    if encoder is None and vectors is None:
        encoder = "minilm"
    if encoder is not None:
        from namebasis.encoders.registry import as_encoder

        encoder = as_encoder(encoder, device=device)
    with shown(progress, "encoding") as report:
        stored = build(
            corpus, path, encoder=encoder, vectors=vectors, templates=templates,
            unreadable=unreadable, seed=seed, overwrite=overwrite, progress=report,
            engine=engine, address=address, n_actors=n_actors, encoder_factory=encoder_factory,
            index=index,
        )  # fmt: skip
    built = open_space(stored.path, encoder=encoder)
    built.summary = stored.summary
    return built
