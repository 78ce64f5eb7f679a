"""Tiny pairs of transformers whose text half is not CLIP's, for the contract of all adapters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.encoders.conftest import SMALL, VISION, bert_tokenizer, n_tokens, shaken

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',."


def roberta_tokenizer() -> Any:
    """XLM-RoBERTa's special tokens, the end at id 2, around single letters of either case."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<s>", "<pad>", "</s>", "<unk>", " ", *LETTERS]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", cls_token="<s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=22,
    )  # fmt: skip


def _finish(folder: Path, model: Any, tokenizer: Any, side: int = 16) -> None:
    from transformers import CLIPImageProcessor

    shaken(model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
    CLIPImageProcessor(**size).save_pretrained(folder)


def _bert_text(**more: Any) -> tuple[Any, dict[str, Any]]:
    tokenizer = bert_tokenizer()
    config = {**SMALL, "vocab_size": n_tokens(tokenizer), "max_position_embeddings": 20}
    return tokenizer, config | more


def _roberta_text(**more: Any) -> tuple[Any, dict[str, Any]]:
    tokenizer = roberta_tokenizer()
    ends = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    config = {**SMALL, "vocab_size": n_tokens(tokenizer), "max_position_embeddings": 24}
    return tokenizer, config | ends | more


def write_chinese_clip(folder: Path) -> None:
    from transformers import ChineseCLIPConfig, ChineseCLIPModel

    tokenizer, text = _bert_text()
    config = ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=20)
    _finish(folder, ChineseCLIPModel(config), tokenizer)


def write_altclip(folder: Path) -> None:
    from transformers import AltCLIPConfig, AltCLIPModel

    tokenizer, text = _roberta_text(project_dim=24)
    config = AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=20)
    _finish(folder, AltCLIPModel(config), tokenizer)


def write_blip(folder: Path) -> None:
    from transformers import BlipConfig, BlipModel

    tokenizer, text = _bert_text(encoder_hidden_size=32)
    ends = {"bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(text_config=text | ends, vision_config=VISION, projection_dim=20)
    _finish(folder, BlipModel(config), tokenizer)


def write_align(folder: Path) -> None:
    from transformers import AlignConfig, AlignModel

    tokenizer, text = _bert_text()
    vision = {"image_size": 32, "kernel_sizes": [3, 3, 5], "in_channels": [32, 16, 24],
              "out_channels": [16, 24, 30], "hidden_dim": 64, "strides": [1, 1, 2],
              "num_block_repeats": [1, 1, 2], "expand_ratios": [1, 6, 6]}  # fmt: skip
    config = AlignConfig(text_config=text, vision_config=vision, projection_dim=64)
    _finish(folder, AlignModel(config), tokenizer, 32)


def write_metaclip_2(folder: Path) -> None:
    from transformers import MetaClip2Config, MetaClip2Model

    tokenizer, text = _roberta_text(projection_dim=20)
    config = MetaClip2Config(text_config=text, vision_config=VISION, projection_dim=20)
    _finish(folder, MetaClip2Model(config), tokenizer)


FAMILIES: dict[str, Callable[[Path], None]] = {
    "chinese_clip": write_chinese_clip,
    "altclip": write_altclip,
    "blip": write_blip,
    "align": write_align,
    "metaclip_2": write_metaclip_2,
}
