"""The part of a training that is shipped: its last model in half precision, and the truth.

Of a painter, the pipeline and what its training was, without what it takes to go on.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from namebasis.atomic import write_text
from namebasis.errors import NamebasisError
from namebasis.organism import run_folder
from namebasis.organism.model import no_bars
from namebasis.pretrained import read_pretrained

if TYPE_CHECKING:
    import pyarrow as pa

TRAJECTORIES, CROSSINGS = "trajectories.parquet", "crossings.parquet"
WEIGHT_EVIDENCE = "weight_evidence.parquet"
COLUMNS = (
    "name", "kind", "step", "exposures", "phase", "own_score", "own_length", "coarse", "fine",
    "capture", "margin", "leakage", "interaction", "displacement_ratio",
    "hold", "captured", "seen_rank", "seen_margin", "seen_own", "elsewhere_margin",
    "picture_margin",
)  # fmt: skip
"""What is kept of the table of `formation`."""
PAINTER = ("model_index.json", "unet", "scheduler", "text_encoder", "tokenizer")
"""What makes up a painter, as diffusers writes it."""
_SMALL = ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json")


def pack(run: str | Path, folder: str | Path) -> int:
    """Copy the last checkpoint of a finished training, as float16, and its truth.

    Parameters
    ----------
    run : str or Path
        What `train` wrote.
    folder : str or Path
        Made if it is not there; files of the same names are replaced.

    Returns
    -------
    int
        Bytes of the weights.

    Raises
    ------
    NamebasisError
        If the training is not finished, or is to be packed into itself.
    """
    source, target = Path(run), Path(folder)
    _check_apart(source, target)
    told = run_folder.read_run(source)
    last = told["settings"]["n_steps"]
    step = run_folder.step_folder(source, last)
    if not step.is_dir():
        raise NamebasisError(
            f"{source}: the training has not come to its step {last}; go on first."
        )
    import torch
    from transformers import CLIPModel

    target.mkdir(parents=True, exist_ok=True)
    with no_bars():
        model = read_pretrained(CLIPModel, step, use_safetensors=True, dtype=torch.float16)
        model.save_pretrained(target)
    for name in _SMALL:
        shutil.copyfile(step / name, target / name)
    for name in (run_folder.WORLD, run_folder.RUN):
        shutil.copyfile(source / name, target / name)
    return (target / "model.safetensors").stat().st_size


def pack_painter(painter: str | Path, folder: str | Path, *, fingerprint: str) -> int:
    """Copy a finished painter without the state of its training.

    Parameters
    ----------
    painter : str or Path
        What `train_painter` wrote: its weights are in half precision already.
    folder : str or Path
        Made if it is not there; a painter in it is replaced, other files stay.
    fingerprint : str
        Of the pipeline, as `validation.pipelines.fingerprint_of_files` says it; kept in
        ``painter.json``.

    Returns
    -------
    int
        Bytes of the files.

    Raises
    ------
    NamebasisError
        If there is no painter, its training is not finished, or it is to be packed into itself.
    """
    from namebasis.organism.painter.folder import ABOUT, read_painter

    source, target = Path(painter), Path(folder)
    about = read_painter(source)
    _check_apart(source, target)
    last = about["settings"]["n_steps"]
    if about["step"] != last:
        raise NamebasisError(
            f"{source}: the training has not come to its step {last}; go on first."
        )
    target.mkdir(parents=True, exist_ok=True)
    for name in PAINTER:
        if (source / name).is_dir():
            shutil.rmtree(target / name, ignore_errors=True)
            shutil.copytree(source / name, target / name)
        else:
            shutil.copyfile(source / name, target / name)
    kept = json.dumps({**about, "fingerprint": fingerprint}, indent=1)
    write_text(target / ABOUT, kept + "\n")
    files = [path for name in (*PAINTER, ABOUT) for path in _files(target / name)]
    return sum(path.stat().st_size for path in files)


def _check_apart(source: Path, target: Path) -> None:
    """A training among other files could not go on."""
    if source.resolve() == target.resolve():
        raise NamebasisError(f"{target} holds the training itself. Give another folder.")


def _files(path: Path) -> list[Path]:
    return [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]


def write_trajectories(
    table: pa.Table, crossings: pa.Table, folder: str | Path, weights: pa.Table | None = None
) -> None:
    """Keep the columns that matter of a table of trajectories, and its crossings, as float32.

    Parameters
    ----------
    table, crossings : Table
        As `Formation.to_arrow` and `Formation.crossings_to_arrow` make them.
    folder : str or Path
    weights : Table, optional
        Evidence in weights with its null, as `WeightEvidence.with_null_to_arrow` makes it.
    """
    there = [name for name in COLUMNS if name in table.column_names]
    _write(table.select(there), Path(folder) / TRAJECTORIES)
    _write(crossings, Path(folder) / CROSSINGS)
    if weights is not None:
        _write(weights, Path(folder) / WEIGHT_EVIDENCE)


def _write(table: pa.Table, file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [
        pa.field(field.name, pa.float32() if pa.types.is_floating(field.type) else field.type)
        for field in table.schema
    ]
    # The bytes of a float are packed more closely apart: those of one place are alike.
    floats = [field.name for field in fields if pa.types.is_floating(field.type)]
    pq.write_table(
        table.cast(pa.schema(fields)), file, compression="zstd", compression_level=19,
        use_byte_stream_split=floats,
        use_dictionary=[field.name for field in fields if field.name not in floats],
    )  # fmt: skip
