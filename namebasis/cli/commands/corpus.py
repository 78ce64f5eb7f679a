"""Commands about the corpus: build, add, info, export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namebasis.cli import options, output
from namebasis.cli.answers import Answer, answers
from namebasis.cli.defaults import default_of
from namebasis.cli.output import note, print_json, progress_bar, say, show
from namebasis.cli.outputs import as_given, refuse_existing, refuse_folder, refuse_readonly
from namebasis.wording import percent

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.encoders.given import GivenVectors
    from namebasis.namespace.corpus.given_files import NamesWithVectors
    from namebasis.namespace.corpus.names import Names
    from namebasis.namespace.space import StoredSpace
    from namebasis.results import Result

LEAST_AGREEMENT = 0.5
"""Share of names below which given vectors are doubted to be of the encoder that was named."""


def wanted_of(
    part: str | None,
    column: str | None,
    top: int | None,
    min_count: int | None,
    limit: int | None,
    keep: Sequence[str] | None,
    mapped: Sequence[str] | None,
) -> dict[str, Any]:
    """What is asked of sources of names, as `read_sources` takes it.

    Raises
    ------
    ValueError
        If a `--map` is not of the form NAME=COLUMN.
    """
    pairs: dict[str, str] = {}
    for one in mapped or ():
        name, equals, title = (text.strip() for text in one.partition("="))
        if not equals or not name or not title:
            raise ValueError(f"--map must be NAME=COLUMN, such as gender=Geschlecht; got {one!r}.")
        if name in pairs:
            raise ValueError(f"--map gives {name} twice; give it once.")
        pairs[name] = title
    return {
        "part": part, "column": column, "top": top, "min_count": min_count, "limit": limit,
        "keep": keep or None, "map": pairs or None,
    }  # fmt: skip


def read_corpus(sources: list[str], seed: int = 0, **wanted: Any) -> Names:
    """Read and merge several sources, saying on stderr what was taken for what."""
    from namebasis.namespace.corpus.sources import read_sources

    names = read_sources(sources, seed=seed, **wanted)
    for told in names.notes:
        note(told)
    return names


def listed_names(files: Sequence[Path], column: str | None) -> list[str]:
    """Names that files list; said on stderr what was taken for what and left out."""
    if not files and column is None:
        return []
    names = read_corpus([str(file) for file in files], column=column)
    for dropped in names.dropped:
        note(str(dropped))
    return names.strings


def read_with_vectors(
    sources: list[str], vectors: str, encoder: Encoder | None, wanted: dict[str, Any]
) -> NamesWithVectors:
    """Read one source of names with a vector for each row, saying on stderr how it was taken."""
    from namebasis.namespace.corpus.given_files import read_given

    if len(sources) != 1:
        raise ValueError(f"--vectors go with one table of names; got {len(sources)} sources.")
    for name in ("limit", "top", "min_count"):
        if wanted[name] is not None:
            option = name.replace("_", "-")
            raise ValueError(f"--{option} takes some of the names; it does not go with --vectors.")
    taken = {name: wanted[name] for name in ("part", "column", "keep", "map")}
    read = read_given(sources[0], vectors, encoder=encoder, **taken)
    for told in (*read.names.notes, *read.notes):
        note(f"{sources[0]}: {told}")
    return read


def _note_agreement(given: GivenVectors) -> None:
    """Say how far given vectors are those of the encoder that was named for them."""
    share = given.agreement("{}")
    if share is None:
        return
    note(f"vectors by {given.spec} find {percent(share)} of the names among the given ones")
    if share < LEAST_AGREEMENT:
        note("warning: the given vectors are hardly of that encoder; free text will not find them")


@contextmanager
def going_on(space: Path) -> Iterator[None]:
    """Say after Ctrl-C what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        resumes = f"{as_given(space)} resumes from its last commit"
        note(f"stopped; run the same build again, and {resumes}")
        raise typer.Exit(130) from None


