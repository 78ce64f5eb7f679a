"""A folder's own code never runs: over every encoder, extractor and pipeline, with "y" on stdin."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.pretrained import read_pretrained, without_code
from namebasis.validation.extractors.registry import KINDS, load_extractor
from namebasis.validation.pictures.pipelines import load_pipeline
from tests.encoders.conftest import open_clip_config

Models = Callable[[str], Path]
NAMES = ("AutoConfig", "AutoModel", "AutoTokenizer", "AutoImageProcessor", "AutoProcessor",
         "AutoModelForImageClassification", "AutoModelForImageTextToText",
         "AutoModelForVisualQuestionAnswering", "AutoModelForSemanticSegmentation")  # fmt: skip
CODE = """
from pathlib import Path
Path({mark!r}).touch()
from transformers import BertModel, BertTokenizer, PreTrainedConfig
class Config(PreTrainedConfig): model_type = "hostile"
class Model(BertModel): config_class = Config
class Thing(BertTokenizer): pass
"""
PLACES = ("config.json", "tokenizer_config.json", "processor_config.json",
          "preprocessor_config.json")  # fmt: skip


def hostile(folder: Path, place: str, mark: Path) -> Path:
    """Make a folder name code of its own in one of its files; what it said of its kind goes."""
    path = folder / place
    known = json.loads(path.read_text()) if path.is_file() else {}
    kinds = {name: f"code.{'Config' if name == 'AutoConfig' else 'Model'}" for name in NAMES}
    kinds |= {"AutoTokenizer": ["code.Thing", "code.Thing"]}
    kinds |= dict.fromkeys(("AutoImageProcessor", "AutoProcessor"), "code.Thing")
    known |= {"auto_map": kinds}
    if place == "config.json":
        known |= {"model_type": "hostile", "architectures": ["Model"]}
    known |= {key: "Hostile" for key in ("tokenizer_class", "processor_class") if key in known}
    if place != "config.json":
        known |= {"image_processor_type": "Hostile", "tokenizer_class": "Hostile",
                  "processor_class": "Hostile", "feature_extractor_type": "Hostile"}  # fmt: skip
    path.write_text(json.dumps(known))
    (folder / "code.py").write_text(CODE.format(mark=str(mark)))
    return folder


@pytest.fixture
def yes(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    answers = io.StringIO("y\n" * 50)
    monkeypatch.setattr(sys, "stdin", answers)
    return answers


def load(spec: str) -> Any:
    if spec.startswith("encoder "):
        encoder = load_encoder(spec.removeprefix("encoder "))
        return encoder.encode_text(["a"]) if encoder.has_text else encoder
    if spec.startswith("pipeline "):
        return load_pipeline(spec.removeprefix("pipeline "))
    return load_extractor(spec)


LOADERS = [
    ("encoder hf:{}", "clip"), ("encoder hf:{}", "siglip"), ("encoder hf:{}", "bert"),
    ("encoder hf:{}", "clip_vision"), ("encoder diffusers:{}", "sd"),
    ("zero-shot:hf:{}", "clip"), ("classify:{}", "ages"), ("ask:{}", "vilt"), ("ask:{}", "blip2"),
    ("caption:{}", "blip2"), ("skin:{}", "parser"), ("mivolo:{}", "ages"), ("tagger:{}", "tagger"),
    ("pipeline diffusers:{}", "pipeline"),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("spec", "kind"), LOADERS)
def test_no_loader_runs_a_folders_code(
    tiny: Models, models: Models, tmp_path: Path, yes: io.StringIO,
    capfd: pytest.CaptureFixture[str], spec: str, kind: str, place: str,
) -> None:  # fmt: skip
    try:
        made = models(kind)
    except KeyError:
        made = tiny(kind)
    folder = Path(shutil.copytree(made, tmp_path / "model"))
    for part in [folder, *(path for path in folder.iterdir() if path.is_dir())]:
        hostile(part, place, tmp_path / "ran")
    try:
        load(spec.format(folder))
    except EncoderError as error:
        said = str(error)
        assert "\n" not in said
        assert "=True" not in said
        assert "trust_remote" not in said
    assert not (tmp_path / "ran").exists()
    assert yes.tell() == 0  # nothing was asked
    assert capfd.readouterr().out == ""


def test_every_kind_of_extractor_is_among_them() -> None:
    """But those that read no folder of a library: ONNX cards, and probes, which load encoders."""
    tried = {spec.partition(":")[0] for spec, _ in LOADERS}
    assert set(KINDS) - tried == {"onnx", "probe"}


def test_a_text_tower_of_open_clip_cannot_bring_code(
    tmp_path: Path, yes: io.StringIO, models: Models
) -> None:
    """Its tokenizer's options come from the folder, trust_remote_code among them."""
    pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    for place in PLACES[:2]:
        hostile(tmp_path, place, tmp_path / "ran")
    config = open_clip_config()
    config["text_cfg"] = {
        "hf_model_name": str(tmp_path), "hf_tokenizer_name": str(tmp_path), "context_length": 16,
        "tokenizer_kwargs": {"trust_remote_code": True}, "hf_pooler_type": "mean_pooler",
    }  # fmt: skip
    hub = {"model_cfg": config, "preprocess_cfg": {}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(hub))
    (tmp_path / "open_clip_model.safetensors").touch()
    with pytest.raises(EncoderError, match="code of its own, which is never run"):
        load_encoder(f"open_clip:local-dir:{tmp_path}")
    import open_clip

    with pytest.raises(EncoderError, match="code of its own"), without_code():
        open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    assert not (tmp_path / "ran").exists()
    assert yes.tell() == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"_class_name": ["code", "Model"]},
        {"unet": ["code", "Model"]},
        {"text_encoder": ["os", "system"]},
        {"text_encoder": ["transformers", "AutoModel"]},
        {"_class_name": "OrganismPipeline", "network": ["code", "Model"]},
    ],
)
def test_a_pipeline_cannot_bring_code(
    models: Models, tmp_path: Path, yes: io.StringIO, changed: dict[str, Any]
) -> None:
    folder = Path(shutil.copytree(models("pipeline"), tmp_path / "pipeline"))
    index = json.loads((folder / "model_index.json").read_text()) | changed
    (folder / "model_index.json").write_text(json.dumps(index))
    for part in (folder, folder / "unet"):
        (part / "code.py").write_text(CODE.format(mark=str(tmp_path / "ran")))
    hostile(folder / "text_encoder", "config.json", tmp_path / "ran")
    with pytest.raises(EncoderError, match=r"code of its own, which|cannot be loaded") as caught:
        load_pipeline(f"diffusers:{folder}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
    assert yes.tell() == 0


def test_a_kernel_that_a_configuration_names_is_not_fetched(tiny: Models, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("bert"), tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    config["attn_implementation"] = "someone/attention"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="names the kernel 'someone/attention', code of another"):
        load_encoder(f"hf:{folder}")


def test_a_tagger_names_no_other_file(models: Models, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(models("tagger"), tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    config["model_args"]["checkpoint_path"] = str(tmp_path / "hostile.pt")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="its model_args may not name checkpoint_path"):
        load_extractor(f"tagger:{folder}")
    config["model_args"].pop("checkpoint_path")
    config["architecture"] = f"local-dir:{folder}"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="timm has no model 'local-dir:"):
        load_extractor(f"tagger:{folder}")


def test_outside_the_guard_the_library_is_as_it_was(tmp_path: Path) -> None:
    """Code that the user asked for runs, before and after, and in the one place with its flag."""
    from transformers import AutoConfig

    hostile(tmp_path, "config.json", tmp_path / "ran")
    with pytest.raises((EncoderError, ValueError)), without_code():
        AutoConfig.from_pretrained(tmp_path, trust_remote_code=True)
    assert not (tmp_path / "ran").exists()
    config = read_pretrained(AutoConfig, tmp_path, run_code=True)
    assert config.model_type == "hostile"
    assert (tmp_path / "ran").exists()
