"""Image files of every kind and damage, to RGB and to vectors."""

from __future__ import annotations

import io
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.encoders import image_plugins, images
from namebasis.encoders.base import Encoder
from namebasis.encoders.image_files import (
    ImageFailure,
    by_reason,
    encode_image_files,
    list_images,
    read_images,
)
from namebasis.encoders.images import open_image
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def two_halves() -> Image.Image:
    """Red above, blue below, 8 wide and 16 high."""
    picture = Image.new("RGB", (8, 16), RED)
    picture.paste(BLUE, (0, 8, 8, 16))
    return picture


def saved(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_undone(tmp_path: Path, orientation: int) -> None:
    """Each of the eight ways to store the picture comes out as it was."""
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    stored = picture.transpose(turn[orientation]) if orientation in turn else picture
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(stored, tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(np.asarray(open_image(path)), np.asarray(picture))


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b""])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_data_cost_no_whole_picture(tmp_path: Path, exif: bytes) -> None:
    path = saved(two_halves(), tmp_path / "odd.png", exif=exif)
    np.testing.assert_array_equal(np.asarray(open_image(path)), np.asarray(two_halves()))


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    half.putpixel((0, 0), (0, 0, 0, 0))
    seen = open_image(saved(half, tmp_path / "half.png"))
    assert (seen.getpixel((0, 0)), seen.getpixel((1, 1))) == (WHITE, (255, 127, 127))
    grey = Image.new("LA", (4, 4), (0, 0))
    assert open_image(grey).getpixel((0, 0)) == WHITE
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((0, 0), 1)
    path = saved(palette, tmp_path / "palette.png", transparency=1)
    seen = open_image(path)
    assert (seen.getpixel((0, 0)), seen.getpixel((1, 1))) == (WHITE, RED)
    key = saved(two_halves(), tmp_path / "key.png", transparency=BLUE)
    assert open_image(key).getpixel((0, 15)) == WHITE


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    path = saved(Image.fromarray(values), tmp_path / f"deep.{suffix}")
    with Image.open(path) as raw:
        assert raw.mode == "I;16"
    assert np.asarray(open_image(path))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_every_order_of_16_bits_is_scaled(tmp_path: Path) -> None:
    big = Image.frombytes("I;16B", (4, 1), np.array([0, 257, 32896, 65535], dtype=">u2").tobytes())
    path = saved(big, tmp_path / "big.tif")
    with Image.open(path) as raw:
        assert raw.mode == "I;16B"
    assert np.asarray(open_image(path))[0, :, 0].tolist() == [0, 1, 128, 255]
    wide = Image.fromarray(np.array([[0, 257, 32896, 65535]], dtype=np.int32))
    path = saved(wide, tmp_path / "wide.tif")
    with Image.open(path) as raw:
        assert raw.mode == "I"
    assert np.asarray(open_image(path))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_transparent_16_bit_value_is_laid_on_white(tmp_path: Path) -> None:
    values = np.array([[0, 256, 257, 65535]], dtype=np.uint16)
    path = saved(Image.fromarray(values), tmp_path / "key.png", transparency=256)
    assert np.asarray(open_image(path))[0, :, 0].tolist() == [0, 255, 1, 255]


