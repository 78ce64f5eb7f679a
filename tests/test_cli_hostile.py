"""Bad input to every command: one line that says what is wrong, never a traceback."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.cli import said_of
from namebasis.cli.output import print_json
from tests.test_cli import commands, run

DEEP, LONG = "[" * 100_000, "9" * 400
HUGE = str(10**30)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("hostile")
    (where / "n.csv").write_text(
        "name,gender,locales\n"
        + "".join(
            f"{name},F,is_IS\n" for name in ("Vicki", "Winona", "Zoë", "Anna", "Olga", "Łucja")
        )
    )
    done = run("build", "s.space", "n.csv", "--templates", "plain", "-q", cwd=where)
    assert done.returncode == 0, done.stderr
    (where / "deep.json").write_text(DEEP)
    (where / "deep.toml").write_text(f"a = {DEEP}")
    (where / "huge.json").write_text(f"[{', '.join([LONG] * 384)}]")
    (where / "rows.npy").write_bytes(
        b"\x93NUMPY\1\0\x46\0" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**12, 384)}"
    )
    (where / "zip.npz").write_bytes(b"PK\3\4garbage")
    (where / "two.npz").write_bytes(b"")
    np.savez(where / "two.npz", a=np.ones(384), b=np.ones(384))
    (where / "x.pt").write_bytes(b"PK\3\4")
    (where / "cell.csv").write_text("name,count\n" + "x" * 200_000)
    (where / "empty.csv").write_text("")
    (where / "rank.toml").write_text(
        'name = "mood"\nkind = "ordinal"\ntemplates = ["{}"]\n'
        f'[[values]]\nlabel = "a"\nphrases = ["a"]\nrank = {LONG}\n'
    )
    (where / "contexts.json").write_text('{"contexts": {"a": 5}, "names": [{"name": "A B"}]}')
    (where / "one.txt").write_text("[hair]\nred hair\n")
    (where / "run").mkdir()
    (where / "run" / "run.json").write_text(DEEP)
    for name in ("fifo.json", "fifo.toml", "fifo.csv", "fifo.npy", "fifo.txt"):
        if hasattr(os, "mkfifo"):
            os.mkfifo(where / name)
    (where / "zero.json").symlink_to("/dev/zero")
    (where / "images" / "Vicki").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(where / "images" / "Vicki" / "1.png")
    return where


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy whose pipes are made anew, as a pipe cannot be copied."""

    def pipes(_: str, names: list[str]) -> list[str]:
        return [name for name in names if name.startswith("fifo")]

    copy = Path(shutil.copytree(made, tmp_path / "user", symlinks=True, ignore=pipes))
    for pipe in made.glob("fifo*"):
        os.mkfifo(copy / pipe.name)
    return copy


