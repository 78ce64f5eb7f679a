"""Commands that ask images: validate generate, report, rigidity, train-probe."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import note, print_json, print_table, progress_bar
from namebasis.cli.outputs import as_given, refuse_existing, refuse_folder, refuse_readonly

if TYPE_CHECKING:
    from namebasis.results import Result
    from namebasis.validation.pictures.pipelines import PaintOptions

app = typer.Typer(
    name="validate",
    help="Ask images what text space said: generate, measure, compare.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Images = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Images: one folder per name in it.")
]
Pipeline = Annotated[
    str,
    typer.Option(
        "--pipeline",
        help="organism (packaged, paints its made-up world), diffusers:REPO-or-folder, or "
        "sd:MODEL.safetensors (Stable Diffusion 1, 2 or XL in one file).",
    ),
]
Steps = Annotated[int | None, typer.Option("--steps", help="Denoising steps.")]
Guidance = Annotated[float | None, typer.Option("--guidance", help="Guidance scale.")]
Size = Annotated[int | None, typer.Option("--size", help="Pixels along each side.")]
BatchSize = Annotated[int, typer.Option("--batch-size", help="Images at a time.")]
DType = Annotated[
    str | None, typer.Option("--dtype", help="By default float16 on a GPU, float32 on a CPU.")
]


def _options(steps: int | None, guidance: float | None, size: int | None) -> PaintOptions:
    from namebasis.validation.pictures.pipelines import PaintOptions

    return PaintOptions(steps, guidance, size)


@answers
def generate(
    space: options.SpacePath,
    folder: Images,
    pipeline: Pipeline,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names; may be new to the space.")
    ] = None,
    where: options.Where = None,
    n_images: Annotated[int, typer.Option("--n-images", "-n", help="Images per name.")] = 9,
    template: Annotated[
        list[str] | None, typer.Option("--template", help="Holds {} once; repeatable.")
    ] = None,
    contexts: Annotated[
        bool, typer.Option("--contexts", help="Put names into the packaged contexts, in turn.")
    ] = False,
    n_made_up: Annotated[
        int, typer.Option("--n-made-up", help="Made-up names to paint too: the model's prior.")
    ] = 10,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    batch_size: BatchSize = 8,
    seed: options.Seed = 0,
    device: options.Device = None,
    dtype: DType = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Result:
    """Make a few images per name; an interrupted run resumes.

    Images of people who exist can harm them: see docs/validation.md before you show any.
    """
    from namebasis.checks import check_count
    from namebasis.namespace.corpus.pseudo import pseudo_names
    from namebasis.space import open_space
    from namebasis.studies.identity.contexts import load_contexts
    from namebasis.validation.pictures.generation import TEMPLATES, check_request
    from namebasis.validation.pictures.generation import generate as make
    from namebasis.validation.pictures.pipelines import check_pipeline, load_pipeline

    check_pipeline(pipeline, dtype)
    refuse_folder(folder)
    check_count(n_made_up, "n_made_up", 0)
    how = _options(steps, guidance, size)
    templates = template or (list(load_contexts(None)) if contexts else TEMPLATES)
    check_request(templates, n_images, batch_size)
    opened = open_space(space)
    if names and where is not None:
        raise ValueError("give names or --where, not both.")
    asked = names or opened.table(["name"], where=where)["name"].to_pylist()
    if not asked:
        raise ValueError(f"no name of {space} passes --where {where!r}; nothing is painted.")
    made_up = pseudo_names(n_made_up, seed=seed).strings if n_made_up else []
    wanted = list(dict.fromkeys([*asked, *made_up]))
    if not names and where is None:
        n_more = len(wanted) - len(asked)
        note(
            f"{len(wanted):,} names ({n_more} made up) × {n_images} images; --where or names ask "
            "for fewer"
        )
    loaded = load_pipeline(pipeline, device=device, dtype=dtype)
    with nullcontext() if quiet else progress_bar("painting", "images") as progress:
        return make(
            loaded, wanted, folder, templates=templates, n_images=n_images, options=how,
            made_up=made_up, seed=seed, batch_size=batch_size, overwrite=overwrite,
            progress=progress,
        )  # fmt: skip


@answers
def denoise(
    space: options.SpacePath,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            help="organism (packaged, knows its made-up world), diffusers:REPO-or-folder, or "
            "sd:MODEL.safetensors (Stable Diffusion 1, 2 or XL); needed the first time.",
        ),
    ] = None,
    where: options.Where = None,
    template: Annotated[
        str | None, typer.Option("--template", help="Holds {} once; by default 'a photo of {}'.")
    ] = None,
    neutral: Annotated[
        str | None,
        typer.Option("--neutral", help="Prompt taken off; by default 'a photo of a person'."),
    ] = None,
    n_levels: Annotated[
        int | None, typer.Option("--n-levels", help="Levels of noise; 5 by default.")
    ] = None,
    n_noises: Annotated[
        int | None, typer.Option("--n-noises", help="Noises at each level; 2 by default.")
    ] = None,
    grid: Annotated[
        int | None, typer.Option("--grid", help="Places along a side that are kept; 4 by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the noises.")] = None,
    size: Annotated[
        int | None, typer.Option("--size", help="Pixels along each side of the picture.")
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Compute the names again.")] = False,
    device: options.Device = None,
    dtype: DType = None,
    quiet: options.Quiet = False,
) -> Result:
    """Store the view `denoiser`: what a pipeline's UNet predicts for a name, less for anybody.

    One pass a level of noise instead of a painted picture. Names that were added since get the view
    by running it again; what is not said is as the view was made before.
    """
    from namebasis.space import open_space
    from namebasis.validation.denoiser.study import denoise as make

    refuse_readonly(space)
    opened = open_space(space)
    with nullcontext() if quiet else progress_bar("denoise") as progress:
        return make(
            opened, pipeline, where=where, template=template, neutral=neutral, n_levels=n_levels,
            n_noises=n_noises, grid=grid, seed=seed, size=size, rebuild=rebuild, device=device,
            dtype=dtype, progress=progress,
        )  # fmt: skip


@answers
def report(
    space: options.SpacePath,
    folder: Images,
    extractor: Annotated[
        list[str] | None,
        typer.Option(
            "--extractor",
            help="zero-shot:ENCODER, classify:, ask:, caption:, tagger:, onnx:CARD, probe:FILE, "
            "mivolo, skin; repeatable. By default the space's encoder, where it reads images.",
        ),
    ] = None,
    axis: Annotated[
        list[str] | None, typer.Option("--axis", help="An axis or a .toml file; repeatable.")
    ] = None,
    attribute: Annotated[
        str | None, typer.Option("--attribute", help="What a classifier's labels are values of.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="A tagger's tag to measure; repeatable.")
    ] = None,
    faces: Annotated[
        str | None,
        typer.Option(
            "--faces",
            help="Finds the face for extractors that take it: FILE.onnx of YuNet or SCRFD, or a "
            "card (CARD.toml).",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", help="Of images, for their spread; by default the space's."),
    ] = None,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", help="Shuffles of the null, at least 20.")
    ] = 500,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page to this file.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the measures as columns.")] = False,
    allow_remote_code: Annotated[
        bool, typer.Option("--allow-remote-code", help="Run code that MiVOLO's repository brings.")
    ] = False,
    batch_size: BatchSize = 16,
    seed: options.Seed = 0,
    device: options.Device = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Measure images of names and compare them with text."""
    from namebasis.checks import check_count
    from namebasis.encoders.registry import check_sees, load_encoder
    from namebasis.space import open_space
    from namebasis.validation.extractors.registry import check_extractor, load_extractor
    from namebasis.validation.faces.detectors import load_faces
    from namebasis.validation.pictures.image_files import find_images
    from namebasis.validation.study import validate

    refuse_existing(html, overwrite=overwrite)
    refuse_readonly(space, write)
    check_count(n_resamples, "n_resamples", 20)
    check_count(batch_size, "batch_size")
    if encoder:
        check_sees(encoder)
    opened = open_space(space)
    wanted = extractor or [f"zero-shot:{opened.provenance.encoder}"]
    for spec in wanted:
        check_extractor(spec, axis)
    find_images(folder, opened.find_all)
    step = load_faces(faces, device=device) if faces else None
    loaded = [
        load_extractor(
            spec, axes=axis, attribute=attribute, tags=tag or (), device=device,
            allow_remote_code=allow_remote_code, faces=step,
        )
        for spec in wanted
    ]  # fmt: skip
    licences = [(each.spec, each.licence) for each in loaded]
    if step is not None:
        licences.append((step.spec, step.finder.licence))
    for spec, licence in licences:
        if licence:
            note(f"{spec}: licence {licence}")
    seeing = load_encoder(encoder, device=device) if encoder else None
    with nullcontext() if quiet else progress_bar("measuring", "images") as progress:
        found = validate(
            opened, folder, loaded, encoder=seeing, axes=axis, seed=seed,
            n_resamples=n_resamples, batch_size=batch_size, progress=progress,
        )  # fmt: skip
    told = []
    if html is not None:
        found.write_html(html, overwrite=overwrite)
        told.append(f"page written to {html}")
    if write:
        told.append(f"measures of {found.write(opened):,} names written to {as_given(space)}")
    return Answer([found], found.to_dict, told)


