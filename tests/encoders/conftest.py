"""Tiny models of every kind, written with the libraries' own configurations and writers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

WORDS = ["the", "photo", "person", "vic", "ki", "an", "na"]
TEXTS = ["Vicki", "a photo of Anna", "", "Zoë O'Brien", "a photo of a person named Vicki", "Vicki"]
# Random weights of the usual size give nearly equal rows; these tell texts apart.
SCALE = 0.3


@pytest.fixture(scope="session", autouse=True)
def vocabulary_read_once() -> Iterator[None]:
    """open_clip unpacks its vocabulary for each of hundreds of models; here for the first."""
    if find_spec("open_clip") is None:
        yield
        return
    from open_clip.tokenizer import SimpleTokenizer

    from namebasis.encoders.towers import clip_rules

    unpack, to_rust = SimpleTokenizer.__init__, clip_rules._rust_bpe
    unpacked: dict[str, dict[str, Any]] = {}
    in_rust: dict[int, Any] = {}

    def unpack_once(self: Any, *arguments: Any, **options: Any) -> None:
        key = repr((arguments, sorted(options.items())))
        if key not in unpacked:
            unpack(self, *arguments, **options)
            unpacked[key] = dict(vars(self))
        vars(self).update(unpacked[key])

    def to_rust_once(tokenizer: Any) -> Any:
        pieces = tokenizer.encoder
        if not any(pieces is one["encoder"] for one in unpacked.values()):
            return to_rust(tokenizer)
        if id(pieces) not in in_rust:
            in_rust[id(pieces)] = to_rust(tokenizer)
        return in_rust[id(pieces)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimpleTokenizer, "__init__", unpack_once)
        patch.setattr(clip_rules, "_rust_bpe", to_rust_once)
        yield


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny model by its kind, written at the first call."""
    return written_once(tmp_path_factory, MAKERS)


def written_once(
    tmp_path_factory: pytest.TempPathFactory, makers: Mapping[str, Callable[[Path], None]]
) -> Callable[[str], Path]:
    """A function from a model's kind to its folder, which is written when first asked for."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            path = tmp_path_factory.mktemp(kind)
            torch.manual_seed(len(kind))
            makers[kind](path)
            made[kind] = path
        return made[kind]

    return folder


def shaken(model: Any) -> Any:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            width = parameter.shape[-1] if parameter.ndim else 1
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(SCALE * noise / width**0.5)
    return model.eval()


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    shapes = [(40, 30), (16, 16), (33, 64)]
    return [Image.fromarray(rng.integers(0, 256, (*s, 3), dtype=np.uint8)) for s in shapes]


# ------------------------------------------------------------------------------ tokenizers


def clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    pieces = [*letters, *(letter + "</w>" for letter in letters)]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merges.append((parts[0], parts[1]))
            parts[:2] = [parts[0] + parts[1]]
    pieces += list(dict.fromkeys(a + b for a, b in merges))
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=list(dict.fromkeys(merges)), model_max_length=24)


def bert_tokenizer() -> Any:
    from transformers import BertTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz'"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]
    pieces += [f"##{piece}" for piece in [*WORDS, *letters]]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return BertTokenizer(vocab=vocabulary, model_max_length=20)


def siglip_tokenizer() -> Any:
    """Letters, an end token, padding on the right and, as SigLIP's, no mask."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = " abcdefghijklmnopqrstuvwxyz'"
    vocabulary = {piece: n for n, piece in enumerate(["<pad>", "</s>", "<unk>", *letters])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    inner.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_input_names=["input_ids"], model_max_length=16,
    )  # fmt: skip


def gemma_tokenizer() -> Any:
    """Gemma's parts, as SigLIP 2 uses them: capitals of its own, bytes, an end token, no mask."""
    from transformers import GemmaTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{n:02X}>" for n in range(256))]
    pieces += ["▁", *letters, *letters.upper(), "'", ".", "vi", "an", "Vi", "An"]
    return GemmaTokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=[("v", "i"), ("a", "n"), ("V", "i"), ("A", "n")],
        add_bos_token=False, add_eos_token=True, padding_side="right", model_max_length=16,
        model_input_names=["input_ids"],
    )  # fmt: skip


def n_tokens(tokenizer: Any) -> int:
    return max(tokenizer.get_vocab().values()) + 1


