"""Commands that compose names: basis, describe, paint, walk, anchors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.atomic import replacing_file
from namebasis.cli import options
from namebasis.cli.answers import Answer, answers
from namebasis.cli.clipboard import to_clipboard
from namebasis.cli.commands.ask import read_targets, say_unquoted
from namebasis.cli.output import (
    late_bar,
    note,
    print_json,
    progress_bar,
    say,
    show_beside,
)
from namebasis.cli.outputs import refuse_existing, refuse_readonly

if TYPE_CHECKING:
    from namebasis.results import Result


def asked_phrases(phrases: str | None) -> bool | str:
    """What `--phrases` asks for: nothing, the phrases at hand, or those of a file."""
    return phrases is not None and (phrases == "phrases" or phrases)


@answers
def basis(
    space: options.SpacePath,
    targets: options.Targets = None,
    n_names: Annotated[int, typer.Option("--n-names", "-n", help="How many names.")] = 5,
    where: options.Where = None,
    phrases: options.Phrases = None,
    deny: options.Deny = None,
    max_family: Annotated[
        int | None, typer.Option("--max-family", help="Maximum number of family names.")
    ] = None,
    minus: options.Minus = None,
    as_: options.As = None,
    signed: Annotated[bool, typer.Option("--signed", help="Allow negative weights.")] = False,
    method: Annotated[
        str, typer.Option("--method", help="omp, or lasso as SpLiCE does it.")
    ] = "omp",
    ridge: Annotated[
        float | None,
        typer.Option(
            "--ridge",
            help="Whiten with this ridge before selecting (try 1); recovers true parts more often.",
        ),
    ] = None,
    n_null: Annotated[
        int, typer.Option("--n-null", help="Random dictionaries to compare with; 0 for none.")
    ] = 200,
    n_resamples: Annotated[
        int,
        typer.Option(
            "--n-resamples", help="Resamples of names and of templates for stability; 0 for none."
        ),
    ] = 50,
    together: Annotated[
        bool, typer.Option("--together", help="Fit the mean of all targets, not each.")
    ] = False,
    view: options.View = "text",
    image: options.Image = None,
    vector: options.Vector = None,
    engine: options.Engine = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Sequence[Result]:
    """Find few names that add up to a target, and say whether chance does as well."""
    from namebasis.space import open_space
    from namebasis.studies.basis import study

    opened = open_space(space, engine=engine)
    wanted = read_targets(targets, image, vector)
    say_unquoted(opened, targets)
    opened.check_targets(wanted, view=view, as_=as_)
    asked = [wanted] if together and len(wanted) > 1 else wanted
    with nullcontext() if quiet else late_bar("controls and resamples", "fits") as progress:
        return [
            study.fit(
                opened,
                target,
                n_names,
                where=where,
                phrases=asked_phrases(phrases),
                deny=deny or (),
                max_family=max_family,
                nonnegative=not signed,
                minus=minus or (),
                view=view,
                as_=as_,
                method=method,
                ridge=ridge,
                n_null=n_null,
                n_resamples=n_resamples,
                seed=seed,
                progress=progress,
            )
            for target in asked
        ]


@answers
def describe(
    space: options.SpacePath,
    targets: options.Targets = None,
    n_phrases: Annotated[int, typer.Option("--n-phrases", "-n", help="How many phrases.")] = 4,
    phrases: Annotated[
        Path | None,
        typer.Option(
            "--phrases",
            help="Your own phrases, a .toml or .txt file; by default those that the space holds, "
            "or else the packaged ones.",
        ),
    ] = None,
    cluster: Annotated[
        int | None,
        typer.Option("--cluster", help="The names of this cluster, after topology --write."),
    ] = None,
    component: Annotated[
        int | None,
        typer.Option("--component", help="Both ends of this component, as walk numbers them."),
    ] = None,
    where: options.Where = None,
    as_: options.As = None,
    n_null: Annotated[
        int, typer.Option("--n-null", help="Random dictionaries to compare with; 0 for none.")
    ] = 200,
    n_resamples: Annotated[
        int,
        typer.Option("--n-resamples", help="Resamples of the phrases for stability; 0 for none."),
    ] = 50,
    image: options.Image = None,
    vector: options.Vector = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write what one target is in words as one page.")
    ] = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> Answer | Sequence[Result]:
    """Say names, texts, images, a cluster or a component in words, beside chance."""
    refuse_existing(html, overwrite=overwrite)
    from namebasis.space import open_space
    from namebasis.studies.describe import study

    opened = open_space(space)
    asked = {"cluster": cluster, "component": component, "where": where}
    if targets or image or vector:
        wanted = read_targets(targets, image, vector)
        say_unquoted(opened, targets)
        opened.check_targets(wanted, as_=as_)
    else:
        wanted = [None]
        if all(one is None for one in asked.values()):
            raise ValueError(
                "nothing to describe: give a name, a text, --image, --vector, --cluster, "
                "--component or --where."
            )
    if html is not None and len(wanted) > 1:
        raise ValueError(f"--html and --open show one target; got {len(wanted)}.")
    with nullcontext() if quiet else late_bar("controls and resamples", "fits") as progress:
        found = [
            study.describe(
                opened,
                target,
                n_phrases,
                phrases=True if phrases is None else phrases,
                cluster=cluster,
                component=component,
                where=where,
                as_=as_,
                n_null=n_null,
                n_resamples=n_resamples,
                seed=seed,
                progress=progress,
            )
            for target in wanted
        ]
    if html is None:
        return found
    found[0].write_html(html, overwrite=overwrite)
    return Answer(found, lambda: [found[0].to_dict()], [f"page written to {html}"])


def paint(
    space: options.SpacePath,
    targets: options.Targets = None,
    n_names: Annotated[int, typer.Option("--n-names", "-n", help="The most names.")] = 4,
    template: Annotated[
        str,
        typer.Option("--template", help="Holds {names}, and slots to choose for, such as {age}."),
    ] = "a photo of {names}",
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Longest prompt in tokens.")
    ] = None,
    syntax: Annotated[
        str,
        typer.Option(
            "--syntax",
            help="plain, a1111, a1111-alternate, comfyui, comfyui-average, compel, "
            "dynamicprompts or embedding-merge.",
        ),
    ] = "plain",
    encoders: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help="Fit this encoder too, under the same budget of tokens; may be repeated. Of a "
            "pipeline (diffusers:FOLDER, sd:FILE) all its CLIP text encoders.",
        ),
    ] = None,
    where: options.Where = None,
    deny: options.Deny = None,
    phrases: options.Phrases = None,
    max_names: Annotated[
        int | None,
        typer.Option("--max-names", help="Of a prompt with phrases, the most names; 0 for none."),
    ] = None,
    as_: options.As = None,
    negative: Annotated[
        bool, typer.Option("--negative", help="Look for the least similar prompt.")
    ] = False,
    with_negative: Annotated[
        bool,
        typer.Option(
            "--with-negative", help="Look for the least similar prompt too, the negative prompt."
        ),
    ] = False,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Run the greedy chain too, for comparison.")
    ] = False,
    beam: Annotated[int, typer.Option("--beam", help="Prompts kept at a time.")] = 8,
    candidates: Annotated[int, typer.Option("--candidates", help="Names to choose from.")] = 512,
    alternatives: Annotated[
        int, typer.Option("--alternatives", help="Distinct prompts to print, the best first.")
    ] = 1,
    workflow: Annotated[
        Path | None,
        typer.Option(
            "--workflow",
            help="Write a ComfyUI workflow of the best prompt, to be dropped into its window; "
            "a name in .api.json gets the form of its server. With syntax plain, comfyui or "
            "comfyui-average.",
        ),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy what is printed to the clipboard.")
    ] = False,
    overwrite: options.Overwrite = False,
    image: options.Image = None,
    vector: options.Vector = None,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Search for a prompt of names near the mean of the targets, re-encoding every step."""
    from namebasis.space import open_space
    from namebasis.studies.paint import study
    from namebasis.studies.paint.weights import check_workflow
    from namebasis.studies.paint.workflow import CHECKPOINT, as_text, form_of

    refuse_existing(workflow, overwrite=overwrite)
    if workflow:
        check_workflow(syntax)
    opened = open_space(space)
    wanted = read_targets(targets, image, vector)
    say_unquoted(opened, targets)
    with nullcontext() if quiet else progress_bar("painting") as progress:
        painting = study.paint(
            opened,
            wanted if len(wanted) > 1 else wanted[0],
            n_names,
            template=template,
            max_tokens=max_tokens,
            where=where,
            deny=deny or (),
            phrases=asked_phrases(phrases),
            max_names=max_names,
            as_=as_,
            negative=negative,
            with_negative=with_negative,
            baseline=baseline,
            beam=beam,
            candidates=candidates,
            syntax=syntax,
            encoders=encoders or (),
            alternatives=alternatives,
            seed=seed,
            progress=progress,
        )
    if as_json:
        print_json(painting.to_dict())
    else:
        say(painting.headline())  # the prompts alone on stdout, ready to be piped
        show_beside(painting)
    if workflow:
        made = as_text(painting.workflow(form_of(workflow)))
        with replacing_file(workflow, overwrite) as stream:
            stream.write(made.encode())
        note(f"workflow written to {workflow}; choose your checkpoint in its loader ({CHECKPOINT})")
    if copy:
        note(to_clipboard(painting.headline()))