def test_other_modes_become_rgb(tmp_path: Path) -> None:
    assert open_image(Image.new("L", (3, 3), 100)).getpixel((0, 0)) == (100, 100, 100)
    assert open_image(Image.new("1", (3, 3), 1)).getpixel((0, 0)) == WHITE
    cmyk = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "c.tif")
    assert open_image(cmyk).getpixel((0, 0)) == RED
    cmyk = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "c.jpg")
    np.testing.assert_allclose(open_image(cmyk).getpixel((0, 0)), RED, atol=3)
    real = Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert np.asarray(open_image(real))[0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(EncoderError, match=r"grey values run from -1 to 7; expected 0 to 1"):
        open_image(Image.fromarray(np.array([[-1.0, 7.0]], dtype=np.float32)))
    with pytest.raises(EncoderError, match=r"run from 0 to 1e\+06; expected 0 to 65535 in mode I"):
        open_image(Image.fromarray(np.array([[0, 1_000_000]], dtype=np.int32)))


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    path = saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert open_image(path).getpixel((0, 0)) == RED


def test_arrays_and_images_are_taken_as_they_are() -> None:
    picture = two_halves()
    array = np.asarray(picture)
    np.testing.assert_array_equal(np.asarray(open_image(array[:, :, :1])), array[:, :, [0, 0, 0]])
    np.testing.assert_array_equal(np.asarray(open_image(array)), array)
    clear = np.zeros((2, 2, 4), dtype=np.uint8)
    assert open_image(clear).getpixel((0, 0)) == WHITE
    opened = open_image(picture)
    opened.paste(0, (0, 0, 8, 16))
    assert picture.getpixel((0, 0)) == RED, "the caller's image stays as it is"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 4, 3)), r"must be uint8 of shape .*; got float64 of shape \(4, 4, 3\)"),
        (np.zeros((4, 4, 2), np.uint8), r"got uint8 of shape \(4, 4, 2\)"),
        (np.zeros(4, np.uint8), r"got uint8 of shape \(4,\)"),
        (np.zeros((0, 4), np.uint8), r"must hold pixels; got shape \(0, 4\)"),
        (7, r"must be a path, a PIL image or a uint8 array; got int"),
    ],
)
def test_wrong_arguments_are_refused(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_image(given)  # type: ignore[arg-type]


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises any size over a few bytes of data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def jpeg_bytes() -> bytes:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "jpeg")
    return buffer.getvalue()