# ---------------------------------------------------------------------------- transformers

SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 2}  # fmt: skip
VISION = {**SMALL, "image_size": 16, "patch_size": 8}


def clip_text_config(tokenizer: Any) -> dict[str, Any]:
    return {**SMALL, "vocab_size": n_tokens(tokenizer), "max_position_embeddings": 24,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.eos_token_id, "projection_dim": 20}  # fmt: skip


def write_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    tokenizer = clip_tokenizer()
    config = CLIPConfig(
        text_config=clip_text_config(tokenizer), vision_config=VISION, projection_dim=20
    )
    shaken(CLIPModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    CLIPImageProcessor(**size).save_pretrained(folder)


def write_clip_text(folder: Path, projected: bool = True) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = clip_tokenizer()
    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    shaken(kind(CLIPTextConfig(**clip_text_config(tokenizer)))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_clip_vision(folder: Path) -> None:
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION, projection_dim=20))
    shaken(model).save_pretrained(folder)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    CLIPImageProcessor(**size).save_pretrained(folder)


def write_siglip(folder: Path) -> None:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    tokenizer = siglip_tokenizer()
    text = {**SMALL, "vocab_size": n_tokens(tokenizer), "max_position_embeddings": 16,
            "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}  # fmt: skip
    shaken(SiglipModel(SiglipConfig(text_config=text, vision_config=VISION))).save_pretrained(
        folder
    )
    tokenizer.save_pretrained(folder)
    SiglipImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)


