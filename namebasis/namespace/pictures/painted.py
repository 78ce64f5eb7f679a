"""What a picture that was painted here says of itself: a key in the PNG file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from namebasis.encoders.image_archives import open_picture
from namebasis.namespace.pictures.schema import PHOTO
from namebasis.reading import parse_json
from namebasis.wording import visible

KEY = "namebasis"
_LONGEST = 20_000  # characters of a prompt, more than any pipeline reads


def read_about(path: Path, *, whole: bool = True) -> dict[str, Any] | None:
    """What was written into a painted file; None for one made elsewhere, or a broken one.

    Parameters
    ----------
    path : Path
    whole : bool
        Decode the picture, which finds a broken one; else only its head is read.
    """
    from PIL import Image as Pillow

    try:
        with open_picture(path) as content, Pillow.open(content) as image:
            if whole:
                image.load()
            known = parse_json(image.info[KEY], path)
    except Exception:  # decoders raise every type on damaged bytes; such a file is made again
        return None
    return known if isinstance(known, dict) and _is_whole(known) else None


def _is_whole(about: Mapping[str, Any]) -> bool:
    """Whether a description is one of ours: any program may write such a key."""
    texts = [about.get(key) for key in ("name", "prompt", "source")]
    texts += [about[key] for key in ("fingerprint", "context") if about.get(key) is not None]
    seed = about.get("seed")
    return (
        all(isinstance(text, str) and len(text) <= _LONGEST for text in texts)
        and all(visible(str(text), keep="\n\t") == text for text in texts)
        and isinstance(seed, int)
        and not isinstance(seed, bool)
        and 0 <= seed < 2**63  # as the store of pictures holds it
        and isinstance(about.get("is_blank"), bool)
    )


def provenance_of(about: Mapping[str, Any] | None) -> dict[str, Any]:
    """Columns of the store of pictures for what a file says of itself; a photo says nothing."""
    if about is None:
        nothing = dict.fromkeys(("pipeline", "prompt", "seed", "context"))
        return {"source": PHOTO, **nothing, "is_blank": False}
    return {
        "source": about.get("fingerprint") or about["source"],
        "pipeline": about["source"],
        "prompt": about["prompt"],
        "seed": about["seed"],
        "context": about.get("context") or context_of(about["prompt"], about["name"]),
        "is_blank": about["is_blank"],
    }


def context_of(prompt: str | None, name: str) -> str | None:
    """The prompt with ``{}`` for the name; None where the name is not in it once."""
    return None if prompt is None or prompt.count(name) != 1 else prompt.replace(name, "{}")
