"""The small CLIP: its tokenizer, its towers, and what is saved of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.organism.captions import all_captions
from namebasis.organism.world import World

if TYPE_CHECKING:
    from torch import Tensor

WIDTH, N_LAYERS, N_HEADS, PROJECTION, PATCH = 96, 3, 3, 64, 12
INNER = 192
LONGEST = 40
_END = "</w>"
_BOS, _EOS = "<|startoftext|>", "<|endoftext|>"
MEAN = STD = (0.5, 0.5, 0.5)


def make_tokenizer(world: World) -> Any:
    """Train a byte-level BPE like CLIP's until every word of the captions is one piece.

    All bytes are in its alphabet, so any text can be written.

    Returns
    -------
    transformers.CLIPTokenizer
    """
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = sorted({word for text in all_captions(world) for word in _words(text)})
    merges = _merges(words)
    pieces = [*letters, *(letter + _END for letter in letters)]
    pieces += dict.fromkeys(first + second for first, second in merges)
    pieces += [_BOS, _EOS]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=LONGEST)


def _words(text: str) -> list[str]:
    for mark in ",{}":
        text = text.replace(mark, " ")
    text = text.replace("-", " - ")  # a piece of its own, as CLIP splits words
    return [piece for word in text.lower().split() for piece in word.replace("'s", " 's").split()]


def _merges(words: Sequence[str]) -> list[tuple[str, str]]:
    """Byte pair encoding, the most frequent pair first, until every word is one piece."""
    rows = [[*word[:-1], word[-1] + _END] for word in words]
    made: list[tuple[str, str]] = []
    while True:
        counts = Counter(pair for row in rows for pair in pairwise(row))
        if not counts:
            return made
        # Ties by the alphabet: the same vocabulary wherever it is made.
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        made.append(best)
        for row in rows:
            at = 0
            while at < len(row) - 1:
                if (row[at], row[at + 1]) == best:
                    row[at : at + 2] = ["".join(best)]
                at += 1


def make_model(tokenizer: Any, *, size: int, seed: int) -> Any:
    """A new CLIP of transformers, float32.

    Returns
    -------
    transformers.CLIPModel
    """
    import torch
    from transformers import CLIPConfig, CLIPModel

    tower = {
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": N_HEADS,
        "projection_dim": PROJECTION,
    }
    ids = {f"{kind}_token_id": tokenizer.eos_token_id for kind in ("eos", "pad")}
    text = {
        **tower, **ids, "bos_token_id": tokenizer.bos_token_id, "vocab_size": len(tokenizer),
        "max_position_embeddings": LONGEST,
    }  # fmt: skip
    vision = {**tower, "image_size": size, "patch_size": PATCH}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTION)
    config.text_config.initializer_factor = config.vision_config.initializer_factor = 1.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIPModel(config)


def make_processor(size: int) -> Any:
    """The image processor that belongs to pictures of `size` pixels."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        image_mean=list(MEAN),
        image_std=list(STD),
    )


def save(folder: Path, model: Any, tokenizer: Any, processor: Any) -> None:
    """Write model, tokenizer and processor as `save_pretrained` does."""
    with no_bars():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)


@contextmanager
def threads_of_torch(n: int) -> Iterator[None]:
    """Let torch's operations take `n` threads for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def no_bars() -> Iterator[None]:
    """Keep transformers' own progress bars away."""
    from transformers.utils import logging

    had = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if had:
            logging.enable_progress_bar()


def text_ids(tokenizer: Any, captions: Sequence[str]) -> Tensor:
    """Token ids, padded on the right with the end token, (n, longest)."""
    found = tokenizer(
        list(captions), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
    )
    ids: Tensor = found["input_ids"]
    return ids