@answers
def build(
    space: options.NewSpacePath,
    names: options.Sources,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="minilm, organism, open_clip:MODEL/TAG, hf:REPO-or-folder, "
            "diffusers:REPO-or-folder or sd:MODEL.safetensors; a folder, file or repository alone "
            "is taken for what it is. By default NAMEBASIS_ENCODER, that of namebasis.toml, or "
            "minilm; none with --vectors.",
        ),
    ] = None,
    loras: Annotated[
        list[str] | None,
        typer.Option(
            "--lora",
            metavar="FILE:WEIGHT",
            help="Merge a LoRA's text part into the encoder; repeatable. The same as "
            "+lora:FILE:WEIGHT behind it.",
        ),
    ] = None,
    embeddings: Annotated[
        list[str] | None,
        typer.Option(
            "--embedding",
            metavar="FILE=WORD",
            help="Teach the encoder a textual inversion's word; repeatable. The same as "
            "+embedding:FILE=WORD behind it.",
        ),
    ] = None,
    vectors: options.Given = None,
    templates: Annotated[
        str,
        typer.Option(
            "--templates",
            help="A set (portrait, person, plain …), a string with {}, or a TOML file.",
        ),
    ] = "portrait",
    part: options.Part = None,
    column: options.Column = None,
    top: options.Top = None,
    min_count: options.MinCount = None,
    limit: options.Sample = None,
    keep: options.Keep = None,
    mapped: options.Map = None,
    unreadable: options.Unreadable = "drop",
    seed: options.Seed = 0,
    device: options.Device = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished space once the new one is done.")
    ] = False,
    engine: options.Work = "local",
    ray_address: options.RayAddress = None,
    actors: options.Actors = None,
    index: Annotated[
        str | None,
        typer.Option(
            "--index",
            help="How vectors are indexed: auto (exact up to 200,000 names, then inverted lists), "
            "or compressed for spaces larger than memory: pq (a byte for up to 8 columns), sq8 "
            "(for each). A finished space is indexed again.",
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> Result:
    """Embed names and store them as a space. An interrupted build resumes."""
    from functools import partial

    from namebasis.encoders.registry import load_encoder
    from namebasis.encoders.specs import check_device, full_spec, with_additions
    from namebasis.namespace.actors.cluster import RayCluster, check_engine
    from namebasis.namespace.building.build import build_space, refuse_foreign, refuse_other
    from namebasis.namespace.building.templates import load_templates
    from namebasis.namespace.building.tokens import check_unreadable, without_unreadable
    from namebasis.namespace.search.caches import check_kind
    from namebasis.namespace.store.places import place_of

    # Before anything is read or loaded.
    refuse_foreign(place_of(space))
    refuse_folder(place_of(space))
    sentences = load_templates(templates)
    check_unreadable(unreadable)
    if index is not None:
        check_kind(index)
    check_engine(engine, RayCluster(ray_address, actors))
    check_device(device)
    wanted = wanted_of(part, column, top, min_count, limit, keep, mapped)
    if encoder is None and vectors is None:
        default = default_of("encoder")
        encoder = "minilm" if default is None else default.value
        if default is not None:
            note(f"encoder {default}")
    if (loras or embeddings) and encoder is None:
        raise ValueError("--lora and --embedding change an encoder; give --encoder too.")
    if encoder is not None:
        encoder = with_additions(encoder, loras or (), embeddings or ())
    if encoder is not None and (spec := full_spec(encoder)) != encoder:
        note(f"encoder {encoder}: taken as {spec}")
        encoder = spec
    given = None
    if vectors is not None:
        model = load_encoder(encoder, device=device) if encoder is not None else None
        read = read_with_vectors(names, vectors, model, wanted)
        corpus, given = read.names, read.vectors
        _note_agreement(given)
    else:
        corpus = read_corpus(names, seed, **wanted)
        if not overwrite:
            refuse_other(place_of(space), corpus, sentences, seed)
        if not quiet:
            note(f"{len(corpus):,} names; loading {encoder}")
        model = load_encoder(str(encoder), device=device)
        corpus = without_unreadable(corpus, model, unreadable)
        if not quiet:
            note(_work(len(corpus), len(sentences.templates), sentences.name))
    factory = None
    if engine == "ray" and model is not None:
        factory = partial(load_encoder, model.spec, revision=model.revision, device=device)
    with going_on(space), nullcontext() if quiet else progress_bar("encoding") as progress:
        built = build_space(
            corpus,
            space,
            encoder=model,
            vectors=given,
            templates=sentences,
            unreadable="keep",  # the others are left out by now
            seed=seed,
            overwrite=overwrite,
            progress=progress,
            engine=engine,
            address=ray_address,
            n_actors=actors,
            encoder_factory=factory,
            index=index,
        )
    return told_of(built)


def told_of(space: StoredSpace) -> Result:
    """What the build or the addition that gave a space took and left out."""
    if space.summary is None:
        raise ValueError(f"{space.path} was opened, not built.")
    return space.summary


def _work(n_names: int, n_templates: int, templates: str) -> str:
    """How many prompts are about to be encoded."""
    if n_templates == 1:
        return f"{n_names:,} names, one template ({templates})"
    return (
        f"{n_names:,} names × {n_templates} templates ({templates}) = "
        f"{n_names * n_templates:,} prompts"
    )


@answers
def add(
    space: options.SpacePath,
    names: options.MoreSources = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            parser=options.given_path,
            metavar="<path>",
            help="Pictures of names: a folder with one folder per name or files called by it "
            "(Vicki_2.jpg), a table with the columns file_name and name, tar archives, what "
            "img2dataset downloaded, or clip-retrieval's vectors (img_emb, metadata).",
        ),
    ] = None,
    vectors: options.Given = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="Whose the vectors of --images are, where they are ready, or by which they are "
            "made. Those of another encoder than the space's are kept beside its own.",
        ),
    ] = None,
    new_names: Annotated[
        bool,
        typer.Option("--new-names", help="Add names of --images that the space does not hold."),
    ] = False,
    unmatched: Annotated[
        str,
        typer.Option(
            "--unmatched",
            help="Images of no stored name: skip, or keep, to centre image targets by them too.",
        ),
    ] = "skip",
    part: options.Part = None,
    column: options.Column = None,
    top: options.Top = None,
    min_count: options.MinCount = None,
    limit: options.Sample = None,
    keep: options.Keep = None,
    mapped: options.Map = None,
    unreadable: options.Unreadable = "drop",
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> list[Result]:
    """Add names to a space, or images of its names; names it holds already are skipped."""
    from namebasis.namespace.building.build import add_counted
    from namebasis.namespace.building.tokens import check_unreadable
    from namebasis.space import open_space

    if not names and images is None:
        raise ValueError("nothing to add: give sources of names, --images FOLDER, or both.")
    refuse_readonly(space)
    if images is None and (encoder is not None or new_names):
        option = "--encoder" if encoder is not None else "--new-names"
        raise ValueError(f"{option} is of pictures: give --images SOURCE too.")
    if images is not None and not names:
        told = {
            "--part": part, "--column": column, "--top": top, "--min-count": min_count,
            "--limit": limit, "--keep": keep, "--map": mapped,
        }  # fmt: skip
        given_options = [option for option, value in told.items() if value]
        if given_options:
            raise ValueError(
                f"{given_options[0]} is of sources of names, of which there is none: a table of "
                "--images names its pictures by a column called name, label or person."
            )
    if names and images is not None and vectors is not None:
        raise ValueError("--vectors are of names or of --images; add the one, then the other.")
    check_unreadable(unreadable)
    wanted = wanted_of(part, column, top, min_count, limit, keep, mapped)
    opened = open_space(space)
    found: list[Result] = []
    if names:
        given = None
        if vectors is not None:
            model = None if opened.is_given else opened.encoder()
            read = read_with_vectors(names, vectors, model, wanted)
            corpus, given = read.names, read.vectors
        else:
            corpus = read_corpus(names, seed, **wanted)
        with nullcontext() if quiet else progress_bar("encoding") as progress:
            done = add_counted(
                opened, corpus, vectors=given, unreadable=unreadable, progress=progress
            )
        opened = done.space
        found.append(done.summary)
    if images is not None:
        from namebasis.namespace.building.images import add_images
        from namebasis.namespace.corpus.given_files import read_vectors

        rows = None if vectors is None else read_vectors(vectors, images)
        with nullcontext() if quiet else progress_bar("images", "images") as progress:
            _, added = add_images(
                opened,
                images,
                encoder=encoder,
                vectors=rows,
                unmatched=unmatched,
                new_names=new_names,
                progress=progress,
            )
        found.append(added)
    return found


