"""The face step: published outputs decoded, faces chosen, cut out, aligned and kept."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lance
import numpy as np
import pytest
import torch
from PIL import Image

from namebasis.errors import EncoderError
from namebasis.namespace.store.opening import IMAGES
from namebasis.validation.extractors.base import Attribute, Extractor, Found, notes_on_faces
from namebasis.validation.extractors.mivolo import MiVolo
from namebasis.validation.extractors.onnx_model import load_onnx
from namebasis.validation.extractors.registry import load_extractor
from namebasis.validation.faces.alignment import ARCFACE, aligned, similarity, template_points
from namebasis.validation.faces.contract import FACE, PERSON, WHOLE, Face, FaceFinder, Faces
from namebasis.validation.faces.decoding import Boxes, merged
from namebasis.validation.faces.detectors import OpenCVFaces, load_faces
from namebasis.validation.pictures.image_files import ImageFile
from namebasis.validation.pictures.image_store import identity_of, measure_images
from tests.lazily import library

ops = library("torchvision.ops")
STRIDES = (8, 16, 32)


def export(file: Path, outputs: Mapping[str, np.ndarray], size: tuple[int, int] = (64, 96)) -> Path:
    """A model that gives these arrays whatever it sees, under these names."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, *size])
    nodes = [helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0)]
    nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    constants = [numpy_helper.from_array(np.float32(0), "zero")]
    told = []
    for name, values in outputs.items():
        constants.append(numpy_helper.from_array(values.astype(np.float32), f"{name} value"))
        nodes.append(helper.make_node("Add", [f"{name} value", "nothing"], [name]))
        told.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape))
    graph = helper.make_graph(nodes, "constant", [given], told, constants)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), file)
    return file


