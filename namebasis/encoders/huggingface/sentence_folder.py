"""What sentence-transformers' files in a folder say beside the model: pooling, prompt, limits.

Whatever they ask for is done as the library does it, or refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from namebasis.errors import EncoderError
from namebasis.reading import read_json

_PLAIN_MODULES = ("Transformer", "Pooling", "Normalize")
_LIBRARY = "sentence_transformers."
_SETTINGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Names of the settings of the text model; the library reads the first that is there."""
_PLAIN_SETTINGS: Mapping[str, tuple[object, ...]] = {
    "transformer_task": (None, "feature-extraction"),
    "module_output_name": (None, "token_embeddings"),
    "processing_kwargs": (None, {}),
    "query_length": (None,),
    "document_length": (None,),
}


@dataclass(frozen=True)
class SentenceFolder:
    """How texts become rows.

    Attributes
    ----------
    folder : Path
        Of the text model and its tokenizer.
    pooling : str
        "mean" or "cls".
    prompt : str
        Put before every text.
    pools_prompt : bool
        Whether the prompt's positions are pooled.
    lowers : bool
        Texts are lower-cased before the tokenizer's own rules.
    longest : int or None
        Tokens that a text may have, special ones included.
    width : int or None
        Numbers of a row that are kept, the first ones; None for all.
    is_sentence : bool
        Whether the folder lists its modules.
    """

    folder: Path
    pooling: str = "mean"
    prompt: str = ""
    pools_prompt: bool = True
    lowers: bool = False
    longest: int | None = None
    width: int | None = None
    is_sentence: bool = False


def read_sentence_folder(folder: Path) -> SentenceFolder:
    """Read what sentence-transformers wrote into a folder; of another one, the defaults.

    Raises
    ------
    EncoderError
        If it asks for something that is not done here: another pooling, layers behind it, modules
        of its own, other settings of the text model.
    """
    found, pooling = SentenceFolder(folder), folder / "1_Pooling"
    if (folder / "modules.json").is_file():
        modules = read_json(folder / "modules.json")
        if not _is_list_of_modules(modules):
            raise EncoderError(f"{folder}: modules.json is no list of modules.")
        kinds = [str(module["type"]) for module in modules]
        path = str(modules[0].get("path", ""))
        if _is_clip(kinds) or _is_bare_clip(folder, kinds, path):
            return _clip_folder(folder, path)
        _check_modules(folder, kinds)
        place = _inside(folder, modules[0].get("path", ""))
        pooling = _inside(folder, modules[1].get("path", ""))
        found = replace(found, folder=place, is_sentence=True, prompt=_prompt(folder))
        found = replace(found, width=_width(folder))
    config = _table(pooling / "config.json")
    found = replace(
        found,
        pooling=_pooling(folder, config),
        pools_prompt=bool(config.get("include_prompt", True)),
    )
    return _with_settings(found)


def _is_list_of_modules(modules: object) -> bool:
    return (
        isinstance(modules, list)
        and len(modules) > 0
        and all(isinstance(m, dict) and isinstance(m.get("type"), str) for m in modules)
        and all(isinstance(m.get("path", ""), str) for m in modules)
    )


def _is_clip(kinds: Sequence[str]) -> bool:
    """Whether the modules are a CLIP of both halves, as in clip-ViT-B-32, normalised or not."""
    plain = [kind.rpartition(".")[2] for kind in kinds if kind.startswith(_LIBRARY)]
    return len(plain) == len(kinds) and plain[0] == "CLIPModel" and set(plain[1:]) <= {"Normalize"}


