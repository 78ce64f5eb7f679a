"""`check` reads everything: damage to any file of a space is named, and nothing else is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest

from namebasis.checks import FloatArray
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.index import files, vector_index
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search import caches
from namebasis.namespace.search.template_rows import template_rows
from namebasis.namespace.store import checksums, opening
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.locks import locked
from namebasis.namespace.store.verify import _used
from namebasis.space import Space, open_space
from namebasis.validation.pictures.measurements import Memory
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import corpus
from tests.test_cli import run

NEWCOMER = make_names([{"name": "Newcomer", "part": "given"}])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space with every kind of file in it."""
    folder = tmp_path_factory.mktemp("check")
    space = build_space(corpus(), folder / "a.space", encoder=Seeing(), templates="plain")
    for name, colour in (("Vicki", (200, 9, 9)), ("King", (9, 9, 200))):
        paint(folder / "images" / name / "a.png", colour)
    space, _ = add_images(space, folder / "images", encoder=Seeing())
    space = unspell(space, n_folds=2)
    rank = pa.table({"id": np.arange(60), "rank": np.arange(60) * 1.5})
    space.add_metrics(rank, study="test", parameters={})
    space._encoder = Seeing()
    space.graph(k=3)
    template_rows(space, np.array([3, 1]))
    with locked(space.path):
        rows = pa.table({"sha256": ["a", "b"], "value": [1.0, 2.0]})
        lance.write_dataset(rows, str(space.path / "measurements.lance"))
    return space.path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy.space"))


