"""Commands of a celeb basis: fit, coefficients, morph, compose, invert, mine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.output import late_bar
from namebasis.cli.outputs import refuse_existing
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.results import Result
    from namebasis.studies.celeb.points import Point
    from namebasis.studies.celeb.study import CelebBasis

app = typer.Typer(
    help="Make names that nobody is spelled like: points in the basis of the names' pieces.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Basis = Annotated[
    Path | None,
    typer.Option(
        "--basis", help="A file that celeb fit wrote; by default one is fitted to all names."
    ),
]
Positions = Annotated[
    int | None,
    typer.Option("--positions", help="Without --basis: pieces of a name that count; by default 2."),
]
Form = Annotated[
    str,
    typer.Option(
        "--form",
        help="Of the textual inversion: a1111 (also ComfyUI's; the file's name is the word) or "
        "diffusers (holds the word).",
    ),
]
Word = Annotated[
    str | None,
    typer.Option("--word", help="What stands for it in a prompt; by default the file's name."),
]


Pipeline = Annotated[
    str | None,
    typer.Option(
        "--pipeline",
        help="Paints --strip: organism, diffusers:REPO-or-folder or sd:MODEL.safetensors, with the "
        "space's own text encoder.",
    ),
]
Template = Annotated[
    str, typer.Option("--template", help="What is painted; holds {} where the point goes.")
]
Denoising = Annotated[
    int | None, typer.Option("--denoising-steps", help="Steps in which a picture is painted.")
]
Guidance = Annotated[float | None, typer.Option("--guidance", help="Guidance scale.")]
_TEMPLATE = "a photo of {}"


@dataclass(frozen=True)
class _Strip:
    """Pictures that are asked for beside an answer.

    Raises
    ------
    ValueError, EncoderError, SpaceError
        If the request cannot be met, before anything is loaded.
    """

    pipeline: str | None
    file: Path | None
    template: str
    how: tuple[int | None, float | None]
    seed: int
    device: str | None
    overwrite: bool

    def __post_init__(self) -> None:
        if (self.file is None) != (self.pipeline is None):
            raise ValueError("a strip needs both --pipeline SPEC and --strip FILE.png.")
        if self.pipeline is None or self.file is None:
            return
        from namebasis.encoders.base import check_template
        from namebasis.validation.pictures.pipelines import PaintOptions, check_pipeline

        check_template(self.template)
        PaintOptions(*self.how)
        if self.file.suffix != ".png":
            raise ValueError(f"a strip is written as .png; got {self.file.name!r}.")
        refuse_existing(self.file, overwrite=self.overwrite)
        check_pipeline(self.pipeline)

    def paint(self, basis: CelebBasis, points: Sequence[Point]) -> list[str]:
        """Paint points; return what is said of it."""
        if self.pipeline is None or self.file is None:
            return []
        from namebasis.validation.pictures.pipelines import PaintOptions, load_pipeline
        from namebasis.validation.pictures.points import paint_points, write_strip

        images = paint_points(
            load_pipeline(self.pipeline, device=self.device), basis.encoder,
            [point.rows for point in points], self.template, seed=self.seed,
            options=PaintOptions(*self.how),
        )  # fmt: skip
        write_strip(images, self.file, overwrite=self.overwrite)
        return [f"{counted(len(images), 'picture')} of one seed painted to {self.file}"]


def basis_of(space: Path, file: Path | None, positions: int | None) -> CelebBasis:
    """The basis in a file, or one that is fitted to the names of a space."""
    from namebasis.space import open_space

    if file is not None and positions is not None:
        raise ValueError("--positions is of a new basis; --basis gives one. Leave one out.")
    return open_space(space).celeb_basis(file, n_positions=2 if positions is None else positions)


@answers
def fit(
    space: options.SpacePath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The basis, .safetensors.")],
    where: options.Where = None,
    positions: Annotated[
        int, typer.Option("--positions", help="Pieces of a name that count, from the first on.")
    ] = 2,
    max_components: Annotated[
        int, typer.Option("--max-components", help="The most components of each position.")
    ] = 512,
    automatic_filter: Annotated[
        bool, typer.Option("--automatic-filter", help="Fit to names of measured identity.")
    ] = False,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
) -> Answer:
    """Fit a basis to the pieces that names are written with, and save it."""
    if file.suffix != ".safetensors":
        raise ValueError(f"a basis is written as .safetensors; got {file.name!r}.")
    refuse_existing(file, overwrite=overwrite)
    from namebasis.space import open_space
    from namebasis.studies.celeb.answers import fitted

    found = open_space(space).celeb_basis(
        where=where, n_positions=positions, max_components=max_components,
        automatic_filter=automatic_filter, seed=seed,
    )  # fmt: skip
    found.save(file, overwrite=overwrite)
    return Answer([fitted(found)], told=[f"basis saved to {file}"])


@answers
def coefficients(
    space: options.SpacePath,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names; they need not be stored.")
    ],
    basis_file: Basis = None,
    positions: Positions = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Components to show for each piece.")] = 8,
) -> Sequence[Result]:
    """Show where names lie along the components of their pieces."""
    basis = basis_of(space, basis_file, positions)
    return [basis.coefficients(name, k=k) for name in names]


@answers
def morph(
    space: options.SpacePath,
    start: Annotated[str, typer.Argument(metavar="A", help="The name to begin with.")],
    end: Annotated[str, typer.Argument(metavar="B", help="The name to end with.")],
    basis_file: Basis = None,
    positions: Positions = None,
    steps: Annotated[int, typer.Option("--steps", help="Points, the ends included.")] = 9,
    k: Annotated[int, typer.Option("-k", min=1, help="Names to give at each point.")] = 3,
    where: options.Where = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write every point as a textual inversion to this folder."),
    ] = None,
    form: Form = "a1111",
    word: Word = None,
    pipeline: Pipeline = None,
    strip: Annotated[
        Path | None, typer.Option("--strip", help="Paint the points side by side to this .png.")
    ] = None,
    template: Template = _TEMPLATE,
    denoising_steps: Denoising = None,
    guidance: Guidance = None,
    seed: options.Seed = 0,
    device: options.Device = None,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Walk from one name to another through their pieces, and name who lies on the way."""
    from namebasis.studies.celeb.embedding_files import check_exports, write_embeddings

    asked = _Strip(pipeline, strip, template, (denoising_steps, guidance), seed, device, overwrite)
    if export is not None:
        check_exports(export, form, word)
    found = (basis := basis_of(space, basis_file, positions)).morph(
        start, end, n_steps=steps, k=k, where=where
    )
    told = []
    if export is not None:
        words = write_embeddings(
            found.points, export, form=form, word=word, encoder=basis.encoder.spec,
            overwrite=overwrite,
        )  # fmt: skip
        told = [f"{len(words)} textual inversions written to {export}: {words[0]} … {words[-1]}"]
    told += asked.paint(basis, found.points)
    return Answer([found], told=told)


