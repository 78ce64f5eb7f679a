"""Generation with a tiny pipeline: seeds, resume, what is in the way, a disk that fills."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from namebasis.errors import EncoderError, NamebasisError
from namebasis.validation.pictures import image_files
from namebasis.validation.pictures.generation import generate
from namebasis.validation.pictures.image_files import (
    empty_folders,
    find_images,
    folder_of,
    read_about,
)
from namebasis.validation.pictures.pipelines import (
    ImagePipeline,
    PaintOptions,
    load_pipeline,
)
from tests.lazily import library

library("diffusers", "the extra diffusers is not installed")
FAST = PaintOptions(steps=2, guidance=1.0, size=16)


class Painter:
    """Stands for a pipeline: a flat image of the seed's grey, and a count of what was asked."""

    spec, fingerprint, has_safety_checker = "diffusers:painter", "sha256:0", True

    def __init__(self, blank: int | None = None, breaks_at: int | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self.blank, self.breaks_at = blank, breaks_at

    def resolved(self, options: PaintOptions) -> PaintOptions:
        return options

    def paint(
        self, prompts: Sequence[str], seeds: Sequence[int], options: PaintOptions
    ) -> list[tuple[Image.Image, bool]]:
        if self.breaks_at is not None and len(self.asked) >= self.breaks_at:
            raise KeyboardInterrupt
        self.asked += zip(prompts, seeds, strict=True)
        return [(Image.new("RGB", (8, 8), (s, s, s)), s == self.blank) for s in seeds]


def made(painter: Painter, names: list[str], folder: Path, **options: object) -> object:
    return generate(painter, names, folder, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pipeline(models: Callable[[str], Path]) -> ImagePipeline:
    return load_pipeline(f"diffusers:{models('pipeline')}")


def test_every_image_is_what_the_pipeline_makes_of_its_prompt_and_seed(
    pipeline: ImagePipeline, models: Callable[[str], Path], tmp_path: Path
) -> None:
    import diffusers
    import torch

    result = generate(
        pipeline, ["Ann Lee", "Bo"], tmp_path, n_images=3, templates=["a photo of {}", "{} asleep"],
        options=FAST, seed=5, batch_size=4,
    )  # fmt: skip
    library = diffusers.StableDiffusionPipeline.from_pretrained(models("pipeline"))
    library.set_progress_bar_config(disable=True)
    assert [(i.name, i.prompt, i.seed) for i in result.images] == [
        ("Ann Lee", "a photo of Ann Lee", 5), ("Ann Lee", "Ann Lee asleep", 6),
        ("Ann Lee", "a photo of Ann Lee", 7), ("Bo", "a photo of Bo", 5),
        ("Bo", "Bo asleep", 6), ("Bo", "a photo of Bo", 7),
    ]  # fmt: skip
    for image in (result.images[1], result.images[5]):
        expected = library(
            image.prompt, generator=torch.Generator().manual_seed(image.seed or 0),
            num_inference_steps=2, guidance_scale=1.0, height=16, width=16,
        ).images[0]  # fmt: skip
        difference = np.asarray(Image.open(image.path), int) - np.asarray(expected, int)
        assert np.abs(difference).max() <= 1
    assert len({np.asarray(Image.open(i.path)).tobytes() for i in result.images}) == 6
    assert result.remarks == (
        f"{pipeline.spec} has no safety checker: look before you show its images.",
    )


def test_a_png_says_what_it_was_made_of(pipeline: ImagePipeline, tmp_path: Path) -> None:
    (image,) = generate(pipeline, ["Zoë 李"], tmp_path, n_images=1, options=FAST).images
    info = Image.open(image.path).info
    assert info["prompt"] == "a photo of Zoë 李"
    assert info["seed"] == "0"
    about = json.loads(info["namebasis"])
    assert about == read_about(image.path)
    assert about["fingerprint"] == pipeline.fingerprint
    assert (about["steps"], about["guidance"], about["size"]) == (2, 1.0, 16)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = Painter(breaks_at=4)
    with pytest.raises(KeyboardInterrupt):
        made(first, ["Ann", "Bo"], tmp_path, n_images=3, batch_size=2)
    steps: list[tuple[int, int]] = []
    second = Painter()
    result = generate(
        second, ["Ann", "Bo"], tmp_path, n_images=3, batch_size=2,  # type: ignore[arg-type]
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert second.asked == [("a photo of Bo", 1), ("a photo of Bo", 2)]
    assert (result.n_made, result.n_found) == (2, 4)
    assert steps == [(4, 6), (6, 6)]
    third = Painter()
    generate(third, ["Ann", "Bo"], tmp_path, n_images=4)  # type: ignore[arg-type]
    assert third.asked == [("a photo of Ann", 3), ("a photo of Bo", 3)]


def test_a_half_written_image_is_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills within the third image: two are there, whole, and no trace of the third."""
    real, written = image_files.replacing_file, []

    def filling(path: Path, overwrite: bool) -> object:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        return real(path, overwrite)

    monkeypatch.setattr(image_files, "replacing_file", filling)
    with pytest.raises(NamebasisError, match=r"No space left on device\). What is there is whole"):
        made(Painter(), ["Ann"], tmp_path, n_images=5)
    assert [image.seed for image in find_images(tmp_path)] == [0, 1]
    monkeypatch.undo()
    painter = Painter()
    made(painter, ["Ann"], tmp_path, n_images=5)
    assert [seed for _, seed in painter.asked] == [2, 3, 4]


def test_images_of_another_making_are_refused_or_replaced(tmp_path: Path) -> None:
    made(Painter(), ["Ann"], tmp_path, n_images=1, options=PaintOptions(steps=5))
    with pytest.raises(NamebasisError, match=r"was made with steps 5, not 9\. Take another folder"):
        made(Painter(), ["Ann"], tmp_path, n_images=1, options=PaintOptions(steps=9))
    painter = Painter()
    made(painter, ["Ann"], tmp_path, n_images=1, options=PaintOptions(steps=9), overwrite=True)
    assert len(painter.asked) == 1
    assert (read_about(tmp_path / folder_of("Ann") / "000000.png") or {})["steps"] == 9


def test_a_broken_image_is_refused_or_made_again(tmp_path: Path) -> None:
    made(Painter(), ["Ann"], tmp_path, n_images=2)
    path = tmp_path / folder_of("Ann") / "000001.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(NamebasisError, match=r"000001.png is broken, or was not made here"):
        made(Painter(), ["Ann"], tmp_path, n_images=2)
    painter = Painter()
    made(painter, ["Ann"], tmp_path, n_images=2, overwrite=True)
    assert painter.asked == [("a photo of Ann", 1)]


def test_what_the_safety_checker_blacked_out_is_counted(tmp_path: Path) -> None:
    for _ in range(2):  # made, then found
        result = generate(Painter(blank=1), ["Ann"], tmp_path, n_images=3)  # type: ignore[arg-type]
        assert [image.is_blank for image in result.images] == [False, True, False]
        assert result.remarks == (
            "1 image was blacked out by the safety checker; none is measured.",
        )


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["Ann", "Ann"], {}, "differ from each other"),
        ([], {}, "one or more"),
        (["Ann"], {"n_images": 0}, "n_images must be an integer, at least 1"),
        (["Ann"], {"templates": ["no slot"]}, "a template must hold {} once"),
        (["Ann"], {"templates": []}, "templates must be at least one"),
    ],
)
def test_bad_arguments_are_refused(
    names: list[str], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        made(Painter(), names, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_names_of_any_letters_get_folders_of_their_own() -> None:
    names = ["Ann Lee", "ann lee", "Ann/Lee", "..", "李", "a" * 300, "Zoë", "CON"]
    folders = [folder_of(name) for name in names]
    assert len({folder.lower() for folder in folders}) == len(names)
    assert all("/" not in f and not f.startswith(".") and len(f) < 100 for f in folders)


def test_a_folder_of_images_per_name_works_too(tmp_path: Path) -> None:
    for place in ("Ann_Lee/1.png", "Ann_Lee/2.jpg", "Bo/x.png"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / place)
    assert [(i.name, i.path.name, i.source) for i in find_images(tmp_path)] == [
        ("Ann Lee", "1.png", "folder"), ("Ann Lee", "2.jpg", "folder"), ("Bo", "x.png", "folder"),
    ]  # fmt: skip
    Image.new("RGB", (8, 8)).save(tmp_path / "Cy_Orr_01.png")
    assert {image.name for image in find_images(tmp_path)} == {"Ann Lee", "Bo", "Cy Orr"}
    (tmp_path / "train").mkdir()
    (tmp_path / "Ann_Lee").rename(tmp_path / "train" / "Ann_Lee")
    assert {image.name for image in find_images(tmp_path)} == {"Ann Lee", "Bo", "Cy Orr"}


def test_a_broken_image_belongs_to_the_name_of_its_neighbours(tmp_path: Path) -> None:
    made(Painter(), ["Ann/Lee"], tmp_path, n_images=2)
    place = tmp_path / folder_of("Ann/Lee")
    (place / "000000.png").write_bytes((place / "000001.png").read_bytes()[:40])
    assert {image.name for image in find_images(tmp_path)} == {"Ann/Lee"}


def test_what_another_program_wrote_is_no_description_of_ours(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt("namebasis", '{"name": 1}')
    place = tmp_path / "Zoe\u0308"  # decomposed, as some systems write folders
    place.mkdir()
    Image.new("RGB", (8, 8)).save(place / "1.png", pnginfo=text)
    (tmp_path / "Bo").mkdir()
    (image,) = find_images(tmp_path)
    assert (image.name, image.source) == ("Zo\u00eb", "folder")
    assert empty_folders(tmp_path) == ["Bo"]


ABOUT = {"name": "Ann", "prompt": "Ann", "source": "s", "seed": 1, "is_blank": False}


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 10**30}, {"seed": 2**63}, {"seed": -1}, {"seed": True}, {"seed": 1.5},
        {"name": "\ud800abc"}, {"prompt": "\udfff"}, {"source": "\ud800"},
        {"name": "\x1b]52;c;YQ==\x07"}, {"name": "\u202ennA"}, {"name": "a\x9b31m"},
        {"prompt": "x" * 100_000}, {"is_blank": 0}, {"name": None},
    ],
)  # fmt: skip
def test_metadata_of_others_are_not_trusted(tmp_path: Path, changed: dict[str, object]) -> None:
    """The image counts as one of its folder, whatever it says of itself."""
    from PIL.PngImagePlugin import PngInfo

    place = tmp_path / "Bo"
    place.mkdir()
    for file, about in ("1.png", ABOUT), ("2.png", ABOUT | changed):
        text = PngInfo()
        text.add_itxt("namebasis", json.dumps(about))
        Image.new("RGB", (8, 8)).save(place / file, pnginfo=text)
    first, second = find_images(tmp_path)
    assert (first.name, first.seed, first.source) == ("Ann", 1, "s")
    assert (second.name, second.seed, second.source) == ("Bo", None, "folder")


def test_huge_metadata_are_not_read(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    (tmp_path / "Bo").mkdir()
    for at, said in enumerate(("[" * 200_000, "9" * 10_000, " " * 3_000_000)):
        text = PngInfo()
        text.add_itxt("namebasis", said, zip=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "Bo" / f"{at}.png", pnginfo=text)
    assert {image.source for image in find_images(tmp_path)} == {"folder"}


def test_a_pipeline_is_refused_with_its_reason(
    models: Callable[[str], Path], tmp_path: Path, pipeline: ImagePipeline
) -> None:
    with pytest.raises(EncoderError, match=r"holds no model_index\.json"):
        load_pipeline(f"diffusers:{tmp_path}")
    folder = Path(shutil.copytree(models("pipeline"), tmp_path / "pickled"))
    for path in folder.glob("unet/*.safetensors"):
        path.rename(path.with_suffix(".bin"))
    with pytest.raises(EncoderError, match="cannot be read"):
        load_pipeline(f"diffusers:{folder}")
    with pytest.raises(EncoderError, match="there is no such folder"):
        load_pipeline("diffusers:./nowhere")
    copied = Path(shutil.copytree(models("pipeline"), tmp_path / "elsewhere"))
    assert load_pipeline(str(copied)).fingerprint == pipeline.fingerprint


def test_an_option_that_a_pipeline_does_not_take_is_named() -> None:
    class Bare:
        def set_progress_bar_config(self, **options: object) -> None: ...

        def __call__(self, prompt: str, generator: object, output_type: str) -> None: ...

    pipeline = ImagePipeline(Bare(), "diffusers:bare", "sha256:0")
    with pytest.raises(EncoderError, match="diffusers:bare takes no guidance_scale; leave that"):
        pipeline.paint(["a"], [0], PaintOptions(guidance=3.0))


def test_a_picture_says_the_defaults_that_it_was_made_by(tmp_path: Path) -> None:
    class Plain:
        def set_progress_bar_config(self, **options: object) -> None: ...

        def __call__(
            self, prompt: list[str], generator: object, output_type: str, height: int | None = None,
            num_inference_steps: int = 50, guidance_scale: float = 7.5,
        ) -> SimpleNamespace:  # fmt: skip
            return SimpleNamespace(images=[Image.new("RGB", (8, 8))] * len(prompt))

    pipeline = ImagePipeline(Plain(), "diffusers:plain", "sha256:0")
    (image,) = generate(pipeline, ["Ann"], tmp_path, n_images=1).images
    about = read_about(image.path) or {}
    assert (about["steps"], about["guidance"], about["size"]) == (50, 7.5, None)
    Plain.__call__.__defaults__ = (None, 50, 5.0)  # another release
    with pytest.raises(NamebasisError, match=r"was made with guidance 7\.5, not 5\.0"):
        generate(ImagePipeline(Plain(), "diffusers:plain", "sha256:0"), ["Ann"], tmp_path)


def test_numbers_that_make_no_image_are_refused() -> None:
    with pytest.raises(ValueError, match="steps must be an integer, at least 1; got 0"):
        PaintOptions(steps=0)
    with pytest.raises(ValueError, match="size must be an integer, at least 1; got -8"):
        PaintOptions(size=-8)
    for guidance in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="guidance must be a finite number"):
            PaintOptions(guidance=guidance)
    with pytest.raises(ValueError, match="dtype must be float16, bfloat16, float32; got 'half '"):
        load_pipeline("organism", dtype="half ")