def _is_bare_clip(folder: Path, kinds: Sequence[str], path: str) -> bool:
    """Whether the modules are a CLIP of both halves as sentence-transformers 6 writes it."""
    plain = [kind.rpartition(".")[2] for kind in kinds if kind.startswith(_LIBRARY)]
    if len(plain) != len(kinds) or plain[0] != "Transformer" or set(plain[1:]) - {"Normalize"}:
        return False
    place = _inside(folder, path)
    # SigLIP is trained on texts of full width, to which the library does not pad them.
    if _table(place / "config.json").get("model_type") != "clip":
        return False
    said = _table(place / _SETTINGS[0])
    text = {"method": "get_text_features", "method_output_name": "pooler_output"}
    modalities = said.get("modality_config")
    return (
        isinstance(modalities, dict)
        and modalities.get("text") == text
        and said.get("module_output_name") == "sentence_embedding"
        and said.get("processing_kwargs") in (None, {})
        and said.get("max_seq_length") is None
    )


def _clip_folder(folder: Path, path: str) -> SentenceFolder:
    place = _inside(folder, path)
    if _prompt(folder):
        raise EncoderError(
            f"{folder}: its default prompt stands before a CLIP's texts, which is not known. Give "
            f"{place} and write the prompt into the templates."
        )
    return SentenceFolder(place, width=_width(folder))


def _check_modules(folder: Path, kinds: Sequence[str]) -> None:
    for kind in kinds:
        name = kind.rpartition(".")[2]
        if not kind.startswith(_LIBRARY) or name not in _PLAIN_MODULES:
            shown = name if kind.startswith(_LIBRARY) else kind
            raise EncoderError(f"{folder}: its module {shown} behind the text model is not known.")
    order = [kind.rpartition(".")[2] for kind in kinds]
    if order[:2] != ["Transformer", "Pooling"] or set(order[2:]) - {"Normalize"}:
        raise EncoderError(
            f"{folder}: its modules are {', '.join(order)}; known are Transformer, Pooling and "
            "Normalize, in this order."
        )


def _inside(folder: Path, part: str) -> Path:
    place = (folder / part).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise EncoderError(f"{folder}: its module at {part!r} lies outside the folder.")
    return place


def _table(path: Path) -> dict[str, Any]:
    known = read_json(path) if path.is_file() else {}
    if not isinstance(known, dict):
        raise EncoderError(f"{path} is no table of settings.")
    return known


def _pooling(folder: Path, config: Mapping[str, Any]) -> str:
    said = config.get("pooling_mode", ())
    modes = {str(mode) for mode in ([said] if isinstance(said, str) else said)}
    modes |= {
        key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value is True
    }
    if modes - {"mean", "cls"} or len(modes) > 1:
        raise EncoderError(f"{folder}: its pooling {sorted(modes)} is not known; mean and cls are.")
    return modes.pop() if modes else "mean"


def _prompt(folder: Path) -> str:
    config = _table(folder / "config_sentence_transformers.json")
    name, prompts = config.get("default_prompt_name"), config.get("prompts") or {}
    if name is None:
        return ""
    if not isinstance(prompts, dict) or not isinstance(prompts.get(name), str):
        raise EncoderError(f"{folder}: its default prompt {name!r} is not among its prompts.")
    return str(prompts[name])


def _width(folder: Path) -> int | None:
    path = folder / "config_sentence_transformers.json"
    width = _table(path).get("truncate_dim")
    if width is not None and (not isinstance(width, int) or width < 1):
        raise EncoderError(f"{path}: truncate_dim must be a number of columns; got {width!r}.")
    return width


def _with_settings(found: SentenceFolder) -> SentenceFolder:
    """The settings of the text model, which lie beside it."""
    path = next((p for name in _SETTINGS if (p := found.folder / name).is_file()), None)
    if path is None:
        return found
    config = _table(path)
    for key, plain in _PLAIN_SETTINGS.items():
        if found.is_sentence and config.get(key) not in plain:
            raise EncoderError(f"{path}: its {key} {config[key]!r} is not known.")
    longest = config.get("max_seq_length")
    if longest is not None and (not isinstance(longest, int) or longest < 1):
        raise EncoderError(f"{path}: max_seq_length must be a number of tokens; got {longest!r}.")
    lowers = found.is_sentence and bool(config.get("do_lower_case"))
    return replace(found, longest=longest, lowers=lowers)
