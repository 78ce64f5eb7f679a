"""Files of unknown origin: one way to open and parse them, and what it refuses."""

from __future__ import annotations

import ast
import io
import os
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from namebasis import reading
from namebasis.reading import (
    DEPTH,
    UnreadableError,
    check_regular,
    parse_json,
    parse_toml,
    read_array,
    read_arrays,
    read_bytes,
    read_table,
    read_text,
)

PACKAGE = Path(reading.__file__).parent
PARSERS = {"json": {"load", "loads"}, "tomllib": {"load", "loads"}, "np": {"load", "fromfile",
           "loadtxt", "genfromtxt", "memmap"}, "csv": {"reader", "DictReader"},
           "pickle": {"load", "loads", "Unpickler"}}  # fmt: skip
OPENERS = {"read_text", "read_bytes"}
ALLOWED = {
    "reading.py": "the one place",
    "encoders/towers/tokenizer.py": "what a library holds in memory",
    "encoders/huggingface/sentence_folder.py": "what a library holds in memory",
    "encoders/huggingface/trained_texts.py": "what a library holds in memory",
    "namespace/store/sums.py": "metadata inside a data set",
    "namespace/computed/facts.py": "metadata inside a data set",
    "report/page.py": "assets of the package",
    "explore/server.py": "assets of the package",
    "terms.py": "a document of the package",
    "cli/libraries.py": "licences of what pip installed",
    "namespace/corpus/us_names.py": "a table of the package",
    "studies/attributes/survival.py": "a table of the package",
    "namespace/search/caches.py": "a cache that is rebuilt if it cannot be read",
    "namespace/search/template_rows.py": "a cache that is rebuilt if it cannot be read",
    "namespace/store/metrics.py": "metadata inside a data set",
    "namespace/store/provenance.py": "metadata inside a data set",
    "namespace/store/unspelled.py": "metadata inside a data set",
    "namespace/store/opening.py": "a manifest's last bytes",
}


