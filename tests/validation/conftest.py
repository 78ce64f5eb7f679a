"""Tiny image models of every kind that extractors load, written by their own libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.encoders.conftest import (
    SMALL,
    bert_tokenizer,
    clip_tokenizer,
    n_tokens,
    shaken,
    tiny,
    write_whole_pipeline,
    written_once,
)

__all__ = ["models", "pictures", "tiny"]


@pytest.fixture
def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    shapes = [(40, 30), (16, 16), (33, 64)]
    return [Image.fromarray(rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for s in shapes]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny model by its kind, written at the first call."""
    return written_once(tmp_path_factory, MAKERS)


def image_classifier(labels: list[str], **options: Any) -> Any:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        **SMALL, image_size=16, patch_size=8, id2label=dict(enumerate(labels)), **options
    )
    return shaken(ViTForImageClassification(config))


def write_ages(folder: Path) -> None:
    from transformers import ViTImageProcessor

    image_classifier(["0-2", "20-29", "more than 70"]).save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# ages\n")


def write_face_attributes(folder: Path) -> None:
    from transformers import ViTImageProcessor

    labels = ["Smiling", "Eyeglasses"]
    image_classifier(labels, problem_type="multi_label_classification").save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)


def write_parser(folder: Path) -> None:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation
    from transformers import SegformerImageProcessor as Processor

    config = SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[8, 16],
        patch_sizes=[7, 3], strides=[4, 2], num_attention_heads=[1, 2], mlp_ratios=[2, 2],
        decoder_hidden_size=16, id2label={0: "background", 1: "skin", 2: "hair"},
    )  # fmt: skip
    shaken(SegformerForSemanticSegmentation(config)).save_pretrained(folder)
    Processor(size={"height": 32, "width": 32}).save_pretrained(folder)


def write_vilt(folder: Path) -> None:
    from transformers import ViltConfig, ViltForQuestionAnswering, ViltImageProcessor, ViltProcessor

    answers = ["yes", "man", "woman", "black hair", "2"]
    tokenizer = bert_tokenizer()
    config = ViltConfig(
        **SMALL, vocab_size=n_tokens(tokenizer), image_size=32, patch_size=16,
        max_position_embeddings=40, id2label=dict(enumerate(answers)),
        label2id={answer: at for at, answer in enumerate(answers)},
    )  # fmt: skip
    shaken(ViltForQuestionAnswering(config)).save_pretrained(folder)
    processor = ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=16)
    ViltProcessor(processor, tokenizer).save_pretrained(folder)


def write_blip2(folder: Path) -> None:
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        BlipImageProcessor,
        OPTConfig,
    )

    tokenizer = clip_tokenizer()
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    n = n_tokens(tokenizer)
    text = OPTConfig(
        vocab_size=n, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=120, word_embed_proj_dim=32,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=0,
    )  # fmt: skip
    config = Blip2Config(
        vision_config={**SMALL, "image_size": 16, "patch_size": 8},
        qformer_config={**SMALL, "encoder_hidden_size": 32, "vocab_size": n},
        text_config=text.to_dict(), num_query_tokens=3,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    shaken(Blip2ForConditionalGeneration(config)).save_pretrained(folder)
    processor = BlipImageProcessor(size={"height": 16, "width": 16})
    Blip2Processor(processor, tokenizer, num_query_tokens=3).save_pretrained(folder)


def write_llava(folder: Path) -> None:
    """A decoder alone, which keeps the logits it is asked for, with a chat template."""
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = clip_tokenizer()
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    text = LlamaConfig(
        vocab_size=n_tokens(tokenizer), hidden_size=32, intermediate_size=48, pad_token_id=0,
        num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**SMALL, image_size=16, patch_size=8), text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), vision_feature_layer=-1,
    )  # fmt: skip
    shaken(LlavaForConditionalGeneration(config)).save_pretrained(folder)
    size = {"height": 16, "width": 16}
    template = (
        "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>"
        "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}"
    )
    LlavaProcessor(
        CLIPImageProcessor(size=size, crop_size=size), tokenizer, patch_size=8,
        vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=template,
    ).save_pretrained(folder)  # fmt: skip


def write_tagger(folder: Path) -> None:
    import timm
    from safetensors.torch import save_file

    tags = ["1girl", "1boy", "black_hair", "blonde_hair", "smile", "red_hair"]
    options = {"img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 1, "num_heads": 2}
    model = timm.create_model(
        "vit_tiny_patch16_224", pretrained=False, num_classes=len(tags), **options
    )
    save_file(shaken(model).state_dict(), folder / "model.safetensors")
    config = {
        "architecture": "vit_tiny_patch16_224",
        "model_args": options,
        "pretrained_cfg": {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3,
                           "crop_pct": 1.0, "interpolation": "bicubic"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    rows = [f"{at},{tag},0,{100 - at}" for at, tag in enumerate(tags)]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *rows]))


def write_onnx(folder: Path) -> None:
    """Means of the three channels, as logits and as they are: closed forms to compare with."""
    import onnx
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 4, 4])
    outputs = [
        helper.make_tensor_value_info("means", TensorProto.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("level", TensorProto.FLOAT, ["n"]),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["means"], keepdims=0),
        helper.make_node("ReduceMean", ["means", "one"], ["level"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "means", [given], outputs, [axes, one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "means.onnx")
    (folder / "card.toml").write_text(CARD)


CARD = """
file = "means.onnx"
licence = "MIT"

[input]
size = [4, 4]
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]

[[outputs]]
name = "means"
attribute = "tint"
activation = "softmax"
labels = ["red", "green", "blue"]
positions = [0, 1, 2]

[[outputs]]
name = "level"
attribute = "brightness"
unit = "share"
"""

MAKERS: dict[str, Callable[[Path], None]] = {
    "ages": write_ages,
    "face_attributes": write_face_attributes,
    "parser": write_parser,
    "vilt": write_vilt,
    "blip2": write_blip2,
    "llava": write_llava,
    "tagger": write_tagger,
    "onnx": write_onnx,
    "pipeline": write_whole_pipeline,
}
