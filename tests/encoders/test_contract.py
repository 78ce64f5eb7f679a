"""One contract for every adapter, with the library's own output as the oracle."""

from __future__ import annotations

import importlib.util
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from namebasis.encoders.base import Encoder
from namebasis.encoders.registry import load_encoder
from tests.encoders.conftest import MAKERS, pictures, write_bert, written_once
from tests.encoders.families import FAMILIES

NAMES = [
    "Vicki", "VICKI", "Anna K. O'Brien", "Zoë", "Zoe\u0308", "İrem", "Łukasz-Maria", "山田 太郎",
    "\u200fمحمد", "🙂", "AC/DC & Sons", "Anna  Vicki", "Anna", "an" * 60, "the person " * 30,
]  # fmt: skip
TEMPLATES = ("a photo of {}", "{}, the person")
TEXTS = [template.format(name) for template in TEMPLATES for name in NAMES] + [""]


def unit(rows: Any) -> np.ndarray:
    tensor = torch.as_tensor(rows).detach().double()
    return torch.nn.functional.normalize(tensor, dim=-1).numpy()


@dataclass
class Library:
    """What the library behind an adapter says of the same folder."""

    spec: str
    texts: Callable[[Sequence[str]], np.ndarray]
    count: Callable[[str], int]
    images: Callable[[], np.ndarray] | None = None
    tolerance: float = 1e-5


def pooled(output: Any) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output.pooler_output


def plain_count(tokenizer: Any) -> Callable[[str], int]:
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])


def of_pair(folder: Path, tokenizer: Any = None) -> Library:
    """A pair of transformers: its text and image features, texts padded as the library pads."""
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = tokenizer or transformers.AutoTokenizer.from_pretrained(folder)
    padding = "max_length" if "siglip" in model.config.model_type else True

    def texts(given: Sequence[str]) -> np.ndarray:
        ids = tokenizer(list(given), padding=padding, truncation=True, return_tensors="pt")
        return unit(pooled(model.get_text_features(**ids)))

    def images() -> np.ndarray:
        prepare = transformers.AutoImageProcessor.from_pretrained(folder)
        found = prepare(images=pictures(), return_tensors="pt")
        return unit(pooled(model.get_image_features(**found)))

    return Library(f"hf:{folder}", texts, plain_count(tokenizer), images)


def of_siglip_2_as_published(folder: Path) -> Library:
    return of_pair(folder, transformers.Siglip2Tokenizer.from_pretrained(folder))


def of_bert(folder: Path) -> Library:
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def texts(given: Sequence[str]) -> np.ndarray:
        ids = tokenizer(list(given), padding=True, truncation=True, return_tensors="pt")
        mask = ids["attention_mask"][:, :, None]
        states = model(**ids).last_hidden_state
        return unit((states * mask).sum(1) / mask.sum(1))

    return Library(f"hf:{folder}", texts, plain_count(tokenizer))


def of_pipeline(folder: Path, part: str, kind: str) -> Library:
    model = getattr(transformers, kind).from_pretrained(folder / part).eval()
    words = folder / part.replace("text_encoder", "tokenizer")
    tokenizer = transformers.AutoTokenizer.from_pretrained(words)

    def texts(given: Sequence[str]) -> np.ndarray:
        ids = tokenizer(list(given), padding="max_length", truncation=True, return_tensors="pt")
        output = model(ids["input_ids"])  # pipelines give no mask
        return unit(output.text_embeds if kind.endswith("Projection") else output.pooler_output)

    return Library(f"diffusers:{folder}#{part}", texts, plain_count(tokenizer))


def of_sentence_folder(folder: Path, spec: str) -> Library:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def texts(given: Sequence[str]) -> np.ndarray:
        return unit(model.encode(list(given), normalize_embeddings=True))

    return Library(spec, texts, plain_count(model.tokenizer))


def of_minilm(_: Path) -> Library:
    from namebasis.encoders import minilm

    return of_sentence_folder(Path(minilm._folder()), "minilm")


def of_organism(_: Path) -> Library:
    from importlib.resources import files

    found = of_pair(Path(str(files("namebasis") / "data" / "organism")))
    found.spec = "organism"
    return found


def of_open_clip(folder: Path, spec: str, *, hub: bool) -> Library:
    import open_clip

    place = f"local-dir:{folder}" if hub else "tiny-clip"
    given = {} if hub else {"pretrained": str(folder / "tiny.pt")}
    model, _, prepare = open_clip.create_model_and_transforms(place, **given)
    model = model.eval()
    tokenizer = open_clip.get_tokenizer("ViT-B-32")

    def texts(lines: Sequence[str]) -> np.ndarray:
        with torch.inference_mode():
            return unit(model.encode_text(tokenizer(list(lines))))

    def images() -> np.ndarray:
        with torch.inference_mode():
            return unit(model.encode_image(torch.stack([prepare(one) for one in pictures()])))

    return Library(spec.format(folder), texts, lambda text: len(tokenizer.encode(text)), images)


def write_sentence_folder(folder: Path) -> None:
    write_bert(folder)
    kinds = ("Transformer", "Pooling")
    modules = [
        {"idx": at, "name": str(at), "path": ("", "1_Pooling")[at],
         "type": f"sentence_transformers.models.{kind}"}
        for at, kind in enumerate(kinds)
    ]  # fmt: skip
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": True}
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps(pooling | {"pooling_mode_mean_tokens": False})
    )