NEAREST, EXPORT = ("nearest", "s.space"), ("export", "s.space", "-")
BAD: list[tuple[str, ...]] = [
    *((*NEAREST, "--vector", name) for name in (
        "deep.json", "huge.json", "rows.npy", "zip.npz", "two.npz", "x.pt", "fifo.json", "fifo.npy",
        "zero.json", "none.npy", "images")),
    (*NEAREST, "Vicki", "--engine", "milvus:http://127.0.0.1:1"),  # asks, so it loads the client
    *((*NEAREST, "Vicki", "--where", where) for where in (
        "? = 1", "1" + "+1" * 1000 + " > 0", "repeat('a', 1000000000) = name", "locales = 'x'")),
    (*NEAREST, "Vicki", "-k", HUGE),
    (*NEAREST, "Vicki", "-k", "-1"),
    (*NEAREST, "Vicki", "--view", "a\ud800"),
    (*NEAREST, "Vicki", "--image", "fifo.json"),
    (*NEAREST, "Vicki", "--pictures", "--html", "new.html"),
    *((*EXPORT, "--order-by", column) for column in ("locales", "text", "pieces", "no")),
    (*EXPORT, "--limit", HUGE),
    ("build", "new.space", "deep.json"),
    ("build", "new.space", "fifo.txt"),
    ("build", "new.space", "census:cell.csv"),
    ("build", "new.space", "cell.csv"),
    ("build", "new.space", ":".join(["pseudo:5"] * 300)),
    ("build", "new.space", "n.csv", "--templates", "deep.toml"),
    ("build", "new.space", "n.csv", "--templates", "fifo.toml"),
    ("build", "new.space", "n.csv", "--lora", "deep.json"),
    ("build", "new.space", "n.csv", "--encoder", "organism", "--embedding", "fifo.txt"),
    ("build", "new.space", "n.csv", "--limit", HUGE),
    ("build", "new.space", "n.csv", "--seed", HUGE),
    ("add", "s.space", "deep.json"),
    ("add", "s.space", "n.csv", "--new-names"),
    ("add", "s.space", "n.csv", "--encoder", "organism"),
    ("add", "s.space", "--images", ""),
    ("add", "s.space", "--images", "images", "--column", "name"),
    ("info", "none.space"),
    ("remove", "s.space", "Nobody"),
    ("remove", "s.space", "--where", "? = 1"),
    ("drop", "s.space", "name"),
    ("drop", "s.space", "a\ud800"),
    ("rename", "s.space", "name", "id"),
    ("merge", "s.space", "none.space", "-o", "new.space"),
    ("merge", "s.space", "s.space", "-o", "n.csv"),
    ("undo", "none.space"),
    ("weights", "organism", "Vicki Stone", "--template", "no place"),
    ("serve", "none.space", "--engine", "milvus:a.db"),
    ("serve", "s.space", "--engine", "milvus:http://root:secret@h:1"),
    ("serve", "s.space", "--engine", "milvus:none/a.db"),
    ("serve", "s.space", "--engine", "milvus:a.db", "--view", "image:photos"),
    ("serve", "s.space", "--engine", "milvus:a.db", "--columns", "brths"),
    ("explore", "s.space", "--no-open", "--engine", "faiss:x"),
    ("list", "none"),
    ("explain", "\x1b[31m"),
    ("explore", "none.space", "--no-open"),
    ("mcp", "none.space"),
    ("mcp", "s.space", "s.space"),
    ("explore", "s.space", "--no-open", "--host", "0.0.0.0"),
    ("unspell", "none.space"),
    ("condition", "none.space"),
    ("rigidity", "s.space", "--view", "conditioning"),
    ("identity", "s.space", "--view", "text", "--view", "image"),
    ("rigidity", "s.space", "--view", "conditioning", "--write"),
    ("condition", "s.space"),
    ("condition", "s.space", "--encoder", "diffusers:none"),
    ("condition", "s.space", "-k", "0"),
    ("denoise", "s.space"),
    ("denoise", "none.space", "--pipeline", "organism"),
    ("denoise", "s.space", "--pipeline", "nope"),
    ("denoise", "s.space", "--pipeline", "organism", "--n-levels", "0"),
    ("denoise", "s.space", "--pipeline", "organism", "--template", "no name"),
    ("denoise", "s.space", "--pipeline", "organism", "--neutral", " "),
    ("audit", "--compare", "images"),
    ("audit", "--compare", "images", "none"),
    ("audit", "minilm", "organism"),
    ("audit", "vectors:none", "-o", "new"),
    ("audit", "minilm", "-o", "images"),
    ("audit", "minilm", "-o", "new", "--names", "fifo.txt"),
    ("audit", "minilm", "-o", "new", "--names", "empty.csv"),
    ("audit", "minilm", "-o", "new", "--counts", "fifo.csv"),
    ("audit", "minilm", "-o", "new", "--counts", "none.csv"),
    ("card", "s.space", "a" * 20_000),
    ("diversity", "s.space"),
    ("diversity", "s.space", "--n-matched", "1"),
    ("diversity", "s.space", "--view", "text"),
    ("diversity", "s.space", "--n-null", HUGE),
    ("basis", "s.space", "Vicki", "-n", HUGE),
    ("basis", "s.space", "Vicki", "--seed", "-1"),
    ("basis", "s.space", "Vicki", "--n-null", HUGE),
    ("basis", "s.space", "Vicki", "--ridge", "nan"),
    ("basis", "s.space", "Vicki", "--phrases", "one.txt"),
    ("basis", "s.space", "Vicki", "--phrases", "--method", "lasso"),
    ("basis", "s.space", "--vector", "fifo.npy"),
    ("describe", "s.space"),
    ("describe", "s.space", "Vicki", "-n", HUGE),
    ("describe", "s.space", "Vicki", "--cluster", "1"),
    ("describe", "s.space", "--cluster", "-1"),
    ("describe", "s.space", "--component", HUGE),
    ("describe", "s.space", "--where", "? = 1"),
    *(("describe", "s.space", "Vicki", "--phrases", name) for name in (
        "deep.toml", "fifo.toml", "fifo.txt", "none.txt", "n.csv", "images", "rank.toml",
        "one.txt")),
    ("build", "new.space", "phrases:one.txt"),
    ("paint", "s.space", "Vicki", "--beam", HUGE),
    ("paint", "s.space", "Vicki", "--phrases", "one.txt"),
    ("paint", "s.space", "Vicki", "--max-names", "0"),
    ("score", "s.space", "--axis", "deep.toml"),
    ("score", "s.space", "--axis", "fifo.toml"),
    ("score", "s.space", "--axis", "rank.toml"),
    ("score", "s.space", "--records", "census:cell.csv"),
    ("score", "s.space", "--groups", "deep.toml"),
    ("walk", "s.space", "1", "--steps", "9223372036854775807"),
    ("walk", "s.space", "1", "--components", "fifo.npy"),
    ("walk", "s.space", "deep.toml"),
    ("celeb", "fit", "s.space", "none/b.safetensors"),
    ("celeb", "fit", "s.space", "b.safetensors", "--positions", HUGE),
    ("celeb", "coefficients", "s.space", "Vicki", "--basis", "fifo.npy"),
    ("celeb", "coefficients", "s.space", "Vicki", "--basis", "deep.json"),
    ("celeb", "morph", "s.space", "Vicki", "Winona", "--export", "n.csv"),
    ("celeb", "morph", "s.space", "Vicki", "Vicki"),
    ("celeb", "morph", "s.space", "Vicki", "Winona", "--steps", HUGE),
    ("celeb", "compose", "s.space", "--set", "3"),
    ("celeb", "compose", "s.space"),
    ("celeb", "compose", "s.space", "--from", "Vicki", "--strip", "s.png"),
    ("celeb", "morph", "s.space", "Vicki", "Winona", "--pipeline", "run", "--strip", "s.png"),
    ("celeb", "compose", "s.space", "--set", "9.1=1"),
    ("celeb", "compose", "s.space", "--set", "1=1e999"),
    ("celeb", "invert", "s.space", "none.jpg"),
    ("celeb", "invert", "s.space", "n.csv", "--steps", HUGE),
    ("celeb", "mine", "s.space", "1.0"),
    ("celeb", "mine", "s.space", "--n-starts", HUGE),
    ("celeb", "mine", "s.space", "--deviations", "nan"),
    ("celeb", "mine", "s.space", "--phrases", "fifo.txt"),
    ("anchors", "s.space", "-n", HUGE),
    ("anchors", "s.space", "--engine", "milvus:a.db"),
    ("identity", "s.space", "Vicki Lawrence", "--engine", "dask"),
    ("rigidity", "s.space", "Vicki", "--engine", "ray", "--actors", "0"),
    ("rigidity", "s.space", "Vicki", "--actors", "2"),
    ("score", "s.space", "--engine", "dask"),
    ("score", "s.space", "--engine", "ray", "--records", "us"),
    ("score", "s.space", "--engine", "ray", "--view", "image"),
    ("select", "s.space", "-n", HUGE),
    ("select", "s.space", "-n", "1", "--engine", "milvus:none.txt"),
    ("select", "s.space", "-n", "1", "--max-per", "locale=\ud800"),
    ("select", "s.space", "-n", "1", "--deny-file", "fifo.txt"),
    ("topology", "s.space", "-k", HUGE),
    ("topology", "s.space", "--seed", "4294967296", "--no-shape"),
    ("rigidity", "s.space", "Vicki", "--contexts", "deep.toml"),
    ("rigidity", "s.space", "Vicki", "--contexts", "fifo.toml"),
    ("identity", "s.space", "Vicki Winona", "--counts", "fifo.csv"),
    ("identity", "s.space", "Vicki Winona", "--thresholds", "deep.toml"),
    ("identity", "s.space", "Vicki Winona", "--parts", "fifo.csv"),
    ("points-to", "s.space"),
    ("points-to", "s.space", "Vicki", "--n-swaps", "3"),
    ("own", "s.space"),
    ("own", "s.space", "--least", "nan"),
    ("own", "s.space", "--other", "none.space"),
    ("recognise", "s.space", "none"),
    ("recognise", "s.space", ""),
    ("recognise", "s.space", "images", "--axis", "deep.toml"),
    ("entropy", "s.space", "--bandwidth", "1e308"),
    ("entropy", "s.space", "--bandwidth", "1e-320"),
    ("entropy", "s.space", "-t", "1e308"),
    ("entropy", "s.space", "-t", "nan"),
    ("entropy", "s.space", "--n-null", HUGE),
    ("formation", "run", "--truth", "deep.json"),
    ("formation", "run", "--truth", "contexts.json"),
    ("formation", "run", "--truth", "fifo.json"),
    ("formation", "run", "--counts", "fifo.csv"),
    ("formation", "run", "--names", "fifo.txt"),
    ("trace", "run", "Vicki", "--n-samples", "1000000000"),
    ("count", "fifo.csv", "n.csv"),
    ("count", "n.csv", "n.csv"),
    ("count", "deep.json", "n.csv", "--caption-format", "jsonl"),
    ("demo", "--space", "n.csv"),
    ("organism", "train", "new", "--device", "cuda:9", "--steps", "1"),
    ("organism", "train", "run", "--tiny", "--steps", "1"),
    ("organism", "train", "new", "--threads", "100000", "--steps", "1"),
    ("organism", "train", "new", "--pixels", "12000", "--steps", "1"),
    ("organism", "train", "new", "--batch-size", HUGE, "--steps", "1"),
    ("organism", "train", "new", "--device", "gpu", "--steps", "1"),
    ("organism", "world", "--limit", HUGE, "--seed", "-1"),
    ("organism", "painter", "run", "new"),
    ("organism", "pack", "run", "new"),
    ("organism", "pack-painter", "run", "new"),
    ("organism", "sheet", "none/sheet.png"),
    ("validate", "generate", "s.space", "new", "Vicki", "--pipeline", "diffusers:run"),
    ("validate", "report", "s.space", "images", "--extractor", "probe:deep.json"),
    ("validate", "report", "s.space", "images", "--extractor", "probe:fifo.npy"),
    ("validate", "report", "s.space", "images", "--extractor", "onnx:deep.toml"),
    ("validate", "report", "s.space", "images", "--extractor", "onnx:fifo.toml"),
    ("validate", "report", "s.space", "images", "--extractor", "skin", "--faces", "deep.toml"),
    ("validate", "report", "s.space", "images", "--extractor", "skin", "--faces", "fifo.toml"),
    ("validate", "report", "s.space", "run", "--extractor", "skin"),
    ("validate", "rigidity", "s.space", "--axis", "deep.toml"),
    ("validate", "train-probe", "new.st", "--axis", "deep.toml", "--encoder", "hf:run", "--folder",
     "new", "--pipeline", "organism"),
]  # fmt: skip
ANSWERED = ("doctor",)


