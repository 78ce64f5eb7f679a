"""Folders that hold something other than a whole model: what it is, and the step to take."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

HUB_CONFIG = "open_clip_config.json"
"""The configuration in open_clip's own hub format."""
_PIPELINE = "model_index.json"
ADAPTER_TOO = (
    "it holds a LoRA adapter (adapter_config.json) beside whole weights, and whether that is to be "
    "added is not known: take the adapter's files out, and write +lora:FILE.safetensors behind the "
    "folder where it is to be"
)


OF_A_RUN = re.compile(
    r"(?:(?:global_)?(?:step|checkpoint|ckpt|epoch|iter|iteration)[-_]?\d+(?:[-_][a-z]+)?"
    r"|text_encoder(?:_\d)?)\Z",
    re.IGNORECASE,
)
"""Names of the folders of steps and of text encoders, for which the run's folder may hold more."""


def foreign_folder(folder: Path) -> str | None:
    """Name what other trainers leave, with the step that makes a model of it; None for the rest."""
    for fits, reason in _OTHERS:
        if fits(folder):
            return reason
    return None


def config_near(folder: Path) -> Path | None:
    """The run's config.json, for a step that holds weights alone, as accelerate saves them."""
    own = any((folder / name).is_file() for name in ("config.json", HUB_CONFIG, _PIPELINE))
    path = folder.parent / "config.json"
    if own or not OF_A_RUN.match(folder.name) or not _has("model*.safetensors")(folder):
        return None
    return path if path.is_file() else None


def _has(*patterns: str) -> Callable[[Path], bool]:
    return lambda folder: any(any(folder.glob(pattern)) for pattern in patterns)


def _holds_adapter(folder: Path) -> bool:
    adapter = _has("adapter_config.json", "adapter_model.*", "pytorch_lora_weights.*")(folder)
    return adapter and not _has("model*.safetensors", "model_index.json")(folder)


def _holds_adapter_too(folder: Path) -> bool:
    # With peft installed, transformers would add it to the model; without, leave it out.
    return (folder / "adapter_config.json").is_file() and _has("model*.safetensors")(folder)


def _holds_state_alone(folder: Path) -> bool:
    """Weights beside an optimizer's state, without a configuration."""
    known = ("config.json", HUB_CONFIG, _PIPELINE)
    return (
        config_near(folder) is None
        and not any((folder / name).is_file() for name in known)
        and _has("model*.safetensors", "pytorch_model*.bin")(folder)
        and _has("optimizer*.bin", "scheduler*.bin", "random_states*.pkl")(folder)
    )


def _holds_pickle_alone(folder: Path) -> bool:
    return (
        (folder / "config.json").is_file()
        and _has("pytorch_model*.bin")(folder)
        and not _has("*.safetensors")(folder)
    )


def _holds_other_formats(folder: Path) -> bool:
    others = _has("*.msgpack", "*.h5", "weights.npz", "*.onnx", "onnx/*.onnx", "*.gguf")(folder)
    return others and not _has("*.safetensors", "*.bin", "model_index.json")(folder)


def _holds_embedding_alone(folder: Path) -> bool:
    learned = _has("learned_embeds*.safetensors", "learned_embeds*.bin")(folder)
    return learned and not _has("config.json", "model_index.json", "text_encoder")(folder)


def _holds_unet_alone(folder: Path) -> bool:
    return (folder / "unet").is_dir() and not _has("text_encoder*", "*.json")(folder)


_OTHERS: tuple[tuple[Callable[[Path], bool], str], ...] = (
    (
        _holds_adapter,
        "a LoRA adapter, not a whole model: write its base model with the adapter's file behind it "
        "(hf:BASE+lora:FILE.safetensors), or merge it into that (merge_and_unload)",
    ),
    (_holds_adapter_too, ADAPTER_TOO),
    (
        _has(".metadata"),
        "a distributed checkpoint of torch: turn it into one file with "
        "torch.distributed.checkpoint.format_utils.dcp_to_torch_save",
    ),
    (
        _has("mp_rank_*_model_states.pt", "zero_pp_rank_*"),
        "DeepSpeed's state: turn it into weights with the zero_to_fp32.py beside it",
    ),
    (
        _holds_state_alone,
        "weights and optimizer of accelerate without the model's config.json: "
        "copy config.json and the tokenizer into it or into the run's folder, or name an "
        "open_clip model with --model",
    ),
    (
        _holds_pickle_alone,
        "its weights are a pickle (pytorch_model.bin), which is never loaded: "
        "save them as safetensors with save_pretrained",
    ),
    (
        _holds_other_formats,
        "its weights are of another library (Flax, TensorFlow, MLX, ONNX or GGUF): load them there "
        "and save the PyTorch model with save_pretrained as safetensors",
    ),
    (
        _holds_embedding_alone,
        "a textual inversion, one word's embedding: write its pipeline with the file behind it "
        "(diffusers:BASE+embedding:FILE)",
    ),
    (_holds_unet_alone, "holds a unet alone; this training did not change the text encoder"),
)


def folder_kind(folder: Path) -> str | None:
    """The word of a spec that reads a folder, by the file that says so; None where none does."""
    return next((kind for name, kind in _MODELS.items() if (folder / name).is_file()), None)


def model_below(folder: Path) -> str:
    """A hint at the nearest folder below that holds a model: the last step, or a snapshot."""
    for pattern in ("*/", "*/*/"):
        for name, kind in _MODELS.items():
            found = sorted(path.parent for path in folder.glob(pattern + name))
            steps = [int(step[1]) for path in found if (step := _STEP.search(path.name))]
            if found and len(steps) == len(found) > 1:
                last = found[max(range(len(found)), key=steps.__getitem__)]
                return f" Did you mean {kind}{last} (the last of {len(found)} steps)?"
            if found:
                more = f" (or one of {len(found) - 1} others)" if len(found) > 1 else ""
                return f" Did you mean {kind}{found[0]}{more}?"
    return ""


_STEP = re.compile(r"(\d+)\Z")
_MODELS = {
    "model_index.json": "diffusers:",
    HUB_CONFIG: "open_clip:local-dir:",
    "modules.json": "hf:",
    "config.json": "hf:",
}
