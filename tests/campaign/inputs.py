"""Changed files and requests for every reader: an answer or one line, by the thousand.

Commands run one after another in one child, so that an input costs what its command computes and no
new process. The child notes each number before it begins: one that ends it is known, and the next
child goes on behind it.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign.hostile import FEW, SECONDS, judge
from tests.campaign.warm import ROOT, Ended, said
from tests.campaign.world import N_NAMES, World, names

TINY = "--encoder tiny --templates plain -q"
USES: dict[str, tuple[str, str]] = {
    "names txt": ("build new.space {f}.txt " + TINY, "txt"),
    "names csv": ("build new.space {f}.csv " + TINY, "csv"),
    "names tsv": ("build new.space {f}.tsv " + TINY, "tsv"),
    "names json": ("build new.space {f}.json " + TINY, "json"),
    "names jsonl": ("build new.space {f}.jsonl " + TINY, "jsonl"),
    "names yaml": ("build new.space {f}.yaml " + TINY, "yaml"),
    "names parquet": ("build new.space {f}.parquet " + TINY, "parquet"),
    "names added": ("add s {f}.csv -q", "csv"),
    "phrases as names": ("build new.space phrases:{f}.toml " + TINY, "phrases"),
    "names ssa": ("build new.space ssa:{f}.zip --encoder tiny -q", "ssa"),
    "names census": ("build new.space census:{f}.csv " + TINY, "census"),
    "vectors npy": ("build new.space names.txt --vectors {f}.npy -q", "rows"),
    "templates": ("build new.space names.txt --encoder tiny --templates {f}.toml -q", "templates"),
    "checkpoint config": ("build new.space few.txt --encoder hf:{d} -q", "clip/config.json"),
    "checkpoint tokenizer": ("build new.space few.txt --encoder hf:{d} -q", "clip/tokenizer.json"),
    "checkpoint weights": ("build new.space few.txt --encoder hf:{d} -q", "clip/model.safetensors"),
    "checkpoint lora": (
        "build new.space few.txt --encoder hf:clip+lora:{f}.safetensors -q", "lora"),
    "checkpoint word": (
        "build new.space few.txt --encoder hf:clip+embedding:{f}.safetensors=zorb -q", "word"),
    "picture png": ("add i --images {d} -q", "png"),
    "picture jpg": ("add i --images {d} -q", "jpg"),
    "picture table": ("add i --images {d} -q", "metadata"),
    "picture tar": ("add i --images {f}.tar -q", "imagetar"),
    "target vector npy": ("nearest s --vector {f}.npy", "npy"),
    "target vector npz": ("nearest s --vector {f}.npz", "npz"),
    "target vector json": ("nearest s --vector {f}.json", "vector"),
    "target image": ("nearest s --image {f}.png", "png"),
    "basis vector": ("basis s --vector {f}.npy --n-null 2 --n-resamples 0", "npy"),
    "axis": ("walk s {f}.toml", "axis"),
    "components": ("walk s 1 --components {f}.safetensors", "components"),
    "saved basis": ("celeb coefficients o Bal --basis {f}.safetensors", "basis"),
    "phrases toml": ("describe s Bal -n 2 --phrases {f}.toml -q", "phrases"),
    "phrases txt": ("describe s Bal -n 2 --phrases {f}.txt -q", "phrasetxt"),
    "records census": ("score h --records census:{f}.csv -q", "census"),
    "records ssa": ("score s --records ssa:{f}.zip -q", "births"),
    "groups": ("score s --axis gender --groups {f}.toml -q", "groups"),
    "thresholds": ("identity f --thresholds {f}.toml " + FEW, "thresholds"),
    "counts": ("identity f --counts {f}.csv " + FEW, "mentions"),
    "contexts": ("rigidity s Bal --contexts {f}.toml --n-made-up 20 -q", "contexts"),
    "captions": ("count {f}.jsonl people.txt --overwrite", "captions"),
    "captions txt": ("count {f}.txt people.txt --overwrite", "txt"),
    "people": ("count captions.jsonl {f}.csv --overwrite", "people"),
    "denied": ("select s -n 2 --deny-file {f}.txt -q", "txt"),
    "training run": ("trace {d} Bal --step 2 -q", "run/run.json"),
    "training world": ("trace {d} Bal --step 2 -q", "run/world.json"),
    "settings": ("info", "settings"),
    "probe": ("validate report s images1 --extractor probe:{f}.safetensors -q", "probe"),
    "extractor card": ("validate report s images1 --extractor onnx:{d}/card.toml -q",
                       "model/card.toml"),
    "extractor model": ("validate report s images1 --extractor onnx:{d}/card.toml -q",
                        "model/means.onnx"),
    "audit": ("audit --compare audits/one {d}", "audits/two/audit.json"),
    "audit samples": ("audit --compare audits/one {d}", "audits/two/samples.parquet"),
    "report images": ("validate report s {d} --extractor skin -q", "png"),
    "space history": ("undo {d} --dry-run", "r/history.json"),
    "space checksums": ("info {d}", "s.kept/checksums.json"),
    "where": ("nearest s Bal --where {t}", "where"),
    "columns": ("export s - --columns {t}", "where"),
    "order": ("export s - --order-by {t}", "where"),
    "request": ("", "request"),
}  # fmt: skip
"""A command and what it reads: {f} is a changed file without its ending, {d} a folder that holds
it, {t} its text. Kinds with a slash are files of a folder that `prepared` leaves."""

SPACES = {"i": "images.space", "o": "organism.space", "run": "run", "r": "removed.space",
          "f": "parts.space", "h": "families.space"}  # fmt: skip
"""Folders that `Inputs` copies where a use reads them, and the bases that they copy."""

KEPT = {"components": "c.safetensors", "basis": "b.safetensors", "probe": "p.safetensors",
        "mentions": "mentions.csv"}  # fmt: skip
"""Files that `Inputs` leaves where a use reads them, by their kinds."""

COMMANDS = {"components": "walk s --save c.safetensors", "basis": "celeb fit o b.safetensors"}
"""Commands that make some of them."""

WEIGHT = {"request": 8, "target vector npy": 2, "where": 4}
CHANGES_S = ("add ",)
WAIT = 300.0
"""Seconds by the clock after which an input counts as a hang."""


# ------------------------------------------------------------------------- changed content


def changed(content: bytes, rng: Random) -> bytes:
    """A content with some bytes, pieces or numbers changed."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        change = rng.randrange(8)
        if change == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif change == 1:
            del data[at : at + rng.choice((1, 2, 8, 40, 1000))]
        elif change == 2:
            data[at:at] = rng.choice(PIECES)
        elif change == 3:
            data[at : at + 8] = rng.randbytes(8)
        elif change == 4 and data:
            start = rng.randrange(len(data))
            data[at:at] = data[start : start + rng.choice((1, 5, 60))]
        elif change == 5:
            data[at : at + 8] = struct.pack("<q", rng.choice((-1, 0, 1 << 31, 1 << 62)))
        elif change == 6:
            del data[at:]
        else:
            numbers = [n for n, byte in enumerate(data) if 48 <= byte <= 57]
            if numbers:
                place = rng.choice(numbers)
                data[place : place + 1] = rng.choice((b"-1", b"0", b"1e999", b"9" * 30, b"nan"))
    return bytes(data) or b"x"