def heads(family: str, *, points: bool = True, seed: int = 0) -> dict[str, np.ndarray]:
    """Random outputs of the published shapes for 64 x 96 pixels, a few cells of them sure."""
    rng = np.random.default_rng(seed)
    anchors = 2 if family == "scrfd" else 1
    found: dict[str, np.ndarray] = {}
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10} if family == "yunet" else (
        {"score": 1, "bbox": 4, "kps": 10} if points else {"score": 1, "bbox": 4}
    )  # fmt: skip
    for head, width in widths.items():
        for stride in STRIDES:
            n = (64 // stride) * (96 // stride) * anchors
            if width == 1:  # beyond [0, 1] too: OpenCV clips both
                values = np.where(rng.random((n, 1)) < 0.2, rng.uniform(0.7, 1.2, (n, 1)), -0.1)
            else:
                low = 0.2 if family == "scrfd" and head == "bbox" else -0.5
                values = rng.uniform(low, 1.5, (n, width))
            found[f"{head}_{stride}"] = values[None] if family == "yunet" else values
    return found


def decoded(family: str, outputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Boxes, scores and points, cell by cell, as the two projects write them down."""
    boxes, scores, points = [], [], []
    for stride in STRIDES:
        rows = {name.split("_")[0]: v.reshape(-1, v.shape[-1]) for name, v in outputs.items()
                if name.endswith(f"_{stride}")}  # fmt: skip
        at = 0
        for row in range(64 // stride):
            for column in range(96 // stride):
                for _ in range(2 if family == "scrfd" else 1):
                    box, kps = rows["bbox"][at], rows.get("kps", np.zeros((at + 1, 10)))[at]
                    if family == "yunet":
                        chance = [float(np.clip(rows[h][at, 0], 0, 1)) for h in ("cls", "obj")]
                        score = (chance[0] * chance[1]) ** 0.5
                        x, y = (column + box[0]) * stride, (row + box[1]) * stride
                        w, h = np.exp(box[2]) * stride, np.exp(box[3]) * stride
                        boxes.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
                        points.append(
                            [
                                ((kps[2 * n] + column) * stride, (kps[2 * n + 1] + row) * stride)
                                for n in range(5)
                            ]
                        )
                    else:
                        score = float(rows["score"][at, 0])
                        x, y = column * stride, row * stride
                        away = box * stride
                        boxes.append([x - away[0], y - away[1], x + away[2], y + away[3]])
                        points.append([(x + kps[2 * n] * stride, y + kps[2 * n + 1] * stride)
                                       for n in range(5)])  # fmt: skip
                    scores.append(score)
                    at += 1
    return np.array(boxes), np.array(scores), np.array(points)


def suppressed(boxes: np.ndarray, scores: np.ndarray, least: float, most: float) -> list[int]:
    sure = np.flatnonzero(scores >= least)
    kinds = torch.zeros(len(sure), dtype=torch.long)
    kept = ops.batched_nms(torch.tensor(boxes[sure]), torch.tensor(scores[sure]), kinds, most)
    return sure[kept.numpy()].tolist()


@pytest.mark.parametrize(("family", "has_points", "limits"), [
    ("yunet", True, (0.6, 0.3)), ("scrfd", True, (0.5, 0.4)), ("scrfd", False, (0.5, 0.4)),
])  # fmt: skip
def test_published_outputs_are_decoded(
    family: str, has_points: bool, limits: tuple[float, float], tmp_path: Path
) -> None:
    """On a picture twice as large as the input, with torchvision's suppression."""
    outputs = heads(family, points=has_points)
    file = export(tmp_path / "model.onnx", outputs)
    found = load_faces(file).finder.find(Image.new("RGB", (192, 128)))
    boxes, scores, points = decoded(family, outputs)
    kept = suppressed(boxes, scores, *limits)
    assert len(kept) > 5
    np.testing.assert_allclose([face.box for face in found], 2 * boxes[kept], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose([face.score for face in found], scores[kept], rtol=1e-5)
    if has_points:
        told = [face.points for face in found]
        np.testing.assert_allclose(told, 2 * points[kept], rtol=1e-5, atol=1e-4)
    else:
        assert {face.points for face in found} == {None}


def test_opencv_decodes_yunet_alike(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="the extra faces is not installed")
    file = export(tmp_path / "yunet.onnx", heads("yunet"))
    picture = Image.new("RGB", (96, 64))
    own = load_faces(f"yunet={file}").finder.find(picture)
    theirs = OpenCVFaces(file, "opencv").find(picture)
    # OpenCV suppresses boxes of whole pixels: a pair at the limit may fall otherwise.
    boxes = np.array([face.box for face in own])
    close = [np.abs(boxes - np.array(face.box)).max(axis=1).min() < 1e-2 for face in theirs]
    assert np.mean(close) > 0.9
    assert abs(len(own) - len(theirs)) <= 2


def test_suppression_is_that_of_torchvision() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 60, (300, 2))
    boxes = np.hstack([low, low + rng.uniform(5, 30, (300, 2))])
    scores, kinds = rng.random(300), rng.integers(0, 2, 300)
    found = merged(Boxes(boxes, scores, None, kinds), 0.0, 0.45)
    kept = ops.batched_nms(*map(torch.tensor, (boxes, scores, kinds)), 0.45)
    np.testing.assert_array_equal(found.boxes, boxes[kept.numpy()])
    assert (
        float(ops.box_iou(*[torch.tensor(found.boxes[found.kinds == 0])] * 2).triu(1).max()) <= 0.45
    )


def test_a_face_gets_the_person_that_holds_it(tmp_path: Path) -> None:
    """The smaller of two that do; a letterboxed picture, in whose coordinates boxes come back."""
    rows = np.array([  # x, y, width, height, person, face
        [20, 30, 30, 50, 0.9, 0.0], [24, 30, 44, 60, 0.8, 0.0], [70, 30, 20, 50, 0.7, 0.0],
        [20, 14, 8, 8, 0.0, 0.9], [50, 14, 6, 6, 0.0, 0.8], [5, 5, 4, 4, 0.0, 0.3],
    ])  # fmt: skip
    file = export(tmp_path / "yolo.onnx", {"output0": rows.T[None]})
    step = load_faces(f"person-face={file}")
    first, second = step.finder.find(Image.new("RGB", (48, 64)))
    assert first.box == (16, 10, 24, 18)
    assert first.body == (5, 5, 35, 55)
    assert second.body is None
    assert first.points is None
    assert step.finder.finds_persons


# ------------------------------------------------------------------------------ alignment


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """IEEE PAMI 13 (1991) 376, equations 40 to 42."""
    mean, wanted = source.mean(axis=0), target.mean(axis=0)
    left, sizes, right = np.linalg.svd((target - wanted).T @ (source - mean) / len(source))
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    turn = left @ np.diag(signs) @ right
    scale = (sizes * signs).sum() / (source - mean).var(axis=0).sum()
    return np.column_stack([scale * turn, wanted - scale * turn @ mean])


def test_the_transform_is_umeyamas() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        points = rng.uniform(0, 200, (5, 2))
        wanted = template_points((112, 112))
        np.testing.assert_allclose(similarity(points, wanted), umeyama(points, wanted), atol=1e-9)


@pytest.mark.parametrize(("size", "first"), [
    (112, (38.2946, 51.6963)), (224, (76.5892, 103.3926)), (128, (46.2946, 51.6963)),
])  # fmt: skip
def test_the_template_is_scaled_as_published(size: int, first: tuple[float, float]) -> None:
    np.testing.assert_allclose(template_points((size, size))[0], first)


def test_an_aligned_face_has_its_points_on_the_template() -> None:
    """Spots at five points of a turned, larger face; their centres of light after alignment."""
    angle, scale = 0.5, 2.3
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.array(ARCFACE) @ turn.T + [150, 40]
    rows, columns = np.mgrid[:400, :400]
    light = np.zeros((400, 400))
    for x, y in points:
        light += 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 6**2))
    picture = Image.fromarray(light.clip(0, 255).astype(np.uint8)).convert("RGB")
    found = np.asarray(aligned(picture, points, (112, 112)), dtype=float)[:, :, 0]
    rows, columns = np.mgrid[:112, :112]
    for x, y in ARCFACE:
        near = found * (np.hypot(columns - x, rows - y) < 7)
        centre = np.array([(near * columns).sum(), (near * rows).sum()]) / near.sum()
        np.testing.assert_allclose(centre, [x, y], atol=0.15)


