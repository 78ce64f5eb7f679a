"""An audit that is interrupted, damaged, of another version, or refused by the system."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import namebasis as nb
from namebasis.auditing.files import STATE, read_samples
from namebasis.auditing.parts import Asked
from namebasis.cli import said_of
from namebasis.errors import CorpusError, NamebasisError, NamebasisHint, SpaceError
from tests.auditing.tiny import make_tiny

ASKED = ("reading", "rigidity", "arrangement")  # of these few names rigidity says nothing


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_tiny(patch, *ASKED)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(audited(tmp_path_factory.mktemp("whole") / "audit").folder)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "audit"))


def audited(folder: Path, **options: Any) -> nb.Audit:
    return nb.audit("minilm", folder, progress=None, **options)


def told(folder: Path) -> dict[str, Any]:
    """What a document says, the seconds aside."""
    document: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    for part in document["parts"]:
        part["seconds"] = 0
    return document


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def asked_of(patch: pytest.MonkeyPatch) -> list[str]:
    """The parts that are asked from now on."""
    ran: list[str] = []
    real: Callable[..., Any] = Asked.run

    def run(self: Asked, inquiry: object) -> Any:
        ran.append(self.key)
        return real(self, inquiry)

    patch.setattr(Asked, "run", run)
    return ran


@pytest.mark.long
def test_what_was_killed_in_a_part_goes_on_and_ends_the_same(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "audit"
    with monkeypatch.context() as patch:
        patch.setattr("namebasis.auditing.parts.arrangement._spelled", stop)
        with pytest.raises(KeyboardInterrupt):
            audited(place)
    assert not (place / "audit.json").exists()
    with pytest.raises(NamebasisError, match="has not finished; run it again to go on"):
        nb.read_audit(place)
    done = files(place / "parts")
    assert {Path(name).stem for name in done} == {"reading", "rigidity"}
    ran = asked_of(monkeypatch)
    audited(place)
    assert ran == ["arrangement"]
    assert done.items() <= files(place / "parts").items()
    assert told(place) == told(whole)
    for name in ("claims.parquet", "samples.parquet"):
        assert (place / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.long
@pytest.mark.parametrize("damaged", ["reading.json", "arrangement.parquet"])
@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_a_damaged_part_is_asked_again(
    copy: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, damaged: str, content: bytes | None
) -> None:
    (copy / "audit.json").unlink()
    if content is None:
        (copy / "parts" / damaged).unlink()
    else:
        (copy / "parts" / damaged).write_bytes(content)
    ran = asked_of(monkeypatch)
    audited(copy)
    key = damaged.partition(".")[0]
    assert ran == [key]
    assert told(copy) == told(whole)
    assert set(read_samples(copy / "parts" / f"{key}.parquet")) == {key}


def test_an_audit_of_another_version_is_kept_and_the_new_one_beside_it_said(
    copy: Path, whole: Path
) -> None:
    state = json.loads((copy / STATE).read_text())
    (copy / STATE).write_text(json.dumps(state | {"namebasis": "0.1.0"}))
    (copy / ".namebasis-asked.json").unlink()
    held = files(copy)
    with pytest.warns(NamebasisHint, match=r"holds another audit .* this one is \S*audit-2\."):
        found = audited(copy)
    assert Path(found.folder) == copy.with_name("audit-2")
    assert files(copy) == held
    assert told(copy.with_name("audit-2")) == told(whole)
    with pytest.warns(NamebasisHint, match="holds another audit"):
        assert audited(copy).folder == found.folder  # read again, not made a third time
    assert not copy.with_name("audit-3").exists()


def test_a_full_disk_is_one_line_and_a_second_run_goes_on(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "audit"
    real = os.fsync

    def full(number: int) -> None:
        if (place / "parts").exists() and len(list((place / "parts").iterdir())) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SpaceError) as caught:
            audited(place)
    message = f"{place}: the disk is full. Free some space and run the command again."
    assert said_of(caught.value) == message
    assert not list(place.rglob("*.tmp"))
    ran = asked_of(monkeypatch)
    audited(place)
    assert "reading" not in ran
    assert told(place) == told(whole)


def test_a_folder_that_may_not_be_written_to_is_refused_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr("namebasis.encoders.registry.as_encoder", stop)
    with pytest.raises(SpaceError, match=r"audit: the folder .* may not be written to\. Take anot"):
        audited(tmp_path / "audit")


@pytest.mark.parametrize(("text", "said"), [
    ("name,count\n", r"counts.csv: no person with a count is in it\. Give lines of name and count"),
    ("", r"counts.csv: is empty; it needs the columns name and count\."),
])  # fmt: skip
def test_counts_that_tell_of_nobody_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "counts.csv").write_text(text)
    with pytest.raises(CorpusError, match=said) as caught:
        audited(tmp_path / "audit", counts=tmp_path / "counts.csv")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "audit").exists()


def test_audits_of_other_names_are_not_compared(whole: Path, copy: Path) -> None:
    document = json.loads((copy / "audit.json").read_text(encoding="utf-8"))
    document["corpora"]["world"]["fingerprint"] = "sha256:other"
    (copy / "audit.json").write_text(json.dumps(document))
    with pytest.raises(NamebasisError) as caught:
        nb.compare_audits([whole, copy])
    assert str(caught.value) == (
        f"{copy} read other names than {whole} (corpus world). Audit both with the same --names "
        "and --seed."
    )