PIECES = (
    b"[", b"{", b"9" * 400, b"\x00", b'"', b"\n", b"\xff", b"1e999", b"null", b"\xef\xbb\xbf", b",",
    b"\r", "\u202e".encode(), b"\x1b[2J", b"[]", b"{}", b"true", b"''", b";", b"\t", b"[" * 200,
    "\U0001f9d1\u200d\U0001f680".encode(), b"\xed\xa0\x80", b"-", b"../", b"NaN", b"%s{}",
)  # fmt: skip


@cache
def valid(kind: str) -> bytes:
    """A valid content of a kind."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from safetensors.numpy import save

    row = np.linspace(-1, 1, 16).astype(np.float32)
    made: dict[str, Callable[[io.BytesIO], Any]] = {
        "npy": lambda f: np.save(f, row),
        "rows": lambda f: np.save(f, np.tile(row, (60, 1)) + np.arange(60)[:, None]),
        "npz": lambda f: np.savez(f, a=row),
        "parquet": lambda f: pq.write_table(
            pa.table({"name": ["Bal", "Bala", "Balo"], "count": [5, 70, 900]}), f),
    }  # fmt: skip
    if kind in made:
        stream = io.BytesIO()
        made[kind](stream)
        return stream.getvalue()
    if kind in ("png", "jpg"):
        return _picture(kind)
    if kind in ("ssa", "births", "imagetar"):
        return _archive(kind)
    if kind in ("lora", "word"):
        return save(_additions(kind))
    if kind == "axis":
        return (ROOT / "namebasis" / "data" / "axes" / "age.toml").read_bytes()
    if "/" in kind or kind in KEPT:
        return Path(KEPT.get(kind, kind)).read_bytes()
    return _TEXTS[kind].encode()


_TEXTS = {
    "txt": "Bal\nBala\nBalo\nJosé\n",
    "csv": "name,part,gender,count\nBal,given,F,5\nBala,given,M,70\nBalo,family,,9\n",
    "census": "name,rank,count,pctwhite,pctblack,pctapi,pctaian,pct2prace,pcthispanic\n"
    + "".join(
        f"{name.upper()},{at},{9000 - at},{at % 90},{90 - at % 90},2.5,(S),1.5,4\n"
        for at, name in enumerate(names(0, N_NAMES), 1)
    ),
    "people": "name,count\nVicki Lawrence,5\nAnna Smith,7\n",
    "tsv": "name\tcount\nBal\t5\nBala\t7\n",
    "json": '[{"name": "Bal", "count": 5}, {"name": "Bala", "count": 7}]',
    "jsonl": '{"name": "Bal", "count": 5}\n{"name": "Bala", "count": 7}\n',
    "yaml": "- name: Bal\n  count: 5\n- name: Bala\n  count: 7\n",
    "templates": 'templates = ["a photo of {}", "{}"]\n',
    "vector": json.dumps([x / 8 - 1 for x in range(16)]),
    "axis": 'name = "size"\nlow = ["a small person"]\nhigh = ["a large person"]\n',
    "ordinal": 'name = "mood"\nkind = "ordinal"\ntemplates = ["{}"]\n[[values]]\nlabel = "a"\n'
    'phrases = ["calm"]\nrank = 1\n[[values]]\nlabel = "b"\nphrases = ["wild"]\nrank = 2\n',
    "groups": f"[groups]\none = {json.dumps(names(0, 12))}\ntwo = {json.dumps(names(12, 12))}\n",
    "phrases": '[[groups]]\nname = "hair"\nreads = "a person with {}"\n'
    'phrases = ["red hair", "grey hair"]\n',
    "phrasetxt": "red hair\ngrey hair\nan old person\n",
    "contexts": 'contexts = ["{} at work", "{} at home", "{} in a car", "{} asleep"]\n',
    "thresholds": 'origin = "mine"\n[origins.mine]\ndescription = "tried"\n'
    + "".join(
        f"{key} = {{ quantile = 0.95, softness = 0.5 }}\n"
        for key in ("own_score", "strength", "hold", "leakage")
    ),
    "captions": '{"caption": "Anna Smith at sea"}\n{"caption": "Vicki Lawrence"}\n',
    "metadata": "file_name,name\nBal/1-0.png,Bal\nBal/1-1.png,Bala\n",
    "settings": 'space = "../s"\nencoder = "tiny"\n',
    "where": "name LIKE 'Ba%' AND n_tokens > 1 OR NOT id IN (1, 2)",
}


def _picture(kind: str) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    image = Image.radial_gradient("L").resize((24, 24)).convert("RGB")
    image.save(stream, "PNG" if kind == "png" else "JPEG")
    return stream.getvalue()


def _archive(kind: str) -> bytes:
    stream, png = io.BytesIO(), _picture("png")
    if kind == "imagetar":
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name in ("Bal/1.png", "Bala/1.png"):
                about = tarfile.TarInfo(name)
                about.size = len(png)
                tar.addfile(about, io.BytesIO(png))
    else:
        with zipfile.ZipFile(stream, "w") as archive:
            if kind == "ssa":
                archive.writestr("yob1990.txt", "Bal,F,500\nBala,M,300\n")
            else:
                for year in range(1970, 1980):
                    archive.writestr(
                        f"yob{year}.txt",
                        "".join(
                            f"{name},{'FM'[at % 2]},{500 + 9 * at + year % 7}\n"
                            for at, name in enumerate(names(0, N_NAMES))
                        ),
                    )
    return stream.getvalue()


# ------------------------------------------------------------------------------ in a child


def draw(seed: int, number: int) -> tuple[str, Random]:
    """The use of a number, and what decides its input."""
    rng = Random(f"{seed}:inputs:{number}")
    uses = [use for use in USES for _ in range(WEIGHT.get(use, 1))]
    return rng.choice(uses), rng


def one(use: str, rng: Random | None) -> str | None:
    """Give a changed input to a use, or without `rng` a valid one; what was wrong, or None."""
    words, kind = USES[use]
    if use == "request":
        from tests.campaign.requests import ask

        return ask(rng or Random(0))
    content = valid(kind) if rng is None else changed(valid(kind), rng)
    folder = Path("changed")
    shutil.rmtree(folder, ignore_errors=True)
    if "/" in kind:
        top, _, inner = kind.rpartition("/")
        shutil.copytree(top, folder, symlinks=True)
        (folder / inner).write_bytes(content)
    else:
        folder.mkdir()
        if words.endswith("{d} -q") or "{d} --" in words:
            shutil.copytree("images1/Bal", folder / "Bal")
        name = {"metadata": "metadata.csv", "settings": "namebasis.toml"}.get(
            kind, next((w for w in words.split() if "{f}" in w), f"x.{kind}").split("{f}")[-1]
        )
        place = folder / (f"file{name}" if name.startswith(".") else name)
        if kind in ("png", "jpg") and "{d}" in words:
            place = folder / "Bal" / f"z.{kind}"
        place.write_bytes(content)
    text = content.decode("utf-8", "replace").replace("\x00", "")
    given = [
        text if word == "{t}" else word.replace("{f}", "changed/file").replace("{d}", "changed")
        for word in words.split()
    ]
    home = os.getcwd()
    if kind == "settings":
        os.chdir(folder)
    try:
        told = said(given)
    finally:
        os.chdir(home)
        shutil.rmtree("new.space", ignore_errors=True)
    if words.startswith(CHANGES_S) and told.code == 0:
        which = words.split()[1]
        shutil.rmtree(which)
        shutil.copytree(f"{which}.kept", which)
    if told.code == 2 and "No such option" in told.err:
        return "the campaign's own command is wrong: " + told.err.strip()[-200:]
    if rng is None and told.code:
        return f"valid, but exit {told.code}: {told.err.strip()[-200:]}"
    ended = Ended(told.code, None, False, told.out, told.err, None)
    return told.problem or judge(ended)


def refused_though_valid(uses: list[str]) -> dict[str, str]:
    """Those of some uses whose valid input is refused, so that a changed one would say nothing."""
    told = {use: one(use, None) for use in uses}
    return {use: problem for use, problem in told.items() if problem}


def batch(seed: int, numbers: list[int]) -> None:
    """Run the inputs of some numbers, each noted in `progress` as it begins and ends."""
    with open("progress", "a", encoding="utf-8") as progress:
        for number in numbers:
            use, rng = draw(seed, number)
            progress.write(json.dumps({"begins": number, "at": time.monotonic()}) + "\n")
            progress.flush()
            # Both end the process: a loop by its own time, a wait by the clock, however busy.
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(int(WAIT))
            problem = one(use, rng)
            signal.alarm(0)
            signal.setitimer(signal.ITIMER_PROF, 0)
            progress.write(json.dumps({"ended": number, "use": use, "problem": problem}) + "\n")
            progress.flush()


def read_by(use: str) -> list[str]:
    """What a use reads beside its input: some of `SPACES`, `COMMANDS` and `MADE`."""
    words, kind = USES[use]
    read = {kind.partition("/")[0], *re.findall(r"[\w-]+", re.sub(r"\{\w\}", "", words))}
    if use == "request":
        read.add("i")
    if kind == "probe":
        read.add("clip")
    return [name for name in (*SPACES, *COMMANDS, *MADE) if name in read - {words.split(" ")[0]}]


class Inputs:
    """The folder in which inputs are tried, with what those lie beside that are tried."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.place = place = world.case("base.space")
        self._made: set[str] = set()
        shutil.copytree(world.base("base.space"), place / "s.kept")
        (place / "few.txt").write_text("Bal\nBala\n")
        (place / "size.toml").write_text(_TEXTS["axis"])
        (place / "records.csv").write_text(_TEXTS["census"])

    def make(self, uses: Iterable[str]) -> None:
        """Make what some uses read and no use before them did."""
        read = dict.fromkeys(name for use in uses for name in read_by(use))
        new = [name for name in read if name not in self._made]
        self._made.update(new)
        for name in (name for name in SPACES if name in new):
            shutil.copytree(self.world.base(SPACES[name]), self.place / name)
            if name == "i":
                shutil.copytree(self.place / "i", self.place / "i.kept")
        for words in (COMMANDS[name] for name in COMMANDS if name in new):
            ended = self.world.warm.command(*words.split(), cwd=self.place, seconds=120)
            if ended.code != 0:
                raise RuntimeError(f"{words}: {ended}")
        rest = [name for name in MADE if name in new]
        if rest:
            ended = self.world.warm.call(
                "tests.campaign.inputs:prepare", rest, cwd=self.place, seconds=300
            )
            if ended.code != 0:
                raise RuntimeError(f"prepare: {ended}")

    def run(self, seed: int, numbers: list[int]) -> list[tuple[int, str, str | None]]:
        """Run inputs; number, use and problem of each."""
        self.make(draw(seed, number)[0] for number in numbers)
        found: list[tuple[int, str, str | None]] = []
        waiting = list(numbers)
        while waiting:
            progress = self.place / "progress"
            progress.unlink(missing_ok=True)
            ended = self.world.warm.call(
                "tests.campaign.inputs:batch",
                seed,
                waiting,
                cwd=self.place,
                seconds=60 + WAIT * len(waiting),
            )
            lines = [json.loads(line) for line in progress.read_text().splitlines()]
            done = [line for line in lines if "ended" in line]
            found += [(line["ended"], line["use"], line["problem"]) for line in done]
            if len(done) == len(waiting):
                break
            last = lines[-1].get("begins", waiting[len(done)])
            is_late = ended.signal in (signal.SIGALRM, signal.SIGPROF)
            problem = "hang" if is_late else ended.crash or f"{ended}"[:300]
            found.append((last, draw(seed, last)[0], problem))
            for kept in self.place.glob("?.kept"):  # of what the dead may have left half-written
                shutil.rmtree(kept.with_suffix(""), ignore_errors=True)
                shutil.copytree(kept, kept.with_suffix(""))
            waiting = waiting[len(done) + 1 :]
        return found