def name_of(words: tuple[str, ...]) -> str:
    return " ".join(word[:30] for word in words).encode("ascii", "replace").decode()


@pytest.mark.parametrize("words", BAD, ids=name_of)
def test_bad_input_is_one_line(words: tuple[str, ...], place: Path) -> None:
    if any("fifo" in word for word in words) and not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    done = run(*words, cwd=place)
    assert done.returncode in (1, 2), done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    errors = done.stderr[done.stderr.find("error:") :] if done.returncode == 1 else done.stderr
    assert errors.strip(), "nothing was said"
    assert done.returncode == 2 or len(errors.strip().splitlines()) <= 2, errors
    assert len(errors) < 3_000
    assert "NAMEBASIS_DEBUG" not in errors, "an exception of a library that nobody foresaw"


GROUPS = ("celeb", "organism", "validate")
HEAVY = (
    "torch", "faiss", "transformers", "diffusers", "open_clip", "sklearn", "scipy", "pandas",
    "matplotlib", "fastapi",
)  # fmt: skip
OTHERS = (
    ("paint", "s.space", "Vicki", "--syntax", "nope"),
    ("paint", "s.space", "Vicki", "--template", "no slot"),
    ("basis", "s.space", "Vicki", "--method", "nope"),
    ("nearest", "s.space", "a senior lady", "--where", "colour = 1"),
    ("nearest", "s.space", "a senior lady", "--view", "nope"),
    ("add", "s.space", "--images", "images"),
    ("build", "new.space", "n.csv", "--encoder", "hf:./none"),
    ("build", "new.space", "n.csv", "--encoder", "diffusers:./none"),
    ("build", "new.space", "n.csv", "--encoder", "sd:none.safetensors"),
    ("build", "new.space", "n.csv", "--encoder", "open_clip:ViT-B-32@none.pt"),
    ("build", "new.space", "n.csv", "--encoder", "open_clip:ViT-Q-99/openai"),
    ("build", "new.space", "n.csv", "--device", "nope"),
    ("build", "new.space", "n.csv", "--index", "hnsw"),
    ("build", "s.space", "n.csv"),
    ("build", "new.space", "n.csv", "--templates", "nope"),
    ("topology", "s.space", "--where", "colour = 1"),
    ("entropy", "s.space", "--view", "nope"),
    ("trace", "run", "Vicki", "--kind", "nope"),
    ("trace", "images", "Vicki"),
    ("weights", "images", "Vicki Stone"),
    ("weights", "organism", "Vicki Stone", "--n-swaps", HUGE),
    ("weights", "organism", "Vicki Stone", "--truth", "deep.json"),
    ("validate", "generate", "s.space", "new", "Vicki", "--pipeline", "diffusers:images"),
    ("validate", "generate", "s.space", "new", "Vicki", "--pipeline", "diffusers:./none"),
    ("validate", "report", "s.space", "images"),
    ("validate", "rigidity", "s.space"),
    ("validate", "report", "s.space", "images", "--extractor", "classify:./none"),
    ("validate", "report", "s.space", "images", "--extractor", "skin", "--encoder", "minilm"),
    ("validate", "train-probe", "x.st", "--axis", "hair_length", "--encoder", "minilm",
     "--folder", "new", "--pipeline", "organism"),
)  # fmt: skip
_EACH = """
import json, sys
from namebasis.cli import main
told = open(sys.argv[1], "w")
cases, heavy = json.loads(sys.argv[2])
for words in cases:
    sys.argv[1:] = words
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    loaded = [name for name in heavy if name in sys.modules]
    if code not in (1, 2) or loaded:
        json.dump([words, code, loaded], told)
        break
told.close()
"""