def unspell(
    space: options.SpacePath,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Fit again if the view already exists.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Store the view `unspelled`: the part of each vector that the name's pieces do not predict."""
    from namebasis.namespace.building.unspelled import unspell as make
    from namebasis.space import open_space

    refuse_readonly(space)
    with nullcontext() if quiet else progress_bar("unspell") as progress:
        made = make(open_space(space), rebuild=rebuild, progress=progress)
    facts = made.info()["unspelled"]
    if as_json:
        print_json(facts)
    else:
        say(
            f"{as_given(space)}: pieces predict {percent(facts['explained'])} of the variance of "
            f"the text view (out of fold, {facts['n_fitted']:,} names); the rest is the view "
            "unspelled"
        )


@answers
def condition(
    space: options.SpacePath,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="Of the image model: diffusers:FOLDER, sd:FILE or a CLIP; by default what "
            "computed the views before, or built the space.",
        ),
    ] = None,
    where: options.Where = None,
    k: Annotated[int, typer.Option("-k", help="Neighbours by which views are compared.")] = 10,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Compute all names again, by this encoder.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the comparison as one page.")
    ] = None,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Store the token states that an image model reads of names, and compare them with `text`.

    They are the views `conditioning` (mean over a name's tokens) and `conditioning_last` (its last
    token), which every --view takes. Of names that have them already nothing is computed.
    """
    from namebasis.space import open_space

    refuse_existing(html, overwrite=overwrite)
    refuse_readonly(space)
    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("condition") as progress:
        found = opened.condition(
            encoder=encoder, where=where, k=k, rebuild=rebuild, seed=seed, progress=progress
        )
    told = []
    if html:
        found.write_html(html, overwrite=overwrite)
        told.append(f"page written to {html}")
    return Answer([found], found.to_dict, told)


@answers
def info(
    space: options.SpacePath,
    check: Annotated[
        bool, typer.Option("--check", help="Read everything and compare with its checksums.")
    ] = False,
    quiet: options.Quiet = False,
) -> Result:
    """Say what a space holds: its columns, what they mean, and where it came from."""
    from namebasis.space import open_space

    opened = open_space(space)
    shown = progress_bar("check", "parts") if check and not quiet else nullcontext()
    with shown as progress:
        return opened.info(check=check, progress=progress)


def export(
    space: options.SpacePath,
    path: Annotated[str, typer.Argument(metavar="FILE", help="Where to write; - for stdout.")],
    where: options.Where = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Columns or expressions, separated by commas.")
    ] = None,
    order_by: Annotated[
        str | None,
        typer.Option("--order-by", help='Columns or expressions, such as "part, count desc".'),
    ] = None,
    limit: options.Limit = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="By the file's suffix, or: txt, csv, tsv, json, jsonl, parquet, npy; datasets (a "
            "Hugging Face folder); wildcards (lines for a1111, YAML for dynamicprompts), a1111, "
            "dynamicprompts or impact.",
        ),
    ] = None,
    weight: Annotated[
        str | None, typer.Option("--weight", help="Column to weight dynamicprompts' values by.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Key of a wildcard; the file's name by default.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", help="Columns, separated by commas: a folder with a wildcard for each value."
        ),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option("--view", help="Vectors to write along (json, parquet, npy); repeatable."),
    ] = None,
    bom: Annotated[
        bool, typer.Option("--bom", help="Begin csv, tsv or txt as Excel needs it to read UTF-8.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write a subset of the names to a file."""
    from namebasis.namespace.export.subset import export as write
    from namebasis.space import open_space

    wanted = options.columns_of(columns) if columns else None
    # A file and a pipe get the data as they are; a terminal would act on what they hold.
    screen = BytesIO() if path == "-" and output.reaches_a_terminal() else None
    done = write(
        open_space(space),
        path if screen is None else screen,
        columns=wanted,
        where=where,
        order_by=order_by,
        limit=limit,
        format=file_format,
        views=view or (),
        weight=weight,
        key=key,
        by=options.columns_of(by),
        bom=bom and screen is None,
        overwrite=overwrite,
    )
    if screen is not None:
        say(screen.getvalue().decode("utf-8", "replace").removesuffix("\n"))
    show(done)