def _additions(kind: str) -> dict[str, Any]:
    """Tensors of a LoRA or of a word for the tiny CLIP of `prepare`."""
    import numpy as np

    rng = np.random.default_rng(0)
    if kind == "word":
        return {"emb_params": rng.normal(size=(1, 32)).astype(np.float32)}
    key = "lora_te_text_model_encoder_layers_1_self_attn_q_proj"
    shapes = {"lora_up": (32, 2), "lora_down": (2, 32)}
    return {
        f"{key}.{side}.weight": rng.normal(size=shape).astype(np.float32)
        for side, shape in shapes.items()
    }


def prepare(names: list[str]) -> None:
    """Make some of `MADE`."""
    for name in names:
        MADE[name]()


def _write_clip() -> None:
    from tests.encoders.conftest import write_clip

    Path("clip").mkdir()
    write_clip(Path("clip"))


def _write_model() -> None:
    from tests.validation.conftest import write_onnx

    Path("model").mkdir()
    write_onnx(Path("model"))


def _write_mentions() -> None:
    from namebasis.space import open_space

    people = open_space("f").table(["name"], where="part = 'full'")["name"].to_pylist()
    lines = (f"{name},{7 * at + 1}" for at, name in enumerate(people))
    Path("mentions.csv").write_text("\n".join(["name,count", *lines]), encoding="utf-8")