DAMAGED = [
    ("missing.png", None, "the file does not exist"),
    ("empty.png", b"", "is empty"),
    ("text.jpg", b"this is no image", "is not an image that Pillow can read"),
    ("cut.jpg", jpeg_bytes()[:900], "cannot be read: .*truncated"),
    ("cut.png", png_of(64, 64), "cannot be read: .*truncated"),
    ("cut.gif", b"GIF89a" + bytes(4), "cannot be read|is not an image"),
    ("bomb.png", png_of(60_000, 60_000), r"cannot be read: .*3600000000 pixels\) exceeds limit"),
    (
        "drawing.png",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        "a program that is never",
    ),
    ("large.png", png_of(12_000, 10_000), r"unpacks to 12000 x 10000 pixels, more than 89,478,485"),
]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("name", "data", "message"), DAMAGED, ids=[row[0] for row in DAMAGED])
def test_damaged_files_are_refused(
    tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(EncoderError, match=message) as caught:
        open_image(path)
    assert str(caught.value).startswith(str(path))
    with pytest.raises(EncoderError, match="it is a folder, not a file"):
        open_image(tmp_path)


def test_a_bomb_is_refused_where_pillows_own_guard_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it must not be decoded"))
    (tmp_path / "bomb.png").write_bytes(png_of(60_000, 60_000))
    with pytest.raises(EncoderError, match=r"unpacks to 60000 x 60000 pixels, more than 89,478,"):
        open_image(tmp_path / "bomb.png")


@pytest.mark.parametrize("size", [(1, 2_000_000), (2_000_000, 1), (1, 21), (2100, 100)])
def test_images_of_absurd_proportion_are_refused_in_a_line(
    tmp_path: Path, size: tuple[int, int], tiny: Callable[[str], Path]
) -> None:
    """Scaled to 16 pixels of width, two million of height would be 32 million."""
    path = saved(Image.new("1", size), tmp_path / "thin.png")
    message = f"thin.png is {size[0]} x {size[1]} pixels, one side more than 20 times as long"
    with pytest.raises(EncoderError, match=message) as caught:
        open_image(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(EncoderError, match="an image array is"):
        open_image(np.zeros((size[1], size[0]), dtype=np.uint8))
    saved(Image.new("RGB", (20, 1)), tmp_path / "whole.png")
    found = encode_image_files(load_encoder(f"hf:{tiny('clip')}"), tmp_path)
    assert [Path(path).name for path in found.paths] == ["whole.png"]
    assert [Path(failure.path).name for failure in found.failures] == ["thin.png"]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2", "clip_vision", "open_clip"])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 3), (3, 1), (20, 1), (3, 40)])
def test_small_images_of_every_shape_are_encoded(
    kind: str, size: tuple[int, int], tiny: Callable[[str], Path]
) -> None:
    spec = f"open_clip:local-dir:{tiny(kind)}" if kind == "open_clip" else f"hf:{tiny(kind)}"
    encoder = load_encoder(spec)
    rows = encoder.encode_images([Image.new("RGB", size, (10, 200, 30))] * 2)
    assert rows.shape == (2, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b.png", "~nobody/x.png", ""])
def test_odd_file_names_are_refused_like_missing_files(name: str) -> None:
    reason = r"the file does not exist|it is a folder|File name too long|embedded null"
    with pytest.raises(EncoderError, match=rf"no image can be read, ({reason})"):
        open_image(name)
    ((index, failure),) = read_images([name])
    assert isinstance(failure, ImageFailure)
    assert (index, failure.path) == (0, name)
    with pytest.raises(EncoderError, match="is not a folder"):
        list_images(f"nowhere/{name}")


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Good and bad files, in folders."""
    root = tmp_path / "gallery"
    (root / "b" / "deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("z.png", "a.JPG", "b/c.webp", "b/deep/d.bmp"):
        picture = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
        picture.save(root / name)
    (root / "b" / "broken.png").write_bytes(b"broken")
    (root / "b" / "cut.jpg").write_bytes(jpeg_bytes()[:900])
    (root / "notes.txt").write_text("no image")
    (root / ".hidden.png").write_bytes(b"")
    return root


def test_folders_are_listed_in_order(gallery: Path, tmp_path: Path) -> None:
    found = [path.relative_to(gallery).as_posix() for path in list_images(gallery)]
    expected = ["a.JPG", "b/broken.png", "b/c.webp", "b/cut.jpg", "b/deep/d.bmp", "z.png"]
    assert found == expected
    (tmp_path / "none").mkdir()
    with pytest.raises(EncoderError, match=r"none holds no image file \(\.avif, \.bmp"):
        list_images(tmp_path / "none")
    with pytest.raises(EncoderError, match="nowhere is not a folder"):
        list_images(tmp_path / "nowhere")


@pytest.mark.parametrize("workers", [1, 3])
def test_bad_files_are_recorded_and_stop_nothing(gallery: Path, workers: int) -> None:
    paths = [*list_images(gallery), gallery / "gone.png"]
    read = list(read_images(paths, workers=workers))
    assert [index for index, _ in read] == list(range(7))
    failures = {index: image for index, image in read if isinstance(image, ImageFailure)}
    assert sorted(failures) == [1, 3, 6]
    assert failures[1] == ImageFailure(str(paths[1]), "is not an image that Pillow can read.")
    assert "truncated" in failures[3].reason
    assert "does not exist" in failures[6].reason
    for index, image in read:
        if not isinstance(image, ImageFailure):
            np.testing.assert_array_equal(np.asarray(image), np.asarray(open_image(paths[index])))


def test_few_images_are_read_ahead_and_none_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = 0

    def endless() -> Iterator[str]:
        nonlocal drawn
        while True:
            drawn += 1
            yield "x.png"

    monkeypatch.setattr(images, "open_image", lambda path: Image.new("RGB", (1, 1)))
    reader = read_images(endless(), workers=2)
    for _ in range(10):
        next(reader)
    assert drawn <= 10 + 2 * 2
    reader.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5
    while any(thread.name.startswith("images") for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the workers must end with the reader"
        time.sleep(0.01)
    with pytest.raises(ValueError, match="workers must be an integer, at least 1; got 0"):
        next(read_images([], workers=0))


def test_a_folder_is_encoded(gallery: Path, tiny: Callable[[str], Path]) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    steps: list[tuple[int, int]] = []
    found = encode_image_files(
        encoder, gallery, batch_size=3, progress=lambda *step: steps.append(step)
    )
    assert [Path(path).name for path in found.paths] == ["a.JPG", "c.webp", "d.bmp", "z.png"]
    assert [Path(failure.path).name for failure in found.failures] == ["broken.png", "cut.jpg"]
    np.testing.assert_allclose(found.vectors, encoder.encode_images(list(found.paths)), atol=1e-6)
    assert steps == [(done, 6) for done in range(1, 7)]
    one = encode_image_files(encoder, gallery / "z.png")
    np.testing.assert_allclose(one.vectors, found.vectors[3:], atol=1e-6)
    none = encode_image_files(encoder, [gallery / "b" / "broken.png"])
    assert (none.paths, none.vectors.shape, len(none.failures)) == ((), (0, encoder.dim), 1)
    with pytest.raises(EncoderError, match="minilm reads no images"):
        encode_image_files(load_encoder("minilm"), gallery)


def test_an_encoder_takes_paths_arrays_and_images(
    gallery: Path, tiny: Callable[[str], Path]
) -> None:
    encoder: Encoder = load_encoder(f"hf:{tiny('clip')}")
    path = gallery / "z.png"
    picture = Image.open(path)
    rows = encoder.encode_images([path, str(path), picture, np.asarray(picture)])
    np.testing.assert_allclose(rows, rows[[0, 0, 0, 0]], atol=1e-6)
    assert encoder.encode_images([]).shape == (0, encoder.dim)
    stack = np.stack([np.asarray(picture)] * 2)
    np.testing.assert_allclose(encoder.encode_images(stack), rows[:2], atol=1e-6)
    for one in (str(path), path, picture, stack[0], stack[0, :, :, 0]):
        with pytest.raises(ValueError, match=r"images must be a list; put a single one into \[ \]"):
            encoder.encode_images(one)
    with pytest.raises(EncoderError, match=r"broken\.png is not an image"):
        encoder.encode_images([path, gallery / "b" / "broken.png"])


@pytest.mark.parametrize(
    ("plugin", "kind", "package"),
    [(image_plugins.HEIF, "HEIF", "pillow-heif"), (image_plugins.JXL, "JXL", "pillow-jxl-plugin")],
    ids=["heic", "jxl"],
)
def test_a_plugin_of_pillow_reads_its_kind_whatever_the_file_is_called(
    plugin: image_plugins.Plugin,
    kind: str,
    package: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip(plugin.module, reason=f"{package} is not installed")
    plugin.register()
    for name in (f"a{plugin.suffixes[0]}", "b.jpg"):
        Image.new("RGB", (16, 16), (200, 20, 20)).save(tmp_path / name, kind)
        red, green, _ = open_image(tmp_path / name).getpixel((8, 8))  # type: ignore[misc]
        assert red > 180
        assert green < 50
    assert {file.name for file in list_images(tmp_path)} == {f"a{plugin.suffixes[0]}", "b.jpg"}
    monkeypatch.setitem(sys.modules, plugin.module, None)  # as if it were not installed
    with pytest.raises(EncoderError, match=rf"b\.jpg is {plugin.kind}.*: pip install {package}$"):
        open_image(tmp_path / "b.jpg")
    assert image_plugins.missing()[plugin.suffixes[0]] is plugin
    assert plugin.suffixes[0] not in image_plugins.suffixes()


def test_reasons_that_differ_in_numbers_are_one() -> None:
    failures = [
        ImageFailure("a", "is cut short (5 bytes)."),
        ImageFailure("b", "is cut short (1,024 bytes)"),
        ImageFailure("c", "is empty"),
    ]
    assert by_reason(failures) == {"is cut short (5 bytes)": ["a", "b"], "is empty": ["c"]}
