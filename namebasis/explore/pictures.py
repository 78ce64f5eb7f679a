"""Pictures of a name by the text-to-image model that a space belongs to; kept in the space."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

from namebasis.checks import Progress
from namebasis.errors import NamebasisError
from namebasis.namespace.search.kept_answers import find_answer, keep_answer
from namebasis.reading import UnreadableError, parse_json, read_bytes
from namebasis.space import Space

KIND = "pictures"
N_PICTURES = 4
_FORMAT = 1  # of what is kept
_ORGANISM = "organism"


def painter_of(space: Space) -> str | None:
    """The pipeline that a space's encoder is part of, as `load_pipeline` takes it; None of others.

    Only the packaged organism and folders of diffusers paint: a repository of a hub would be
    fetched for a click.
    """
    spec = space.provenance.encoder
    if spec == _ORGANISM:
        return _ORGANISM
    folder = Path(spec.removeprefix("diffusers:"))
    is_pipeline = spec.startswith("diffusers:") and (folder / "model_index.json").is_file()
    return spec if is_pipeline else None


def kept_pictures(space: Space, name: str) -> list[dict[str, Any]] | None:
    """Pictures that were made before: `image` (a data URL), `prompt` and `seed` of each."""
    answer = find_answer(space, KIND, _question(name))
    if answer is None:
        return None
    try:
        return list(parse_json(answer.data, "kept pictures"))
    except (UnreadableError, TypeError):
        return None  # a cache that is damaged costs time alone


def make_pictures(space: Space, name: str, progress: Progress) -> list[dict[str, Any]]:
    """Paint a stored name in a few noises, and keep the pictures.

    Raises
    ------
    TargetError
        If the name is not stored.
    NamebasisError
        If the space belongs to no model that paints, or that cannot be loaded.
    """
    from namebasis.validation.pictures.generation import generate
    from namebasis.validation.pictures.pipelines import load_pipeline

    space.rows_of([name])
    kept = kept_pictures(space, name)
    if kept is not None:
        return kept
    painter = painter_of(space)
    if painter is None:
        raise NamebasisError(
            f"{space.provenance.encoder} paints no pictures; spaces of the organism and of a "
            "folder of diffusers do."
        )
    pipeline = load_pipeline(painter)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(N_PICTURES):
            # A picture at a time, so that each is seen, and the work can stop, as soon as it is.
            progress(seed, N_PICTURES, list(found))  # type: ignore[call-arg]
            made = generate(pipeline, [name], folder, n_images=1, seed=seed, overwrite=True)
            (picture,) = made.images
            data = base64.b64encode(read_bytes(picture.path)).decode()
            found.append(
                {"image": f"data:image/png;base64,{data}", "prompt": picture.prompt, "seed": seed}
            )
    keep_answer(space, KIND, _question(name), json.dumps(found).encode())
    return found


def _question(name: str) -> list[object]:
    return [_FORMAT, name, N_PICTURES]
