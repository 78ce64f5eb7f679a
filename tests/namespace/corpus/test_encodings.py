"""Files in encodings from before UTF-8."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

import namebasis as nb
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.raw import encoding_of

_LISTS = {
    "de": ("Jürgen Günther Bärbel Sören Käthe Jörg", ["cp1252", "latin-1", "mac-roman", "cp850"]),
    "fr": ("José Hélène René François Chloé Zoë", ["cp1252", "latin-1"]),
    "pl": ("Łukasz Paweł Stanisław Małgorzata Grażyna Anna", ["cp1250"]),
    "cs": ("Jiří Tomáš Ondřej Václav Žofie Eliška", ["cp1250"]),
    "tr": ("Ayşe Fatma Çağrı İbrahim Işıl Gökhan Tuğba Ömer", ["cp1254"]),
    "ru": ("Александр Мария Екатерина Дмитрий Иванов", ["cp1251", "koi8-r"]),
    "el": ("Γιώργος Μαρία Κώστας Ελένη", ["cp1253"]),
    "ja": ("佐藤太郎 鈴木花子 高橋一郎 田中美咲", ["cp932", "euc-jp"]),
    "ko": ("김철수 이영희 박지성 최민수", ["cp949"]),
    "he": ("משה דוד שרה רחל", ["cp1255"]),
    "ar": ("محمد أحمد فاطمة علي", ["cp1256"]),
}


@pytest.mark.parametrize(
    ("words", "encoding"),
    [(words, one) for words, encodings in _LISTS.values() for one in encodings],
)
def test_the_encoding_is_the_one_in_which_words_are_names(words: str, encoding: str) -> None:
    for text in (words, words.upper()):
        data = "".join(f"{word};7\n" for word in text.split()).encode(encoding, "ignore")
        found = encoding_of(data)
        # Some bytes read alike in two encodings; a refusal is right too, another text never is.
        assert found is None or data.decode(found) == data.decode(encoding)
    assert encoding_of("".join(f"{word};7\n" for word in words.split()).encode(encoding))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x81", b"caf\xe9 zzq\xfcx pr\xeat \xf1\xf1\n" * 9])
def test_bytes_that_are_no_names_tell_no_encoding(data: bytes) -> None:
    assert encoding_of(data) is None


def test_a_file_of_windows_is_read_and_told_about(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_bytes("Vorname;Anzahl\nJürgen;7\nBärbel;8\nKäthe;9\n".encode("cp1252"))
    names = nb.read_names(path)
    assert names.strings == ["Jürgen", "Bärbel", "Käthe"]
    assert "read as cp1252" in names.notes[0]
    assert "Jürgen, Bärbel, Käthe" in names.notes[0]


def test_stdin_of_windows_is_read_and_told_about(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.TextIOWrapper(io.BytesIO("Łukasz\nPaweł\nGrażyna\n".encode("cp1250")))
    monkeypatch.setattr(sys, "stdin", data)
    names = nb.read_names("-")
    assert names.strings == ["Łukasz", "Paweł", "Grażyna"]
    assert "read as cp1250" in names.notes[0]


def test_an_encoding_that_is_not_sure_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "n.txt"
    path.write_bytes(b"Zzy\xfcx\nQq\xf1x\n")
    with pytest.raises(CorpusError, match=r"names do not tell for sure.*iconv -f"):
        nb.read_names(path)