def _write_probe() -> None:
    import numpy as np

    from namebasis.encoders.registry import load_encoder
    from namebasis.validation.extractors.base import Attribute
    from namebasis.validation.extractors.image_probe import train_probe

    encoder = load_encoder(f"hf:{Path.cwd() / 'clip'}")
    vectors = np.random.default_rng(0).normal(size=(40, encoder.dim))
    groups = [f"name {at}" for at in range(40)]
    shade = Attribute("shade", ("dark", "light"))
    train_probe(vectors, ["dark", "light"] * 20, groups, shade, encoder).save(Path("p.safetensors"))


def _write_audits() -> None:
    for seed, name in enumerate(("one", "two")):
        _write_audit(Path("audits") / name, seed)


def _write_audit(place: Path, seed: int) -> None:
    from unittest.mock import patch

    from namebasis.auditing.files import DOCUMENT, SAMPLES, write_samples
    from tests.auditing.tiny import made_audit

    with patch("namebasis.auditing.parts.Asked.say", lambda *_: "said."):
        audit, samples = made_audit(place.name, seed, 1.0)
        document = audit.to_json()
    place.mkdir(parents=True)
    (place / DOCUMENT).write_text(document, encoding="utf-8")
    write_samples(place / SAMPLES, samples)


MADE: dict[str, Callable[[], None]] = {
    "clip": _write_clip, "model": _write_model, "probe": _write_probe, "audits": _write_audits,
    "mentions": _write_mentions,
}  # fmt: skip
"""A CLIP, a model of ONNX, a probe of the CLIP's pictures, two audits, and mentions of people."""