@answers
def walk(
    space: options.SpacePath,
    along: Annotated[
        str,
        typer.Argument(
            metavar="ALONG",
            help="A component's number, an ordinal axis (age, hair_length …) or its file, or the "
            "start when --to is given.",
        ),
    ] = "1",
    to: Annotated[str | None, typer.Option("--to", help="Walk from ALONG to this text.")] = None,
    steps: Annotated[int, typer.Option("--steps", help="Positions on the way.")] = 7,
    span: Annotated[float, typer.Option("--span", help="Standard deviations each way.")] = 3.0,
    k: Annotated[int, typer.Option("-k", help="Names at each step.")] = 3,
    where: options.Where = None,
    columns: options.Columns = None,
    view: options.View = "text",
    as_: options.As = None,
    components: Annotated[
        Path | None, typer.Option("--components", help="A basis saved before (safetensors).")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Save the components (safetensors).")
    ] = None,
    automatic_filter: Annotated[
        bool,
        typer.Option("--automatic-filter", help="Fit components to names of measured identity."),
    ] = False,
    overwrite: options.Overwrite = False,
    save_pieces: Annotated[
        Path | None,
        typer.Option(
            "--save-pieces",
            help="Save the components of the names' first and second piece, as celeb fit does.",
        ),
    ] = None,
) -> Result:
    """Walk along a component or an axis and name who stands on the way."""
    from namebasis.analysis.sparse.components import Components
    from namebasis.space import open_space
    from namebasis.studies.basis import components as name_components
    from namebasis.studies.basis import walk as study

    refuse_existing(save, save_pieces, overwrite=overwrite)
    if to is None:
        study.check_along(along)
    opened = open_space(space)
    basis_of_names = Components.load(components) if components else None
    if basis_of_names is None and (save or automatic_filter):
        basis_of_names = name_components.fit_components(
            opened, view=view, where=where, automatic_filter=automatic_filter
        )
    if save and basis_of_names is not None:
        basis_of_names.save(save)
        note(f"components saved to {save}")
    if save_pieces:
        pieces = opened.celeb_basis(where=where, automatic_filter=automatic_filter)
        pieces.save(save_pieces, overwrite=overwrite)
        note(f"components of {len(pieces.positions)} piece positions saved to {save_pieces}")
    return study.walk(
        opened,
        along if to is None else (along, to),
        components=basis_of_names,
        view=view,
        where=where,
        as_=as_,
        n_steps=steps,
        span=span,
        names_per_step=k,
        columns=options.columns_of(columns),
    )