def write_siglip2(folder: Path) -> None:
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model

    tokenizer = siglip_tokenizer()
    text = {**SMALL, "vocab_size": n_tokens(tokenizer), "max_position_embeddings": 16,
            "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}  # fmt: skip
    vision = {**SMALL, "patch_size": 8, "num_patches": 16}
    config = Siglip2Config(text_config=text, vision_config=vision)
    shaken(Siglip2Model(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Siglip2ImageProcessor(patch_size=8, max_num_patches=16).save_pretrained(folder)


def write_siglip2_as_published(folder: Path, tokenizer_class: str = "GemmaTokenizer") -> None:
    """SigLIP 2 as most of its repositories are: of type siglip, with Gemma's tokenizer."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    tokenizer = gemma_tokenizer()
    text = {**SMALL, "vocab_size": n_tokens(tokenizer), "max_position_embeddings": 16,
            "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}  # fmt: skip
    torch.manual_seed(7)
    config = SiglipConfig(text_config=text, vision_config=VISION)
    shaken(SiglipModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": tokenizer_class}))
    SiglipImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)


def write_groupvit(folder: Path) -> None:
    from transformers import CLIPImageProcessor, GroupViTConfig, GroupViTModel

    vision = {**SMALL, "image_size": 32, "patch_size": 8, "depths": [1, 1, 1],
              "num_hidden_layers": 3, "num_group_tokens": [4, 2, 0],
              "num_output_groups": [4, 2, 2]}  # fmt: skip
    _write_pair(folder, GroupViTConfig, GroupViTModel, vision, projection_intermediate_dim=24)
    CLIPImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(
        folder
    )


def write_owlvit(folder: Path) -> None:
    from transformers import CLIPImageProcessor, OwlViTConfig, OwlViTModel

    _write_pair(folder, OwlViTConfig, OwlViTModel, VISION)
    CLIPImageProcessor(size={"height": 16, "width": 16}, do_center_crop=False).save_pretrained(
        folder
    )


def write_clipseg(folder: Path) -> None:
    from transformers import CLIPImageProcessor, CLIPSegConfig, CLIPSegModel

    _write_pair(folder, CLIPSegConfig, CLIPSegModel, VISION)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    CLIPImageProcessor(**size).save_pretrained(folder)


def _write_pair(
    folder: Path, config: Any, kind: Any, vision: dict[str, Any], **options: Any
) -> None:
    """A pair whose text half is CLIP's."""
    tokenizer = clip_tokenizer()
    text = clip_text_config(tokenizer)
    said = config(text_config=text, vision_config=vision, projection_dim=20, **options)
    shaken(kind(said)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def add_token(model: Path, tokenizer: Path, token: str, *, said_end: int | None = 2) -> None:
    """Add a token behind the end token, as textual inversion does, to a model's folder.

    `said_end` is what the configuration then says of its texts' end.
    """
    import transformers
    from safetensors.torch import load_file, save_file

    words = transformers.AutoTokenizer.from_pretrained(
        tokenizer, local_files_only=True, trust_remote_code=False
    )
    words.add_tokens(token)
    words.save_pretrained(tokenizer)
    state = load_file(model / "model.safetensors")
    (table,) = (key for key in state if key.endswith("token_embedding.weight"))
    row = 0.5 * torch.randn((1, state[table].shape[1]), generator=torch.Generator().manual_seed(3))
    state[table] = torch.cat([state[table], row])
    save_file(state, model / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((model / "config.json").read_text())
    text = config.get("text_config", config)
    text |= {"eos_token_id": said_end, "vocab_size": len(state[table])}
    (model / "config.json").write_text(json.dumps(config))


def write_bert(folder: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    tokenizer = bert_tokenizer()
    config = BertConfig(**SMALL, vocab_size=n_tokens(tokenizer), max_position_embeddings=20)
    shaken(BertForMaskedLM(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_t5(folder: Path) -> None:
    from transformers import T5Config, T5Model

    tokenizer = siglip_tokenizer()
    config = T5Config(vocab_size=n_tokens(tokenizer), d_model=32, d_kv=16, d_ff=48, num_layers=2,
                      num_heads=2, decoder_start_token_id=0)  # fmt: skip
    shaken(T5Model(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


# ------------------------------------------------------------------------------- diffusers


def write_pipeline(folder: Path, parts: dict[str, str]) -> None:
    """Write a pipeline's index, text encoders and tokenizers; other parts are left out."""
    index: dict[str, Any] = {"_class_name": "StableDiffusionPipeline", "unet": [None, None]}
    for number, (part, kind) in enumerate(parts.items()):
        torch.manual_seed(number)
        write_clip_text(folder / part, projected=kind.endswith("WithProjection"))
        tokenizer = part.replace("text_encoder", "tokenizer")
        (folder / tokenizer).mkdir()
        for path in (folder / part).glob("*token*"):
            path.rename(folder / tokenizer / path.name)
        index |= {part: ["transformers", kind], tokenizer: ["transformers", "CLIPTokenizer"]}
    (folder / "model_index.json").write_text(json.dumps(index))


def write_sd(folder: Path) -> None:
    write_pipeline(folder, {"text_encoder": "CLIPTextModel"})


def write_sdxl(folder: Path) -> None:
    write_pipeline(
        folder,
        {"text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection"},
    )


def write_whole_pipeline(folder: Path) -> None:
    """A whole Stable Diffusion pipeline of 16 pixels, as diffusers writes it."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = clip_tokenizer()
    text = shaken(CLIPTextModel(CLIPTextConfig(**clip_text_config(tokenizer))))
    size = {"block_out_channels": (16, 16), "norm_num_groups": 8}
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, layers_per_block=1, cross_attention_dim=32, attention_head_dim=4, **size,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2, **size
    )
    diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, safety_checker=None,
        scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip


# ------------------------------------------------------------------------------- open_clip


def open_clip_config() -> dict[str, Any]:
    vision = {"layers": 1, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    return {"embed_dim": 20, "vision_cfg": vision, "text_cfg": text}


def write_open_clip(folder: Path) -> None:
    """The format of its hub: configuration and weights."""
    import open_clip
    from safetensors.torch import save_file

    (folder / "tiny-clip.json").write_text(json.dumps(open_clip_config()))
    open_clip.add_model_config(folder / "tiny-clip.json")
    model = shaken(open_clip.create_model("tiny-clip"))
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    torch.save(state, folder / "tiny.pt")
    hub = {
        "model_cfg": open_clip_config(),
        "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(hub))


MAKERS: dict[str, Callable[[Path], None]] = {
    "clip": write_clip,
    "clip_text": write_clip_text,
    "clip_vision": write_clip_vision,
    "siglip": write_siglip,
    "siglip2": write_siglip2,
    "siglip2_as_published": write_siglip2_as_published,
    "groupvit": write_groupvit,
    "owlvit": write_owlvit,
    "clipseg": write_clipseg,
    "bert": write_bert,
    "t5": write_t5,
    "sd": write_sd,
    "sdxl": write_sdxl,
    "open_clip": write_open_clip,
}