@answers
def rigidity(
    space: options.SpacePath,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="By default all with pictures."),
    ] = None,
    where: options.Where = None,
    axis: Annotated[
        list[str] | None, typer.Option("--axis", help="An axis or a .toml file; repeatable.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="photos, or a pipeline: only pictures that it painted."),
    ] = None,
    n_resamples: Annotated[
        int, typer.Option("--n-resamples", help="Bootstrap over pictures, at least 20.")
    ] = 500,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page to this file.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Keep the profiles as columns.")] = False,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Say what pictures in the space hold rigid of a name, and what they leave free."""
    from namebasis.checks import check_count
    from namebasis.space import open_space
    from namebasis.studies.attributes.axis_files import load_axis

    refuse_existing(html, overwrite=overwrite)
    refuse_readonly(space, write)
    check_count(n_resamples, "n_resamples", 20)
    for one in axis or ():
        load_axis(one)
    opened = open_space(space)
    found = opened.picture_rigidity(
        names or None, where=where, axes=axis, source=source, n_resamples=n_resamples, seed=seed
    )
    told = []
    if html is not None:
        found.write_html(html, overwrite=overwrite)
        told.append(f"page written to {html}")
    if write:
        told.append(f"profiles of {found.write(opened):,} names written to {as_given(space)}")
    return Answer([found], found.to_dict, told)


def train_probe(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the probe is saved.")],
    axis: Annotated[str, typer.Option("--axis", help="An axis or a .toml file.")],
    encoder: Annotated[
        str, typer.Option("--encoder", help="Of images, such as hf:facebook/dinov2-base.")
    ],
    folder: Annotated[Path, typer.Option("--folder", help="For the images it is made of.")],
    pipeline: Pipeline,
    n_names: Annotated[int, typer.Option("--n-names", help="Made-up names, at least 8.")] = 24,
    n_images: Annotated[
        int, typer.Option("--n-images", "-n", help="Images per name and value.")
    ] = 2,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    batch_size: BatchSize = 8,
    seed: options.Seed = 0,
    device: options.Device = None,
    dtype: DType = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    no_header: options.NoHeader = False,
    quiet: options.Quiet = False,
) -> None:
    """Train and score a linear probe on images of made-up names."""
    from namebasis.checks import check_count
    from namebasis.encoders.registry import check_sees, load_encoder
    from namebasis.validation.extractors.probe_training import check_training, probe_for
    from namebasis.validation.pictures.pipelines import check_pipeline, load_pipeline

    check_pipeline(pipeline, dtype)
    refuse_existing(file, overwrite=overwrite)
    refuse_folder(folder)
    check_training(axis, n_names, n_images)
    check_count(batch_size, "batch_size")
    how = _options(steps, guidance, size)
    check_sees(encoder)
    loaded = load_pipeline(pipeline, device=device, dtype=dtype)
    seeing = load_encoder(encoder, device=device)
    with nullcontext() if quiet else progress_bar("painting", "images") as progress:
        probe = probe_for(
            axis, loaded, seeing, folder, n_names=n_names, n_images=n_images,
            options=how, seed=seed, batch_size=batch_size, progress=progress,
        )  # fmt: skip
    probe.save(file, overwrite=overwrite)
    facts = {
        "axis": probe.attribute.name,
        "balanced accuracy, held-out names": probe.held_out,
        "by chance": probe.chance,
        "images": probe.n_images,
        "held out": probe.n_held_out,
    }
    note(f"probe saved to {file}; use it with --extractor probe:{file}")
    if as_json:
        print_json(facts)
        return
    print_table("", ("what", "value"), facts.items(), header=not no_header)


app.command(
    "generate",
    epilog="Example: namebasis validate generate my.space new-images Vicki -n 1 --n-made-up 0 "
    "--pipeline organism",
)(generate)
app.command("report", epilog="Example: namebasis validate report my.space images --extractor skin")(
    report
)
app.command(
    "rigidity", epilog="Example: namebasis validate rigidity my.space --axis age --axis gender"
)(rigidity)
app.command(
    "train-probe",
    epilog="Example: namebasis validate train-probe hair.safetensors --axis hair_length "
    "--encoder hf:my-clip --folder probe-images --n-names 8 -n 1 --pipeline diffusers:my-pipeline",
)(train_probe)
