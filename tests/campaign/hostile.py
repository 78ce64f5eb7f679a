"""Hostile input for every command: one line that names it, or an answer; no crash, no hang."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.campaign.warm import Ended
from tests.campaign.world import World, copy_tree

SECONDS = 30.0
ESCAPES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
"""What must never reach a terminal: control characters and bidi overrides."""

FOREIGN = re.compile(
    r"/rustc?/|\.rs:\d+|RUST_BACKTRACE|panicked|weights_only.*False|codec can't encode|os error|"
    r"Internal Error|expected non-negative|Seed must be|is damaged \(Task was aborted"
)
"""Words of libraries that say nothing to the user, or slander what is whole."""

FEW = "--where part='full' --no-contexts --n-swaps 6 --n-made-up 20 -q"
# A command and what it reads from a file; {} is the hostile file, {d} a folder that holds it.
TAKES_FILE = {
    "build names": "build new.space {} --encoder tiny --templates plain -q",
    "build templates": "build new.space names.txt --encoder tiny --templates {} -q",
    "build ssa": "build new.space ssa:{} --encoder tiny -q",
    "build census": "build new.space census:{} --encoder tiny -q",
    "build encoder": "build new.space names.txt --encoder hf:{d} -q",
    "add names": "add s {} -q",
    "add images": "add s --images {d} -q",
    "nearest vector": "nearest s --vector {}",
    "nearest image": "nearest s --image {}",
    "basis vector": "basis s --vector {} --n-null 2 --n-resamples 0",
    "score axis": "score s --axis {} -q",
    "score records": "score h --records census:{} -q",
    "score groups": "score s --axis gender --groups {} -q",
    "walk axis": "walk s {}",
    "walk components": "walk s 1 --components {}",
    "rigidity names": "rigidity s --names {} --n-made-up 20 -q",
    "rigidity contexts": "rigidity s Bal --contexts {} --n-made-up 20 -q",
    "identity counts": "identity f --counts {} " + FEW,
    "identity contexts": "identity f --contexts {} " + FEW.replace("--no-contexts ", ""),
    "identity thresholds": "identity f --thresholds {} " + FEW,
    "formation run": "formation {d} -q",
    "trace run": "trace {d} Bal -q",
    "report onnx": "validate report s images1 --extractor onnx:{} -q",
    "report probe": "validate report s images1 --extractor probe:{} -q",
    "report images": "validate report s {d} --extractor skin -q",
    "space": "info {}",
    "space folder": "nearest {d} Bal",
}
SUFFIXES = {"vector": (".npy", ".json"), "axis": (".toml",), "contexts": (".toml",),
            "thresholds": (".toml",), "groups": (".toml",), "templates": (".toml",),
            "components": (".safetensors",), "probe": (".safetensors",), "onnx": (".toml",),
            "image": (".png", ".jpg"), "images": (".png",), "counts": (".csv",),
            "census": (".csv",), "records": (".csv",), "ssa": (".zip",),
            "names": (".txt", ".csv", ".json", ".jsonl", ".parquet", ".tsv"),
            "run": ("run.json", "world.json"), "encoder": ("config.json",)}  # fmt: skip

_DEEP = 100_000


def contents(rng: Random) -> dict[str, bytes]:
    """Hostile contents of files, by name."""
    big = b"9" * 400
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    escapes = b"\x1b]52;c;aGk=\x07Evil\x1b[2J \xe2\x80\xaereversed"
    return {
        "empty": b"",
        "NULs": bytes(5000),
        "noise": rng.randbytes(3000),
        "deep JSON": b"[" * _DEEP + b"]" * _DEEP,
        "deep JSON objects": b'{"a":' * _DEEP + b"1" + b"}" * _DEEP,
        "deep TOML": b"a = " + b"[" * _DEEP + b"]" * _DEEP,
        "deep TOML key": b".".join([b"a"] * 20_000) + b" = 1",
        "giant number": b"[" + big + b"]",
        "giant TOML numbers": b"rank = " + big + b"\npositions = [" + big + b", 1]\n",
        "giant CSV number": b"name,count\nBal," + big + b"\nPrctsurname,1e999\n",
        "a long cell": b"name,count\n" + b"x" * 200_000 + b",1\n",
        "a long line": b"x" * 3_000_000,
        "not UTF-8": b"\xff\xfe\xfdname,count\n\xe9t\xe9,1\n",
        "surrogates": b'["\\ud800", {"name": "\\udfff"}]',
        "escapes": escapes + b"\n" + escapes + b",1\n",
        "npy too long": npy,
        "npy version 3": b"\x93NUMPY\x03\x00" + struct.pack("<I", 0xFFFFFFF0) + b"x",
        "npy pickle": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, "
        b"'shape': (1,), }".ljust(118)
        + b"\n\x80\x04N.",
        "zip garbage": b"PK\x03\x04" + rng.randbytes(500),
        "safetensors header": struct.pack("<Q", 1 << 62) + b"{}",
        "safetensors deep": struct.pack("<Q", 2 * _DEEP) + b"[" * _DEEP + b"]" * _DEEP,
        "safetensors odd": struct.pack("<Q", 13) + b'{"labels": 5}',
        "safetensors list": struct.pack("<Q", 2) + b"[]",
        "null": b"null",
        "a number": b"5",
        "keys of other types": b'{"names": 5, "labels": null, "contexts": {"a": 5}, "steps": "x"}',
        "TOML of other types": b"contexts = {a = 5}\nnames = 3\nlow = []\nhigh = 1\n[axis]\nx=1\n",
        "PNG without end": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + b"\xff" * 13,
        "parquet": b"PAR1" + rng.randbytes(200) + b"PAR1",
        "CR only": b"name\rBal\rBala\r",
    }


def specials(folder: Path) -> dict[str, Path]:
    """Devices, FIFOs, links to them, loops, folders and names that are not UTF-8."""
    fifo, loop = folder / "fifo", folder / "loop"
    if not fifo.exists():
        os.mkfifo(fifo)
        loop.symlink_to(loop)
    return {
        "FIFO": fifo, "link loop": loop, "/dev/zero": Path("/dev/zero"),
        "/dev/null": Path("/dev/null"), "/dev/urandom": Path("/dev/urandom"),
        "a folder": folder, "not there": folder / "nothing",
        "/proc/self/mem": Path("/proc/self/mem"),
    }  # fmt: skip


def images(folder: Path, rng: Random) -> None:
    """A folder of images, one good, the others of every bad kind."""
    from PIL import Image, PngImagePlugin

    top = folder
    folder = folder / "Bal"
    folder.mkdir(parents=True)
    Image.new("RGB", (9, 9), (200, 30, 60)).save(folder / "Bal.png")
    Image.new("1", (1, 2_000_000)).save(folder / "thin.png")
    for at, (key, value) in enumerate(
        (
            ("seed", "9" * 31),
            ("name", "\\ud800abc"),
            ("name", "\x1b]52;c;aGk=\x07"),
            ("seed", "[" * 9999),
        )
    ):
        about = PngImagePlugin.PngInfo()
        about.add_text("namebasis", json.dumps({key: value}))
        about.add_text(key, value)
        Image.new("RGB", (9, 9)).save(folder / f"about{at}.png", pnginfo=about)
    (folder / "bal\x1b[31m.png").write_bytes(rng.randbytes(100))
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:
        file.write((folder / "Bal.png").read_bytes())
    for name, file in specials(top.parent).items():
        (folder / f"link {name.strip('/').replace('/', '-')}.png").symlink_to(file)


def judge(ended: Ended) -> str | None:
    """What is wrong with how a command ended; None where it answered or refused in one line."""
    if ended.crash:
        return ended.crash
    if ended.code not in (0, 1, 2):
        return f"exit code {ended.code}: {ended.err.strip()[-200:]}"
    refusals = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    if ended.code == 1 and len(refusals) != 1:
        return f"refused without a line that says so: {ended.err.strip()[-300:]!r}"
    found = ESCAPES.search(ended.out + ended.err)
    if found:
        return f"{found.group()!r} reaches the terminal"
    if ended.code == 1 and FOREIGN.search(ended.err):
        return f"a library's own words: {ended.err.strip()[-200:]}"
    return None


class Hostile:
    """Hostile files, made once, and the cases that give them to commands."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.place = world.case("images.space")
        for base, name in (("parts.space", "f"), ("families.space", "h")):
            copy_tree(world.base(base), self.place / name)
        self.files = self.place / "hostile"
        self.files.mkdir()
        self.contents = contents(Random(seed))
        images(self.files / "images", Random(seed))

    def every(self) -> Iterator[tuple[str, str]]:
        """All pairs of a use and a content."""
        names = [*self.contents, *specials(self.files)]
        yield from ((use, name) for use in TAKES_FILE for name in names)
        yield from ((use, name) for use in OTHERS for name in OTHERS[use])

    def case(self, use: str, name: str) -> str | None:
        """Give one content to one use; what was wrong, or None."""
        if use in OTHERS:
            return OTHERS[use][name](self)
        wanted = use.split()[-1]
        suffixes = SUFFIXES.get(wanted, ("",))
        suffix = suffixes[len(name) % len(suffixes)]
        special = specials(self.files).get(name)
        folder = self.files / f"{use} {name}".replace("/", "-")
        if not folder.exists():
            folder.mkdir()
            inside = folder / (suffix if "." in suffix[1:] else f"file{suffix}")
            if special is None:
                inside.write_bytes(self.contents[name])
            else:
                inside.symlink_to(special)
            if wanted in ("run", "encoder"):
                (folder / "step-000001").mkdir()
                (folder / "model.safetensors").write_bytes(b"x")
        file = next(p for p in folder.iterdir() if not p.name.startswith(("step", "model")))
        words = [
            str(folder)
            if word == "{d}"
            else word.replace("{}", str(file)).replace("{d}", str(folder))
            for word in TAKES_FILE[use].split()
        ]
        return judge(self.run(*words))

    def run(self, *words: str, **options: object) -> Ended:
        """Run the command line in the folder of the cases."""
        (self.place / "new.space").exists() and _remove(self.place / "new.space")
        given = {"seconds": 10 * SECONDS, "cwd": self.place, **options}
        return self.world.warm.command(*words, **given)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