@answers
def anchors(
    space: options.SpacePath,
    n_names: Annotated[int, typer.Option("--n-names", "-n", help="Names in a code.")] = 8,
    k: Annotated[int, typer.Option("-k", min=1, help="How many anchors to show.")] = 20,
    where: options.Where = None,
    columns: options.Columns = None,
    view: options.View = "text",
    engine: options.Work = "local",
    ray_address: options.RayAddress = None,
    actors: options.Actors = None,
    write: Annotated[
        bool, typer.Option("--write", help="Store anchor_rank and own_residual in the space.")
    ] = False,
    quiet: options.Quiet = False,
) -> Answer:
    """Code every name by the others: which names are the rest made of? Minutes for 60,000."""
    from namebasis.namespace.actors.cluster import RayCluster, check_engine
    from namebasis.space import open_space
    from namebasis.studies.basis import anchors as study

    check_engine(engine, RayCluster(ray_address, actors))
    refuse_readonly(space, write)
    opened = open_space(space)
    with nullcontext() if quiet else late_bar("anchors") as progress:
        found = study.report(
            opened, n_names, where=where, view=view, columns=options.columns_of(columns),
            engine=engine, n_actors=actors, address=ray_address, progress=progress,
        )  # fmt: skip
    if write:
        found.write(opened)
    return Answer([replace(found, n_shown=k)], lambda: found.to_dict()["anchors"][:k])