def spoil(path: Path, place: int) -> None:
    """Change a byte of a file in place and keep its time, as a failing disk does."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 0x04]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def files_in_use(folder: Path) -> list[Path]:
    """All that a question may read."""
    used = [p for p in folder.glob("*/*") if p.is_file() and p.suffix not in (".lock", "")]
    used += [folder / "checksums.json"]
    for data_set in folder.glob("*.lance"):
        used.append(min((data_set / "_versions").glob("*.manifest")))
        for fragment in lance.dataset(str(data_set)).get_fragments():
            used += [data_set / "data" / file.path for file in fragment.data_files()]
    return used


def test_every_kind_of_file_is_read(whole: Path) -> None:
    found = open_space(whole).check()
    assert set(found) == {
        "text", "token", "image", "unspelled", "other columns",
        "names.lance", "images.lance", "measurements.lance",
        next(f"fits/{path.name}" for path in (whole / "fits").iterdir()),
        "index of text", "index of token", "index of image", "index of unspelled",
        "indices/text.k3.graph.npz", "indices/templates.npz",
    }  # fmt: skip
    assert found["text"] == "60 vectors as they were written"
    assert found["index of text"] == "60 rows as they were written"
    assert found["measurements.lance"] == "2 files as they were written"
    assert not any("nothing was noted" in said or "unchecked" in said for said in found.values())


@pytest.mark.long
def test_one_changed_byte_of_any_file_is_found(whole: Path, tmp_path: Path) -> None:
    files = [path.relative_to(whole) for path in files_in_use(whole)]
    assert len(files) > 20
    kinds = {path.suffix for path in files}
    assert kinds == {".lance", ".manifest", ".faiss", ".json", ".npz", ".safetensors"}
    for number, file in enumerate(files):
        copy = Path(shutil.copytree(whole, tmp_path / str(number)))
        share = (0.03, 0.4, 0.8)[number % 3]
        spoil(copy / file, int(share * (copy / file).stat().st_size))
        with pytest.raises(SpaceError) as caught:
            open_space(copy).check()
        assert str(copy) in str(caught.value)
        assert "\n" not in str(caught.value)
        if file.suffix not in (".lance", ".manifest"):
            assert file.name in str(caught.value)
        shutil.rmtree(copy)


def test_a_changed_name_is_found(copy: Path) -> None:
    data = copy / "names.lance" / "data"
    path = next(path for path in data.iterdir() if b"Vicki" in path.read_bytes())
    spoil(path, path.read_bytes().index(b"Vicki") + 1)
    damaged = open_space(copy)
    assert "Vicki" not in damaged.table(["name"])["name"].to_pylist()  # nothing else notices
    with pytest.raises(SpaceError, match=rf"{path.name}: not as it was written; .* Build"):
        damaged.check()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("names.lance", "Build the space again"),
        ("images.lance", "add the images again"),
        ("measurements.lance", "the next report measures again"),
    ],
)
def test_the_newest_version_deleted_is_found(copy: Path, name: str, remedy: str) -> None:
    with locked(copy):
        lance.dataset(str(copy / name)).update_metadata({"a": "b"})
    open_space(copy).check()
    min((copy / name / "_versions").glob("*.manifest")).unlink()
    with pytest.raises(SpaceError, match=rf"{name}/_versions/.*: missing, .*{remedy}"):
        open_space(copy).check()


def test_all_versions_of_a_part_deleted_are_found(copy: Path) -> None:
    shutil.rmtree(copy / "images.lance" / "_versions")
    with pytest.raises(SpaceError, match="its versions are missing"):
        open_space(copy).check()
    shutil.rmtree(copy / "images.lance")
    assert open_space(copy).check()["images.lance"] == "deleted since"


def test_all_that_is_damaged_is_named_in_one_line(copy: Path) -> None:
    names = ("text.faiss", "image.faiss", "text.k3.graph.npz")
    for path in (copy / "indices" / name for name in names):
        spoil(path, path.stat().st_size * 2 // 5)
    with pytest.raises(SpaceError) as caught:
        open_space(copy).check()
    message = str(caught.value)
    assert [name in message for name in ("text.faiss", "image.faiss", "text.k3.graph")] == [
        True
    ] * 3
    assert message.count("Delete it") == 3


def test_what_is_missing_or_older_is_no_damage(copy: Path) -> None:
    grown = add_names(Space(copy, Seeing()), NEWCOMER)  # type: ignore[arg-type]
    (copy / "indices" / "token.faiss").unlink()
    found = grown.check()
    assert found["text"] == "61 vectors as they were written"
    assert found["index of text"] == "60 rows as they were written"
    assert found["index of token"] == "none; it is built at the first query"
    assert found["indices/text.k3.graph.npz"].startswith("of other vectors")
    assert "unchecked" not in found["names.lance"]


def test_a_crafted_index_of_other_unit_rows_is_found(copy: Path) -> None:
    path = copy / "indices" / "text.faiss"
    rows = open_space(copy).vectors()[::-1]
    VectorIndex.build(rows).save(path, VectorIndex.read_facts(path)["extra"])
    with pytest.raises(SpaceError, match=r"text\.faiss: not of the stored vectors"):
        open_space(copy).check()


def test_a_mapped_index_is_compared_whole(copy: Path, monkeypatch) -> None:
    monkeypatch.setattr(vector_index.files, "MAPPED_BYTES", 0)
    monkeypatch.setattr(vector_index.files, "N_SAMPLES", 1)
    monkeypatch.setattr(vector_index.files, "PAGE", 8)
    path = copy / "indices" / "text.faiss"
    facts = VectorIndex.read_facts(path)
    VectorIndex.build(open_space(copy).vectors()).save(path, facts["extra"])
    spoil(path, path.stat().st_size - 3)
    VectorIndex.load(path)
    with pytest.raises(SpaceError, match=r"text\.faiss: its checksum"):
        open_space(copy).check()


def test_a_space_without_checksums_is_read_all_the_same(copy: Path) -> None:
    (copy / "checksums.json").unlink()
    found = open_space(copy).check()
    assert found["names.lance"] == found["images.lance"] == "nothing was noted to compare with"
    with locked(copy):
        pass  # the next writer notes them
    assert open_space(copy).check()["images.lance"] == "2 files as they were written"


def test_a_writer_that_dies_before_its_checksums_leaves_files_unchecked(
    copy: Path, monkeypatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checksums, "note", lambda folder: None)
        grown = add_names(Space(copy, Seeing()), NEWCOMER)  # type: ignore[arg-type]
    assert "newer ones unchecked" in grown.check()["names.lance"]
    with locked(copy):
        pass
    assert "unchecked" not in grown.check()["names.lance"]


class Killed(BaseException):
    """The process dies."""


@pytest.mark.parametrize("begins", ["with one", "without one"])
def test_an_index_that_a_killed_writer_left_without_facts_is_none(
    copy: Path, monkeypatch, begins: str
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    if begins == "without one":
        for file in (copy / "indices").glob("text.*"):
            file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(vector_index, "write_facts", killed)
        store = Space(copy, Seeing())._store  # type: ignore[arg-type]
        with pytest.raises(Killed):
            caches.build_index(store, "text", store.build_id, 0, force=True)
    assert (copy / "indices" / "text.faiss").exists()
    space = Space(copy, Seeing())  # type: ignore[arg-type]
    assert space.check()["index of text"].startswith("not finished")
    best = np.argmax(space.vectors() @ space.vectors(ids=[7])[0])
    with pytest.warns(NamebasisWarning, match=r"text\.json: missing"):
        assert space.nearest(space.vectors(ids=[7])[0], 1).ids == (best,)
    assert space.check()["index of text"] == "60 rows as they were written"


def test_a_full_disk_costs_the_checksums_and_not_the_write(copy: Path, monkeypatch, caplog) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    caplog.set_level("INFO")
    monkeypatch.setattr(checksums, "replacing_file", full)
    assert len(add_names(Space(copy, Seeing()), NEWCOMER)) == 61  # type: ignore[arg-type]
    assert any("checksums of what was written are not kept" in line for line in caplog.messages)


def test_a_small_add_reads_only_what_is_new(copy: Path, monkeypatch) -> None:
    read: list[Path] = []
    crc_of = checksums.crc_of
    monkeypatch.setattr(checksums, "crc_of", lambda path: (read.append(path), crc_of(path))[1])
    before = {path.name for path in (copy / "names.lance" / "data").iterdir()}
    add_names(Space(copy, Seeing()), NEWCOMER)  # type: ignore[arg-type]
    assert read
    assert not before & {path.name for path in read}


def test_the_command_shows_what_was_found(copy: Path) -> None:
    done = run("info", str(copy), "--check", "--json", cwd=copy.parent)
    facts = json.loads(done.stdout)
    assert facts["checked"]["text"] == "60 vectors as they were written"
    assert facts["checked"]["images.lance"] == "2 files as they were written"
    assert "check" in done.stderr
    spoil(copy / "indices" / "text.faiss", 300)
    done = run("info", str(copy), "--check", cwd=copy.parent)
    assert done.returncode == 1
    assert "text.faiss: its checksum is not the one written with it. Delete it" in done.stderr


def test_progress_is_told_inside_of_long_steps(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space, blocks = open_space(copy), Store.blocks
    half = len(space) // 2

    def halves(store: Store, view: str, *given: int) -> Iterator[FloatArray]:
        for block in blocks(store, view, *given):
            yield block[:half]
            yield block[half:]

    monkeypatch.setattr(Store, "blocks", halves)
    calls: list[tuple[int, int]] = []
    space.check(progress=lambda done, total: calls.append((done, total)))
    done, totals = [one for one, _ in calls], {total for _, total in calls}
    assert done == sorted(done)
    assert totals == {done[-1]}
    assert done[-1] % 1000 == 0
    share = 1000 * half // len(space)
    assert done[:3] == [0, share, 1000]


def test_progress_is_told_inside_of_long_files(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, block = copy / "indices" / "text.faiss", 1 << 8
    monkeypatch.setattr(files, "MAPPED_BYTES", 0)
    monkeypatch.setattr(files, "_BLOCK", block)
    monkeypatch.setattr(checksums, "_BLOCK", block)
    space = open_space(copy)
    calls: list[int] = []
    found = list(space.check(progress=lambda done, _total: calls.append(done)))
    assert calls == sorted(calls)

    def told(step: str) -> list[int]:
        return [done - at for done in calls if (at := 1000 * found.index(step)) < done <= at + 1000]

    # One for each block, and then the beginning of the next step.
    n_blocks = -(-index.stat().st_size // block)
    assert told("index of text") == [
        1000 * min(index.stat().st_size, block * (i + 1)) // index.stat().st_size
        for i in range(n_blocks)
    ] + [1000]
    sizes = [
        (copy / "names.lance" / one).stat().st_size for one in _used(space._store, "names.lance")
    ]
    assert len(told("names.lance")) > sum(sizes) // block


def test_a_fit_that_cannot_be_written_whole_is_not_there(copy: Path) -> None:
    """A file system that ends in the middle of it, as a quota does."""
    import resource
    import signal

    space, before = open_space(copy), resource.getrlimit(resource.RLIMIT_FSIZE)
    space._encoder = Seeing()
    names = set((copy / "fits").iterdir())
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (900, before[1]))
    try:
        with pytest.raises((OSError, SpaceError)):
            unspell(space, n_folds=3, rebuild=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
    assert set((copy / "fits").iterdir()) == names
    open_space(copy).check()


def test_a_schema_that_lance_cannot_read_is_damage_in_one_line(copy: Path) -> None:
    (manifest,) = sorted((copy / "images.lance" / "_versions").glob("*.manifest"))[:1]
    content = manifest.read_bytes()
    assert b"string" in content
    manifest.write_bytes(content.replace(b"string", b"strino"))
    with pytest.raises(SpaceError, match=r"images\.lance: the data set is damaged"):
        opening.open_newest(copy / "images.lance")
    with pytest.warns(NamebasisWarning, match="all images are measured again"):
        Memory(copy)