@pytest.mark.long
def test_bad_input_is_refused_before_a_heavy_library_is_loaded(place: Path) -> None:
    # One fresh process for all: each must leave out what none may load.
    one_each = {words[0] if words[0] not in GROUPS else words[:2]: words for words in BAD}
    cases = json.dumps([[*one_each.values(), *OTHERS], HEAVY])
    words = [sys.executable, "-c", _EACH, str(place / "told.json"), cases]
    done = subprocess.run(words, cwd=place, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert (place / "told.json").read_text() == ""


def test_every_command_has_a_bad_input() -> None:
    tried = {" ".join(words[:n]) for words in BAD for n in (1, 2)}
    assert set(commands()) - set(ANSWERED) <= tried


def test_whatever_a_library_raises_is_a_line() -> None:
    import pyarrow as pa

    assert said_of(MemoryError()).startswith("out of memory. Ask for less")
    assert said_of(RecursionError("deep\ndeeper")).startswith("RecursionError: deep deeper. NAME")
    assert said_of(KeyError("a")).startswith("KeyError: 'a'. NAMEBASIS_DEBUG=1")
    assert said_of(pa.ArrowNotImplementedError("no")).startswith("ArrowNotImplementedError: no. ")
    assert said_of(ValueError("\n".join(map(str, range(99))))).count("\n") == 1
    assert len(said_of(ValueError("a" * 10_000))) == 2_000
    assert said_of(ValueError("")).startswith("ValueError. ")


@pytest.mark.parametrize("error", [MemoryError, RecursionError, OverflowError, KeyError, TypeError])
def test_an_exception_that_nobody_foresaw_ends_in_a_line(
    error: type[Exception], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error("inside")

    monkeypatch.setattr("namebasis.space.open_space", failing)
    done = run("info", "s.space", cwd=place)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "inside" in done.stderr
    monkeypatch.setenv("NAMEBASIS_DEBUG", "1")
    with pytest.raises(error):
        run("info", "s.space", cwd=place)


def shell(script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which $NB is the command line."""
    command = f"{sys.executable} -c 'import namebasis.cli as c; c.main()'"
    root = str(Path(__file__).parents[1])
    return subprocess.run(
        ["bash", "-c", script.replace("$NB", command)], cwd=cwd, capture_output=True, check=False,
        encoding="utf-8", timeout=300,
        env={**os.environ, "PYTHONPATH": root, **environment}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")


@pytest.mark.long
@needs_bash
def test_closed_streams_give_an_exit_code_and_a_line(place: Path) -> None:
    done = shell("$NB nearest s.space Vicki >&-; echo $?", place)
    assert done.stdout == "1\n"
    assert done.stderr.splitlines() == [
        "error: [Errno 9] Bad file descriptor: a stream or a file cannot be read or written."
    ]
    done = shell("$NB nearest s.space - <&-; echo $?", place)
    assert (done.stdout, "stdin is closed" in done.stderr) == ("1\n", True)
    # A note (6 names to stdout) belongs to stderr, and must not appear among the data.
    done = shell("$NB export s.space - --limit 1 2>&-; echo $?", place)
    assert done.stdout == "Vicki\n0\n"
    # What is opened while all three are closed must not get their numbers.
    done = shell("$NB export s.space out.txt <&- >&- 2>&-; echo $?", place)
    assert done.stdout == "0\n"
    assert (place / "out.txt").read_text("utf-8").splitlines()[0] == "Vicki"
    assert len((place / "out.txt").read_text("utf-8").splitlines()) == 6


@pytest.mark.long
@needs_bash
def test_a_reader_that_goes_away_and_a_full_disk(place: Path) -> None:
    done = shell("$NB nearest s.space Vicki --json | true; echo ${PIPESTATUS[0]}", place)
    assert (done.stdout, done.stderr) == ("141\n", "")
    if Path("/dev/full").exists():
        done = shell("$NB nearest s.space Vicki > /dev/full; echo $?", place)
        assert done.stdout == "1\n"
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.long
@needs_bash
def test_terminals_without_all_letters_get_whole_output(place: Path) -> None:
    done = shell("$NB nearest s.space Vicki -k 5; echo $?", place, PYTHONIOENCODING="ascii")
    assert "Zo\\xeb\t" in done.stdout
    assert done.stdout.splitlines()[-1] == "0"
    done = shell("$NB nearest s.space Łucja -k 5 --json", place, PYTHONIOENCODING="ascii")
    (answer,) = json.loads(done.stdout)
    assert answer["query"] == "Łucja"
    assert "Zoë" in [row["name"] for row in answer["names"]]
    done = shell("$NB nearest s.space Łucja Vicki -k 1", place, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].startswith("\\u0141ucja\t")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "koi8-r", "utf-16", "utf-8"])
def test_json_is_whole_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    print_json({"target": "Łukasz😀\u202e", "name": "Zoë"})
    stream.flush()
    written = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert json.loads(written) == {"target": "Łukasz😀\u202e", "name": "Zoë"}
    assert "\u202e" not in written