def parsing(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id == "open":
            yield f"{node.lineno}: open"
        if isinstance(called, ast.Attribute):
            owner = called.value.id if isinstance(called.value, ast.Name) else ""
            if called.attr in PARSERS.get(owner, ()) or called.attr in OPENERS:
                yield f"{node.lineno}: {owner}.{called.attr}"


@pytest.mark.long
def test_files_are_parsed_in_one_place() -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        if place not in ALLOWED and not place.startswith("index/") and (calls := [*parsing(path)]):
            found[place] = calls
    assert not found, "read files with namebasis.reading"


def test_the_static_test_sees_a_parser(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import json\ndef f(p):\n    return json.loads(p.read_text())\n")
    assert list(parsing(module)) == ["3: json.loads", "3: p.read_text"]


def make_fifo(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    if not hasattr(socket, "AF_UNIX"):
        pytest.skip("there are no sockets of files here")
    made = socket.socket(socket.AF_UNIX)
    os.chdir(path.parent)  # a socket's path may hold 107 letters
    made.bind(path.name)
    made.close()


STRANGE: list[tuple[str, Callable[[Path], None]]] = [
    ("a named pipe", make_fifo),
    ("a socket", make_socket),
    ("a folder", Path.mkdir),
    ("a device", lambda path: path.symlink_to("/dev/zero")),
    ("a device", lambda path: path.symlink_to("/dev/tty")),
]


@pytest.mark.parametrize(("kind", "make"), STRANGE)
def test_what_is_no_plain_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, make: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    if kind == "a device" and not Path("/dev/zero").exists():
        pytest.skip("there are no devices here")
    path = tmp_path / "strange.json"
    make(path)
    (tmp_path / "link.json").symlink_to(path)
    for one in (path, tmp_path / "link.json"):
        with pytest.raises(UnreadableError, match=f"{one.name}: it is {kind}, not a file"):
            check_regular(one)


def test_missing_unreadable_and_large_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file") as caught:
        read_bytes(tmp_path / "none")
    assert caught.value.is_missing
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(UnreadableError, match="it holds 11 bytes; at most 10 are read") as caught:
        read_bytes(tmp_path / "large", 10)
    assert not caught.value.is_missing
    assert read_bytes(tmp_path / "large", 11) == b"x" * 11
    with pytest.raises(UnreadableError, match="null byte"):
        read_bytes("a\0b")
    with pytest.raises(UnreadableError, match="File name too long"):
        read_bytes("a" * 5000)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_a_file_that_says_that_it_is_empty_is_bounded_too() -> None:
    with pytest.raises(UnreadableError, match="over 10 bytes"):
        read_bytes("/proc/self/status", 10)


def test_text_is_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfZo\xc3\xab")
    assert read_text(tmp_path / "a") == "Zoë"
    (tmp_path / "b").write_bytes(b"Zo\xeb")
    with pytest.raises(UnreadableError, match="not UTF-8: byte 0xeb at 2"):
        read_text(tmp_path / "b")


def test_json_may_be_nested_but_not_without_end() -> None:
    assert parse_json("[" * DEPTH + "]" * DEPTH, "a") is not None
    assert parse_json('["' + "[" * 500 + '\\"["]', "a") == ["[" * 500 + '"[']
    for opening in ("[", '{"a":'):
        with pytest.raises(UnreadableError, match="a: it is nested more than 64 levels deep"):
            parse_json(opening * 100_000, "a")
    with pytest.raises(UnreadableError, match="a: it is not JSON"):
        parse_json("{", "a")


def test_numbers_of_json_have_64_bits_or_are_floats() -> None:
    assert parse_json(f"[{2**63 - 1}, {-(2**63)}]", "a") == [2**63 - 1, -(2**63)]
    huge = parse_json(f"{10**30}", "a")
    assert isinstance(huge, float)
    assert huge == 1e30
    for digits in (309, 400, 5000, 100_000):
        with pytest.raises(UnreadableError, match=f"a number has {digits:,} digits"):
            parse_json(f"[{'9' * digits}]", "a")


def test_toml_may_be_nested_but_not_without_end() -> None:
    assert parse_toml("a = \"[[[\" # [[[\nb = '''[['['''", "a") == {"a": "[[[", "b": "[['["}
    brackets = "[" * 200
    assert parse_toml(f'a = """{brackets}"""\nb = "{brackets}" # {brackets}', "a")["b"] == brackets
    for text in (
        "a = " + "[" * 100_000,
        "a = " + "{b = " * 100_000,
        "a" + ".a" * 100_000 + " = 1",
        "[" + "a." * 100_000 + "a]",
        "[a]\n" + "\n".join("[" + ".".join("a" * n) + "]" for n in range(2, 100)),
    ):
        with pytest.raises(UnreadableError, match=r"a: it (is nested|holds a number or a dotted)"):
            parse_toml(text, "a")


@pytest.mark.long
def test_a_long_word_that_is_no_key_is_not_read_again_from_each_of_its_letters() -> None:
    """Squares of these lengths would be minutes."""
    for text in ("x" * 2_000_000, ("1_" * 150 + "x") * 5_000, '"' + "x." * 60 + "x" * 1_000_000):
        with pytest.raises(UnreadableError, match="it is not TOML"):
            parse_toml(f"name,count\n{text},1\n", "a")


def test_numbers_of_toml_have_64_bits() -> None:
    assert parse_toml(f"a = {2**63 - 1}", "a") == {"a": 2**63 - 1}
    for digits in (20, 400, 5000):
        with pytest.raises(UnreadableError, match=r"a: .*number"):
            parse_toml(f"a = [{{b = {'9' * digits}}}]", "a")
    with pytest.raises(UnreadableError, match=r"a: .*number"):
        parse_toml(f"a = 0x{'f' * 17}", "a")


def test_a_table_reads_as_rows_of_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfname,count\r\n"A, B",1\r\n\r\nC\r\nD,2,3\r\n')
    table = read_table(path)
    assert table.columns == ("name", "count")
    assert table.rows == [
        (2, {"name": "A, B", "count": "1"}),
        (4, {"name": "C", "count": None}),
        (5, {"name": "D", "count": "2"}),
    ]
    path.write_text("name\n" + "x" * 200_000)
    with pytest.raises(UnreadableError, match=r"line 2: not a table of cells .*field larger"):
        read_table(path)


def npy(header: bytes, version: bytes = b"\1\0", rest: bytes = b"") -> bytes:
    size = len(header).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + size + header + rest


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2"])
def test_arrays_read_as_numpy_writes_them(tmp_path: Path, order: str, dtype: str) -> None:
    rows = np.arange(6).reshape(2, 3).astype(dtype, order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "a.npy", rows)
    np.savez_compressed(tmp_path / "a.npz", rows=rows)
    for name in ("a.npy", "a.npz"):
        found = read_array(tmp_path / name)
        assert found.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(found, rows)


HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }"
BAD_ARRAYS = {
    "rows that are not there": (npy(HEADER % b"1000000000000"), "bytes, and 0 follow"),
    "rows beyond 64 bits": (npy(HEADER % (b"9" * 30)), "and 0 follow"),
    "negative rows": (npy(HEADER % b"-4", rest=bytes(16)), "follow"),
    "a header of 4 GB": (npy(b"", b"\2\0")[:8] + b"\xff\xff\xff\xff", "no .npy array"),
    "version 3": (npy(b"", b"\3\0")[:8] + b"\xff\xff\xff\xff", "format 3.0 is not one"),
    "no header": (b"\x93NUMPY\1\0", "no .npy array"),
    "a header that is code": (npy(b"__import__('os')"), "no .npy array"),
    "a header without its end": (npy(HEADER[:-1] % b"16,"), "no .npy array"),
    "a header nested deep": (npy(b"(" * 60_000), "no .npy array"),
    "a damaged zip": (b"PK\3\4garbage", "damaged archive"),
    "nothing": (b"", "no .npy array"),
    "text": (b"0.1 0.2", "no .npy array"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    data, message = BAD_ARRAYS[name]
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    with pytest.raises(UnreadableError, match=message) as caught:
        read_array(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


def test_pickles_and_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableError, match="a pickle, which is never loaded"):
        read_array(path)
    np.savez(tmp_path / "a.npz", a=np.ones(2), b=np.ones(3))
    with pytest.raises(UnreadableError, match=r"holds 2 \(a, b\)"):
        read_array(tmp_path / "a.npz")
    assert read_arrays(tmp_path / "a.npz")["b"].tolist() == [1, 1, 1]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(2**20))
    path.write_bytes(packed.getvalue())
    with pytest.raises(UnreadableError, match="unpacks to more bytes"):
        read_array(path, 2**19)


def test_arrays_that_are_not_compressed_may_not_unpack_to_more_than_their_file(
    tmp_path: Path,
) -> None:
    plain, packed = tmp_path / "plain.npz", tmp_path / "packed.npz"
    np.savez(plain, zeros=np.zeros(10_000))
    np.savez_compressed(packed, zeros=np.zeros(10_000))
    assert len(read_arrays(plain, None)["zeros"]) == 10_000
    with pytest.raises(UnreadableError, match="unpacks to more bytes than are read"):
        read_arrays(packed, None)
    with pytest.raises(UnreadableError, match="No such file") as caught:
        read_arrays(tmp_path / "gone.npz", None)
    assert caught.value.is_missing
