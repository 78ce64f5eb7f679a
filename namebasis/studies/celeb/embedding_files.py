"""Points of a celeb basis as textual inversions, which image tools read as a word of a prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from namebasis.atomic import check_folder_place, check_place, replacing_file
from namebasis.studies.celeb.points import Point

FORMS = ("a1111", "diffusers")
_SUFFIX = ".safetensors"
_SECOND = "#text_encoder_2"


def check_export(path: Path, form: str, word: str | None, *, overwrite: bool = False) -> None:
    """Refuse a file that cannot be written, before anything is computed.

    Raises
    ------
    ValueError
        If there is no such form, the word holds a space or, of AUTOMATIC1111's form, is not the
        file's name, or the file is none of safetensors.
    SpaceError
        If it exists and may not be replaced, or its folder cannot be written to.
    """
    _check_words(form, path.stem if word is None else word)
    if form == "a1111" and word not in (None, path.stem):
        raise ValueError(
            f"of the form a1111 the file's name is the word; write {word}{_SUFFIX}, or take the "
            "form diffusers, which holds the word."
        )
    if path.suffix != _SUFFIX:
        raise ValueError(f"a textual inversion is written as {_SUFFIX}; got {path.name!r}.")
    check_place(path, overwrite)


def check_exports(folder: Path, form: str, word: str | None) -> None:
    """As `check_export`, of the folder of several.

    Raises
    ------
    ValueError, SpaceError
    """
    _check_words(form, word or folder.resolve().name)
    check_folder_place(folder)


def _check_words(form: str, word: str) -> None:
    if form not in FORMS:
        raise ValueError(f"a textual inversion is of the form {' or '.join(FORMS)}; got {form!r}.")
    if not re.fullmatch(r"\S+", word):
        raise ValueError(f"the word of a point holds no space and is not empty; got {word!r}.")


def write_embedding(
    point: Point,
    path: str | Path,
    *,
    form: str = "a1111",
    word: str | None = None,
    encoder: str = "",
    overwrite: bool = False,
) -> str:
    """Write a point as a textual inversion.

    Parameters
    ----------
    point : Point
    path : str or Path
        Ends in .safetensors.
    form : {"a1111", "diffusers"}
        AUTOMATIC1111's and ComfyUI's, whose word is the file's name, or diffusers', which holds
        the word. Both are read by `--embedding` and by diffusers' `load_textual_inversion`.
    word : str, optional
        What stands for the point in a prompt; by default the file's name without its suffix.
    encoder : str
        Spec of the encoder; the second one of XL has a key of its own in AUTOMATIC1111's form.
    overwrite : bool

    Returns
    -------
    str
        The word.

    Raises
    ------
    ValueError, SpaceError
        As `check_export`.
    """
    from safetensors.numpy import save

    path = Path(path)
    check_export(path, form, word, overwrite=overwrite)
    key = "clip_g" if encoder.partition("+")[0].endswith(_SECOND) else "emb_params"
    said = path.stem if word is None else word
    content = save({said if form == "diffusers" else key: np.ascontiguousarray(point.rows)})
    with replacing_file(path, overwrite) as stream:
        stream.write(content)
    return said


def write_embeddings(
    points: Sequence[Point],
    folder: str | Path,
    *,
    form: str = "a1111",
    word: str | None = None,
    encoder: str = "",
    overwrite: bool = False,
) -> list[str]:
    """Write points as textual inversions ``WORD-1.safetensors``, ``WORD-2.safetensors``, ….

    Parameters
    ----------
    points, form, encoder, overwrite
        See `write_embedding`.
    folder : str or Path
        Made where it is missing.
    word : str, optional
        By default the folder's name.

    Returns
    -------
    list of str
        The words.

    Raises
    ------
    ValueError, SpaceError
        As `check_export`; nothing is then written.
    """
    folder = Path(folder)
    check_exports(folder, form, word)
    folder.mkdir(parents=True, exist_ok=True)
    stem = word or folder.resolve().name
    paths = [folder / f"{stem}-{number}{_SUFFIX}" for number in range(1, len(points) + 1)]
    for path in paths:
        check_export(path, form, word, overwrite=overwrite)
    return [
        write_embedding(
            point, path, form=form, encoder=encoder, overwrite=overwrite
        )
        for point, path in zip(points, paths, strict=True)
    ]  # fmt: skip