PAIRS = (
    "clip", "siglip", "siglip2", "groupvit", "owlvit", "clipseg", *FAMILIES,
)  # fmt: skip
CASES: dict[str, tuple[str | None, str, Callable[[Path], Library]]] = {
    **{f"hf {kind}": (None, kind, of_pair) for kind in PAIRS},
    "hf siglip2 as published": (None, "siglip2_as_published", of_siglip_2_as_published),
    "hf bert": (None, "bert", of_bert),
    "sentence-transformers": (
        "sentence_transformers", "sentence", lambda place: of_sentence_folder(place, f"hf:{place}"),
    ),
    "diffusers sd": (None, "sd", lambda place: of_pipeline(place, "text_encoder", "CLIPTextModel")),
    "diffusers sdxl": (
        None, "sdxl",
        lambda place: of_pipeline(place, "text_encoder_2", "CLIPTextModelWithProjection"),
    ),
    "open_clip folder": (
        "open_clip", "open_clip",
        lambda place: of_open_clip(place, "open_clip:local-dir:{}", hub=True),
    ),
    "open_clip listed@file": (
        "open_clip", "open_clip",
        lambda place: of_open_clip(place, "open_clip:tiny-clip@{}/tiny.pt", hub=False),
    ),
    "open_clip config@file": (
        "open_clip", "open_clip",
        lambda place: of_open_clip(place, "open_clip:{0}/tiny-clip.json@{0}/tiny.pt", hub=False),
    ),
    "minilm": ("sentence_transformers", "", of_minilm),
    "organism": (None, "", of_organism),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
    tiny: Callable[[str], Path], families: Callable[[str], Path],
) -> tuple[Encoder, Library]:  # fmt: skip
    """An adapter's encoder, and its library on the same files."""
    needed, kind, make = CASES[request.param]
    if needed is not None and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    folder = tiny(kind) if kind in MAKERS else families(kind) if kind else Path()
    library = make(folder)
    return load_encoder(library.spec, device="cpu"), library


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return written_once(tmp_path_factory, {**FAMILIES, "sentence": write_sentence_folder})


@pytest.mark.long
def test_text_rows_are_the_librarys(pair: tuple[Encoder, Library]) -> None:
    encoder, library = pair
    expected = library.texts(TEXTS)
    rows = encoder.encode_text(TEXTS)
    assert rows.dtype == np.float32
    assert rows.shape == (len(TEXTS), encoder.dim)
    np.testing.assert_allclose(rows, expected, atol=library.tolerance)
    apart = np.abs(expected - expected[0]).max(axis=1)
    assert apart.max() > 1000 * library.tolerance, "the model must tell the texts apart"


def test_image_rows_are_the_librarys(pair: tuple[Encoder, Library]) -> None:
    encoder, library = pair
    assert encoder.has_images == (library.images is not None)
    if library.images is not None:
        rows = encoder.encode_images(pictures(), batch_size=2)
        np.testing.assert_allclose(rows, library.images(), atol=library.tolerance)


def test_tokens_are_counted_as_the_library_cuts_them(pair: tuple[Encoder, Library]) -> None:
    encoder, library = pair
    expected = [library.count(text) for text in TEXTS]
    assert encoder.count_tokens(TEXTS).tolist() == expected
    assert [len(row) for row in encoder.pieces(TEXTS)] == expected


@pytest.mark.long
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_name_in_a_template_is_its_text(pair: tuple[Encoder, Library], template: str) -> None:
    encoder, _ = pair
    texts = [template.format(name) for name in NAMES]
    named = encoder.encode_names(NAMES, template)
    np.testing.assert_allclose(named, encoder.encode_text(texts), atol=1e-6)


def test_the_pieces_of_a_name_in_its_place_give_its_row(pair: tuple[Encoder, Library]) -> None:
    encoder, _ = pair
    if not encoder.token_dim:
        pytest.skip("it shows no input embeddings")
    names = ["Vicki", "Anna", "vi an", "Anna Vicki"]
    found = encoder.encode_embedded(encoder.piece_embeddings(names), "a {} an")
    np.testing.assert_allclose(found, encoder.encode_names(names, "a {} an"), atol=1e-5)


@pytest.mark.long
def test_rows_do_not_depend_on_their_neighbours(pair: tuple[Encoder, Library]) -> None:
    encoder, _ = pair
    rows = encoder.encode_text(TEXTS)
    for size in (1, 3):
        np.testing.assert_allclose(encoder.encode_text(TEXTS, batch_size=size), rows, atol=2e-6)
    np.testing.assert_allclose(encoder.encode_text(TEXTS[::-1])[::-1], rows, atol=2e-6)
    np.testing.assert_allclose(encoder.encode_text(TEXTS[2:3]), rows[2:3], atol=2e-6)


@pytest.mark.long
def test_an_encoder_can_be_pickled(pair: tuple[Encoder, Library]) -> None:
    encoder, _ = pair
    again = pickle.loads(pickle.dumps(encoder))  # noqa: S301 - our own
    assert (again.spec, again.fingerprint) == (encoder.spec, encoder.fingerprint)
    np.testing.assert_allclose(again.encode_text(TEXTS), encoder.encode_text(TEXTS), atol=1e-6)