# ------------------------------------------------------------------------------- the step


class Given(FaceFinder):
    """Finds what it was given, and counts."""

    spec, fingerprint = "given", "given 1"

    def __init__(self, faces: Sequence[Face]) -> None:
        self.faces, self.n_calls = faces, 0

    def find(self, image: Image.Image) -> Sequence[Face]:
        self.n_calls += 1
        return self.faces


class Red(Extractor):
    """Mean red of the face."""

    spec = "red"
    attributes = (Attribute("red"),)
    regions = (FACE,)

    def _measure(self, images: list[Image.Image]) -> list[Found]:
        return [Found(values=np.array([np.asarray(one)[..., 0].mean() for one in images]))]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Blue, with a red face of 20 x 20 and two smaller ones of other reds."""
    pixels = np.zeros((200, 120, 3), dtype=np.uint8)
    pixels[..., 2] = 255
    pixels[30:50, 50:70] = (200, 0, 0)
    pixels[100:110, 10:20] = (100, 0, 0)
    pixels[45:55, 90:100] = (50, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "three.png")
    return tmp_path / "three.png"


LARGE, SMALL, NEAR = (50.0, 30.0, 70.0, 50.0), (10.0, 100.0, 20.0, 110.0), (90.0, 45.0, 100.0, 55.0)


def measured(faces: Sequence[Face], picture: Path) -> tuple[float, str | None]:
    extractor = Red()
    extractor.faces = Faces(Given(faces))
    (found,) = extractor.measure([picture])
    return float(found.values[0]), found.reasons[0]


def test_the_largest_face_is_taken_and_said(picture: Path) -> None:
    three = [Face(SMALL, 0.99), Face(LARGE, 0.7), Face(NEAR, 0.8)]
    assert measured(three, picture) == (200.0, "3 faces: the largest taken")
    assert measured(three[1:2], picture) == (200.0, None)
    value, reason = measured([], picture)
    assert np.isnan(value)
    assert reason == "no face"
    # Half of it beyond the picture: what there is of it.
    assert measured([Face((-10, 100, 20, 110), 0.9)], picture)[0] == 50.0


def test_a_second_extractor_looks_for_no_face_again(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = Given([Face(LARGE, 0.7)])
    step, n_opened = Faces(finder), []
    from namebasis.validation.faces import contract

    opening = contract.open_image
    monkeypatch.setattr(
        contract, "open_image", lambda image: n_opened.append(image) or opening(image)
    )
    for _ in range(2):
        extractor = Red()
        extractor.faces = step
        extractor.measure([picture, Image.open(picture)])
    # The file and its pixels are two digests; the crop of the file is not opened again.
    assert finder.n_calls == 2
    assert [isinstance(one, Path) for one in n_opened].count(True) == 1


def test_crops_beyond_the_memory_are_cut_again(picture: Path) -> None:
    step = Faces(Given([Face(LARGE, 0.7)]), most_bytes=1)
    first = [step.crops(picture, [region])[0].image for region in (FACE, PERSON, FACE)]
    assert first[0] is not None
    assert first[2] is not None
    assert first[0].tobytes() == first[2].tobytes()
    assert step.finder.n_calls == 1  # type: ignore[attr-defined]
    assert step.crops(picture, [WHOLE])[0].image.size == (120, 200)  # type: ignore[union-attr]


def test_mivolo_is_shown_the_face_and_the_body(picture: Path) -> None:
    """The body holds the face, and not those of others."""
    shown: list[list[Image.Image]] = []
    given: list[torch.Tensor] = []

    def processor(images: list[Image.Image]) -> dict[str, Any]:
        shown.append(images)
        return {"pixel_values": np.full((len(images), 3, 2, 2), float(len(shown)))}

    class Model(torch.nn.Module):
        config = SimpleNamespace(gender_id2label={"0": "male", "1": "female"})
        device, dtype = torch.device("cpu"), torch.float32

        def forward(self, faces_input: torch.Tensor, body_input: torch.Tensor) -> Any:
            given.extend([faces_input, body_input])
            n = len(faces_input)
            return SimpleNamespace(
                age_output=torch.full((n, 1), 31.0), raw_gender_output=torch.zeros(n, 2)
            )

    mivolo = MiVolo(Model(), processor, "mivolo")
    mivolo.faces = Faces(Given([Face(LARGE, 0.9), Face(NEAR, 0.8)]))
    age, _ = mivolo.measure([picture])
    assert age.values.tolist() == [31.0]
    assert age.reasons == ("2 faces: the largest taken; the body estimated from the face",)
    (face,), (body,) = shown
    assert np.asarray(face)[..., 0].min() == 200
    # Four faces wide, from half a face above to seven below its top.
    assert body.size == (80, 150)
    pixels = np.asarray(body)
    np.testing.assert_array_equal(pixels[10:30, 30:50], np.broadcast_to([200, 0, 0], (20, 20, 3)))
    assert pixels[26:34, 71:79].max() == 0
    assert [float(one.mean()) for one in given] == [1.0, 2.0]
    mivolo.faces = Faces(Given([Face(LARGE, 0.9, body=(40, 20, 80, 190))]))
    assert mivolo.measure([picture])[0].reasons == (None,)
    assert shown[-1][0].size == (40, 170)
    mivolo.faces = None
    mivolo.measure([picture])
    assert shown[-1][0].size == (120, 200)
    assert float(given[-1].abs().max()) == 0.0


def test_faces_are_kept_with_the_measurements(picture: Path, tmp_path: Path) -> None:
    """A later extractor of the same pictures looks for no face; another detector does."""
    image = ImageFile("Vicki", picture)
    finders = [Given([Face(SMALL, 0.9), Face(LARGE, 0.5, ((1.0, 2.0),) * 5, NEAR)])
               for _ in range(3)]  # fmt: skip
    finders[2].fingerprint = "another"
    tables = []
    for number, finder in enumerate(finders):
        extractor = Red()
        extractor.spec, extractor.faces = f"red {number}", Faces(finder)
        tables.append(measure_images([image], [extractor], store=tmp_path / "store"))
    assert [finder.n_calls for finder in finders] == [1, 0, 1]
    for table in tables:
        assert table.columns["red"].tolist() == [200.0]
        assert table.reasons["red"] == ("2 faces: the largest taken",)
    again = Faces(finders[1])
    extractor = Red()
    extractor.spec, extractor.faces = "red 9", again
    measure_images([image], [extractor], store=tmp_path / "store")
    assert list(again.known.values()) == [(Face(LARGE, 0.5, ((1.0, 2.0),) * 5, NEAR),
                                           Face(SMALL, 0.9))]  # fmt: skip


def test_the_box_of_a_face_stands_with_its_picture(picture: Path, tmp_path: Path) -> None:
    """As shares of width and height, within the picture; one in an archive is told by its bytes."""
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        tar.add(picture, "Vicki.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "none.png")
    places = [tmp_path / "all.tar" / "Vicki.png", tmp_path / "none.png"]
    found = {(120, 200): [Face((-12, 20, 60, 100), 0.9)], (40, 40): []}

    class BySize(Given):
        def find(self, image: Image.Image) -> Sequence[Face]:
            self.n_calls += 1
            return found[image.size]

    n_calls = []
    for number in range(2):
        extractor = Red()
        extractor.spec, finder = f"red {number}", BySize([])
        extractor.faces = Faces(finder)
        images = [ImageFile(place.stem, place) for place in places]
        table = measure_images(images, [extractor], store=tmp_path / "store")
        n_calls.append(finder.n_calls)
        assert table.reasons["red"] == (None, "no face")
    assert n_calls == [2, 0]
    kept = lance.dataset(str(tmp_path / "store" / IMAGES)).to_table(["label", "face_box"])
    boxes = dict(zip(kept["label"].to_pylist(), kept["face_box"].to_pylist(), strict=True))
    np.testing.assert_allclose(boxes["Vicki"], [0, 0.1, 0.5, 0.5], atol=1e-6)
    assert boxes["none"] is None


def test_what_was_measured_of_another_face_is_not_the_same() -> None:
    """Nor with another detector, nor of another region; of the whole no detector matters."""
    finder, other = Given([]), Given([])
    other.fingerprint = "given 2"
    red = [Red() for _ in range(4)]
    red[1].faces, red[2].faces, red[3].faces = Faces(finder), Faces(other), Faces(finder)
    red[3].regions = (PERSON,)
    assert len({identity_of(one) for one in red}) == 4
    whole = [load_extractor("whole:skin", faces=step) for step in (None, Faces(finder))]
    assert len({identity_of(one) for one in whole}) == 1


def test_who_saw_no_face_is_said() -> None:
    step = Faces(Given([]))
    one, two, whole = Red(), Red(), load_extractor("whole:skin", faces=step)
    two.spec = "blue"
    assert notes_on_faces([one, two, whole]) == [
        "red and blue take the face and saw whole pictures: no detector was given (--faces CARD)."
    ]
    assert notes_on_faces([whole]) == [
        "No face was looked for: all extractors take the whole picture. face:SPEC shows one the "
        "face."
    ]
    one.faces = two.faces = step
    assert notes_on_faces([one, two, whole]) == []


def test_what_is_shown_can_be_chosen() -> None:
    assert load_extractor("skin").regions == (FACE,)
    assert load_extractor("whole:skin").regions == (WHOLE,)
    with pytest.raises(EncoderError, match="unknown extractor 'face:person:skin'"):
        load_extractor("face:person:skin")


# ----------------------------------------------------------------------------------- cards


def card_of(folder: Path, model: Path, old: str = "", new: str = "") -> Path:
    from namebasis.reading import packaged_text

    text = packaged_text("cards", "scrfd.toml")
    assert old in text
    (folder / "card.toml").write_text(f'file = "{model.name}"\n{text.replace(old, new)}')
    return folder / "card.toml"


@pytest.mark.parametrize(("old", "new", "message"), [
    ('family = "scrfd"', 'family = "mtcnn"', "family must be one of yunet, scrfd, yolo; got 'mtc"),
    ("score = 0.5", "score = 2", "score and overlap must lie between 0 and 1"),
    ("anchors = 2", "anchors = 0", "strides and anchors must be at least 1"),
    ("anchors = 2", "anchor = 2", "unknown keys anchor"),
    ("anchors = 2", "anchors = 1", "an output of 96 x 1 numbers is expected; got"),
    ("strides = [8, 16, 32]", "strides = [8, 16]", "has 6 outputs; the model has 9"),
    ("overlap = 0.4", 'overlap = 0.4\noutputs = ["x"]', "has no output 'x'; it has score_8"),
    ("size = [640, 640]", "size = 640", "size must be"),
])  # fmt: skip
def test_a_detectors_card_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    model = export(tmp_path / "model.onnx", heads("scrfd"))
    with pytest.raises(EncoderError, match=message):
        load_faces(card_of(tmp_path, model, old, new)).finder.find(Image.new("RGB", (96, 64)))


@pytest.mark.parametrize(("card", "message"), [
    ("yunet", "the detector yunet needs the model's weights, which are not packaged: yunet=FILE"),
    ("yunet=none.onnx", "none.onnx: the card names this model, and it does not exist"),
    ("none.onnx", "none.onnx: there is no such file. Give FILE.onnx of YuNet, SCRFD"),
    ("none.toml", "none.toml: cannot be read as a card .*Packaged cards are yunet=FILE.onnx"),
    ("opencv", "opencv needs the weights of YuNet: opencv=FILE.onnx"),
])  # fmt: skip
def test_a_detector_that_is_not_there_is_refused(card: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        load_faces(card)


def test_a_model_of_no_packaged_card_is_refused(tmp_path: Path) -> None:
    file = export(tmp_path / "other.onnx", {"boxes": np.zeros((1, 7))})
    with pytest.raises(EncoderError, match="its outputs boxes are those of no packaged card"):
        load_faces(file)


def test_swinfaces_outputs_are_read(tmp_path: Path) -> None:
    """43 outputs of the published names and widths; the face is aligned to 112 x 112."""
    from namebasis.reading import packaged_text, parse_toml

    names = [
        row["name"] for row in parse_toml(packaged_text("cards", "swinface.toml"), "")["outputs"]
    ]
    assert len(names) == 42
    rng = np.random.default_rng(0)
    widths = {"Age": 1, "Expression": 7, "Recognition": 512}
    outputs = {name: rng.normal(size=(1, widths.get(name, 2))) for name in [*names, "Recognition"]}
    outputs["Age"][:] = 37.5
    model = load_onnx(f"swinface={export(tmp_path / 'swinface.onnx', outputs, (112, 112))}")
    assert model.regions[0].align == (112, 112)
    found = {one.attribute.name: one for one in model.measure([Image.new("RGB", (60, 80))])}
    assert found["age"].values.tolist() == [37.5]
    for name, attribute in (("Gender", "gender"), ("Five O'Clock Shadow", "five_oclock_shadow"),
                            ("Expression", "expression")):  # fmt: skip
        raised = np.exp(outputs[name][0])
        np.testing.assert_allclose(found[attribute].shares[0], raised / raised.sum(), rtol=1e-5)
    assert found["gender"].attribute.labels == ("female", "male")
    assert found["smiling"].values[0] == pytest.approx(found["smiling"].shares[0, 1])


@pytest.mark.parametrize("card", ["fairface", "fairface-onnx"])
def test_fairfaces_outputs_are_read(card: str, tmp_path: Path) -> None:
    """18 logits in one row as its authors publish it, or the three outputs of its export."""
    logits = np.random.default_rng(0).normal(size=(1, 18))
    parts = np.split(logits, [7, 9], axis=1)
    outputs = {"output": logits} if card == "fairface" else dict(
        zip(("race_output", "gender_output", "age_output"), parts, strict=True)
    )  # fmt: skip
    file = export(tmp_path / "fairface.onnx", outputs, (224, 224))
    found = load_extractor(f"onnx:{card}={file}").measure([Image.new("RGB", (30, 30))])
    for one, part in zip(found, parts, strict=True):
        raised = np.exp(part[0])
        np.testing.assert_allclose(one.shares[0], raised / raised.sum(), rtol=1e-5)
    race, gender, age = (one.attribute for one in found)
    assert race.labels[2] == "Latino_Hispanic"
    assert gender.labels == ("male", "female")
    assert (age.labels[8], age.positions[3], age.unit) == ("70+", 25.0, "years")