@answers
def compose(
    space: options.SpacePath,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="COMPONENT=NUMBER",
            help="A coefficient in standard deviations: 3=+1.5 of the first piece, 2.3=-1 of the "
            "second; repeatable.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="A name whose other coefficients stay; by default the mean."),
    ] = None,
    basis_file: Basis = None,
    positions: Positions = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many names to show.")] = 8,
    where: options.Where = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the point as a textual inversion, .safetensors."),
    ] = None,
    form: Form = "a1111",
    word: Word = None,
    pipeline: Pipeline = None,
    strip: Annotated[
        Path | None,
        typer.Option("--strip", help="Paint what it began with and the point to this .png."),
    ] = None,
    template: Template = _TEMPLATE,
    denoising_steps: Denoising = None,
    guidance: Guidance = None,
    seed: options.Seed = 0,
    device: options.Device = None,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Make a point by its coefficients, and name who lies nearest."""
    from namebasis.studies.celeb.embedding_files import check_export, write_embedding
    from namebasis.studies.celeb.points import read_settings

    wanted = read_settings(settings or ())
    if not wanted and start is None:
        raise ValueError("nothing to compose: give --set COMPONENT=NUMBER, --from NAME, or both.")
    asked = _Strip(pipeline, strip, template, (denoising_steps, guidance), seed, device, overwrite)
    if export is not None:
        check_export(export, form, word, overwrite=overwrite)
    found = (basis := basis_of(space, basis_file, positions)).compose(
        wanted, start=start, k=k, where=where
    )
    told = []
    if export is not None:
        said = write_embedding(
            found.point, export, form=form, word=word, encoder=basis.encoder.spec,
            overwrite=overwrite,
        )  # fmt: skip
        told = [f"textual inversion written to {export}; its word is {said}"]
    told += asked.paint(basis, [found.begun, found.point] if wanted else found.points)
    return Answer([found], told=told)


@answers
def invert(
    space: options.SpacePath,
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO...", help="Photos of one person: files, or folders of them."),
    ],
    basis_file: Basis = None,
    positions: Positions = None,
    steps: Annotated[int, typer.Option("--steps", help="The most steps of the gradient.")] = 300,
    n_views: Annotated[
        int,
        typer.Option("--n-views", help="Other views of each photo, which say when to stop."),
    ] = 4,
    n_names: Annotated[
        int, typer.Option("--n-names", "-n", help="The most names in the prompt beside.")
    ] = 4,
    k: Annotated[int, typer.Option("-k", min=1, help="How many names to show.")] = 8,
    where: options.Where = None,
    deny: options.Deny = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the point as a textual inversion, .safetensors."),
    ] = None,
    form: Form = "a1111",
    word: Word = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Answer:
    """Fit a point to photos of one person; the best prompt of names stands beside it."""
    from namebasis.encoders.image_files import list_images
    from namebasis.studies.celeb.embedding_files import check_export, write_embedding

    if export is not None:
        check_export(export, form, word, overwrite=overwrite)
    files = [file for one in photos for file in (list_images(one) if one.is_dir() else [one])]
    basis = basis_of(space, basis_file, positions)
    with nullcontext() if quiet else late_bar("inverting", "steps") as progress:
        found = basis.invert(
            files, n_steps=steps, n_views=n_views, n_names=n_names, k=k, where=where,
            deny=deny or (), seed=seed, progress=progress,
        )  # fmt: skip
    told = []
    if export is not None:
        said = write_embedding(
            found.point, export, form=form, word=word, encoder=basis.encoder.spec,
            overwrite=overwrite,
        )  # fmt: skip
        told = [f"textual inversion written to {export}; its word is {said}"]
    return Answer([found], told=told)


@answers
def mine(
    space: options.SpacePath,
    components: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMPONENT]...",
            help="3 of the first piece, 2.3 of the second; by default the first of each.",
        ),
    ] = None,
    basis_file: Basis = None,
    positions: Positions = None,
    n_components: Annotated[
        int, typer.Option("--n-components", help="Without COMPONENT: how many of each piece.")
    ] = 4,
    phrases: Annotated[
        str | None,
        typer.Option("--phrases", help="A .toml or .txt of phrases; by default as describe has."),
    ] = None,
    n_starts: Annotated[
        int,
        typer.Option(
            "--n-starts", help="Names to find words with, and as many others to test them with."
        ),
    ] = 8,
    deviations: Annotated[
        float, typer.Option("--deviations", help="How far names are moved along a component.")
    ] = 2.0,
    k: Annotated[
        int, typer.Option("-k", min=1, help="The most phrases, and the most names, of an end.")
    ] = 3,
    where: options.Where = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Result:
    """Find phrases and names for the ends of components, and test them on unused prompts."""
    from namebasis.namespace.phrases.dictionary import load_phrases

    told = load_phrases(phrases or True)  # before a model is loaded
    basis = basis_of(space, basis_file, positions)
    with nullcontext() if quiet else late_bar("mining", "prompts") as progress:
        return basis.mine(
            components or (), n_components=n_components, phrases=told,
            n_starts=n_starts, deviations=deviations, k=k, where=where, seed=seed,
            progress=progress,
        )  # fmt: skip


app.command("fit", epilog="Example: namebasis celeb fit my.space my-basis.safetensors")(fit)
app.command("coefficients", epilog="Example: namebasis celeb coefficients my.space Vicki -k 4")(
    coefficients
)
app.command("morph", epilog="Example: namebasis celeb morph my.space Vicki Winona --steps 5")(morph)
app.command(
    "compose",
    epilog="Example: namebasis celeb compose my.space --from Vicki --set 3=+1.5 "
    "--export vicki.safetensors",
)(compose)
app.command(
    "invert", epilog="Example: namebasis celeb invert my.space images/Vicki/1.png --steps 20"
)(invert)
app.command("mine", epilog="Example: namebasis celeb mine my.space 1 --n-starts 2")(mine)