def _where(text: str):
    return lambda self: judge(self.run("nearest", "s", "Bal", "--where", text))


def _words(*words: str, **options: object):
    return lambda self: judge(self.run(*words, **options))


OTHERS = {
    "where": {
        text[:40] + f" ({len(text)})": _where(text)
        for text in (
            "1" + "+1" * 1000 + " > 0", "name = 'a'" + "||'b'" * 800, "? = 1", "$1 = 1", ":a = 1",
            "repeat('a',1000000000) = name", "lpad('a',2000000000,'b') = name", '"gender" = \'F\'',
            "(" * 5000 + "1" + ")" * 5000, "NOT " * 5000 + "true", "id IN (" + "1," * 8000 + "1)",
            " OR ".join(["id = 1"] * 4000), "name LIKE '" + "%" * 5000 + "'", "'", "\x1b[31m = 1",
            "id = 1; DROP TABLE x", "name = '\udcff'", "CAST(name AS INT) = 1", "id / 0 = 1",
            "CASE " + "WHEN id=1 THEN " * 300 + "1", "-" * 3000 + "1 > 0", "regexp_like(name, '" +
            "(a*)*" * 50 + "b')", "array_has(locales, 'x')", "vector = 1", "text = 1",
        )
    },
    "numbers": {
        words: _words(*words.split())
        for words in (
            "basis s Bal --n-null 1000000000000", "walk s --steps 9223372036854775807",
            "entropy s --bandwidth 1e308", "entropy s --bandwidth 1e-320", "entropy s -t 1e308",
            "topology s --seed 4294967296 --no-shape --n-resamples 0 -q", "basis s Bal --seed -1",
            f"export s - --limit {10**30}", "export s - --order-by locales",
            f"nearest s Bal -k {10**25}",
            "organism train run --pixels 12000 --tiny --steps 1 -q", "walk s --span nan",
            "organism train run --threads 100000 --tiny --steps 1 -q", "nearest s Bal -k 0",
            "entropy s --n-null 999999999", "rigidity s Bal --n-made-up 999999999 -q",
            "topology s -k 999999999 --no-shape -q", "topology s --level nan --no-shape -q",
            "build new.space pseudo:999999999999 --encoder tiny -q",
            "build new.space " + "pseudo:5:" * 300 + "5 --encoder tiny -q",
            "paint s Bal --beam 999999999 -q", "identity s Bal --n-swaps -3 -q",
        )
    },
    "streams": {
        f"{name} {' '.join(words)}": _words(*words, **options)
        for words in (("nearest", "s", "Bal"), ("nearest", "s", "Bal", "--json"),
                      ("export", "s", "-"), ("nearest", "s", "-"), ("info", "s"),
                      ("build", "new.space", "-", "--encoder", "tiny", "-q"))
        for name, options in (
            ("stdout closed", {"closed": (1,)}), ("stdin closed", {"closed": (0,)}),
            ("ASCII", {"environment": {"PYTHONIOENCODING": "ascii"}}),
            ("stdin /dev/zero", {"stdin": "/dev/zero"}),
            ("stdin escapes", {"stdin": b"\x1b]52;c;aGk=\x07\n"}),
            ("stdin not UTF-8", {"stdin": b"\xff\xfe\n\xc3\n"}),
        )
    },
    "image folders": {
        words: _words(*words.split())
        for words in ("add s --images hostile/images -q",
                      "validate report s hostile/images --extractor skin -q")
    },
}  # fmt: skip
