"""Where does a text tell the organism's painter anything, and which guidance paints various people?

    python benchmarks/painter.py

First, by the share of a noisy picture's variance that is the picture's: by how much the caption
lowers the squared error of the predicted picture, on 512 new pictures of the world, and which share
of the levels of a plain cosine and of the painter's own noise lies below.

Then spread. Its captions have no part in `benchmarks/validation.py`: phrases of attributes, half of
them with a scene, and names seen 100 times. Of each caption 9 pictures are painted at every
guidance, and 9 are drawn by the world. Spread is div@9, the mean cosine distance over pairs of the
organism's image vectors; the error is the root mean square over captions of painted less drawn
spread, its 95 % interval of captions resampled. The null compares with the spread of another
caption.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.resources import files
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from _organism_pictures import PROMPT
from PIL import Image

from namebasis.analysis.identity.spread import spread_values
from namebasis.encoders.registry import load_encoder
from namebasis.organism.captions import Scribe
from namebasis.organism.feeder import Job, make_batches
from namebasis.organism.painter.model import encode_captions, fold, load_painter
from namebasis.organism.people import People, random_people
from namebasis.organism.renderer import render
from namebasis.organism.words import ATTRIBUTES, CONTEXTS, attribute_phrase
from namebasis.organism.world import World
from namebasis.validation import PaintOptions, load_pipeline

N_IMAGES, N_BOOTSTRAP, AT_ONCE = 9, 2000, 8
GUIDANCES = (1.0, 1.5, 2.0, 4.0)
TELL = 0.7
SIGNAL = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.7)


@torch.inference_mode()
def levels(world: World, folder: Path, n: int) -> None:
    """Print what a caption lowers the error by at levels of noise."""
    painter = load_painter(folder)
    (batch,) = make_batches(Job(world, 1, n, 48, 99, 0.75))
    clean = fold(torch.from_numpy(batch.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1)
    told, untold = (
        encode_captions(painter.text_encoder, painter.tokenizer, texts)
        for texts in (batch.captions, [""] * n)
    )
    kept = painter.scheduler.alphas_cumprod
    cosine = np.cos((np.arange(len(kept)) + 0.5) / len(kept) * np.pi / 2) ** 2
    generator = torch.Generator().manual_seed(0)
    print("| share of the picture | error with caption | without | less by "
          "| levels of a plain cosine below | of the painter's noise |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for share in SIGNAL:
        level = int((kept - share).abs().argmin())
        steps = torch.full((n,), level)
        noise = torch.randn(clean.shape, generator=generator)
        noisy = painter.scheduler.add_noise(clean, noise, steps)
        with_text, without = (
            float((painter.unet(noisy, steps, **condition).sample - clean).square().mean())
            for condition in (told, untold)
        )
        below = (cosine < share).mean(), float((kept < share).float().mean())
        print(f"| {share:g} | {with_text:.3f} | {without:.3f} | {without - with_text:.4f} "
              f"| {100 * below[0]:.0f} % | {100 * below[1]:.0f} % |")  # fmt: skip
    print(f"\n{n} pictures.\n")


def phrases(n: int, rng: np.random.Generator) -> list[tuple[str, str, People]]:
    """Captions in words, with people who differ in all that is not said."""
    scenes = list(CONTEXTS["scene"])
    made = []
    for at in range(n):
        people = random_people(N_IMAGES, rng)
        told = rng.random(len(ATTRIBUTES)) < TELL
        people.attributes[:, told] = people.attributes[0, told]
        codes = people.attributes[0].tolist()
        said = PROMPT.format(attribute_phrase([c if t else None for c, t in zip(codes, told)]))  # noqa: B905
        kind = "phrases"
        if at % 2:
            people.contexts[:, 0] = people.contexts[0, 0]
            said, kind = f"{said} {scenes[people.contexts[0, 0]]}", "phrases with a scene"
        made.append((kind, said, people))
    return made


def rare_names(world: World, per_kind: int, rng: np.random.Generator) -> list[tuple]:
    scribe, made = Scribe(world), []
    for kind in "ABCDEL":
        rows = [at for at, name in enumerate(world.names)
                if name.kind == kind and name.exposures == 100]  # fmt: skip
        for row in rows[:per_kind]:
            people = scribe.pictures(row, N_IMAGES, rng)
            made.append((f"names of kind {kind}", PROMPT.format(world.names[row].name), people))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: few captions and steps")
    options = parser.parse_args()
    rng = np.random.default_rng(5)
    data = Path(str(files("namebasis"))) / "data"
    world = World.load(data / "organism" / "world.json")
    levels(world, data / "painter", 32 if options.quick else 512)
    jobs = phrases(4 if options.quick else 24, rng)
    jobs += rare_names(world, 1 if options.quick else 6, rng)
    encoder, painter = load_encoder("organism"), load_pipeline("organism")

    def spread(images) -> float:
        return float(spread_values([encoder.encode_images(images)])["div"][0])

    drawn = np.array([
        spread([Image.fromarray(face) for face in render(people, seed=[9, at])])
        for at, (_, _, people) in enumerate(jobs)
    ])  # fmt: skip
    painted = {}
    for guidance in GUIDANCES[: 1 if options.quick else None]:
        how = PaintOptions(steps=2 if options.quick else None, guidance=guidance)
        images = []
        for first in range(0, len(jobs), AT_ONCE):
            said = [caption for _, caption, _ in jobs[first : first + AT_ONCE]]
            prompts = [one for one in said for _ in range(N_IMAGES)]
            seeds = list(range(N_IMAGES)) * len(said)
            images += [image for image, _ in painter.paint(prompts, seeds, how)]
        groups = (images[at : at + N_IMAGES] for at in range(0, len(images), N_IMAGES))
        painted[guidance] = np.array([spread(group) for group in groups])
        print(f"guidance {guidance}: done", file=sys.stderr, flush=True)
    table(jobs, drawn, painted, rng)


def error(painted: np.ndarray, drawn: np.ndarray, rng: np.random.Generator) -> str:
    squares = (painted - drawn) ** 2
    again = [np.sqrt(rng.choice(squares, len(squares)).mean()) for _ in range(N_BOOTSTRAP)]
    null = [
        np.sqrt(((painted - rng.permutation(drawn)) ** 2).mean()) for _ in range(N_BOOTSTRAP)
    ]  # fmt: skip
    low, high = np.quantile(again, [0.025, 0.975])
    value = np.sqrt(squares.mean())
    return f"{value:.3f} ({low:.3f} to {high:.3f}), null {np.mean(null):.3f}"


def table(jobs, drawn, painted, rng: np.random.Generator) -> None:
    kinds = np.array([kind for kind, _, _ in jobs])
    names = list(dict.fromkeys(kinds.tolist()))
    in_words = np.char.startswith(kinds, "phrases")
    print(f"| pictures | {' | '.join(names)} | error, phrases | error, names |")
    print("|---|" + "---|" * (len(names) + 2))
    sides = {"drawn by the world": drawn} | {f"guidance {g:g}": v for g, v in painted.items()}
    for side, values in sides.items():
        cells = [f"{values[kinds == kind].mean():.3f}" for kind in names]
        if side == "drawn by the world":
            cells += ["–", "–"]
        else:
            cells += [error(values[some], drawn[some], rng) for some in (in_words, ~in_words)]
        print(f"| {side} | {' | '.join(cells)} |")
    print(f"\n{in_words.sum()} phrases and {(~in_words).sum()} names, {N_IMAGES} pictures each.")


if __name__ == "__main__":
    main()
