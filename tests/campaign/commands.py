"""Every command that writes, as the campaign runs it, and why every other is left out.

`test_kills.py` holds both tables against the command line's own list of commands.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.campaign.world import TEMPLATES


@dataclass(frozen=True)
class Operation:
    """A command that writes, to be killed, starved or run beside others.

    Attributes
    ----------
    words : tuple of str
        Its first word, or two, are the command's name.
    base : str or None
        What it begins from, copied to ``s``; see `world.BASES`.
    makes : str
        What it leaves: `space`, `run` (weights), `files` (all that begins with ``out``) or
        `page` (JSON on stdout).
    at : str
        Where that lies.
    again : tuple of str
        What is added to run it again over what it may have finished.
    is_once : bool
        Once it has finished, the same command is refused or does more: it is run again only where
        the kill left it unfinished.
    """

    words: tuple[str, ...]
    base: str | None
    makes: str = "space"
    at: str = "s"
    again: tuple[str, ...] = ()
    is_once: bool = False

    @property
    def name(self) -> str:
        """The command, without its arguments."""
        first, second = self.words[:2]
        return f"{first} {second}" if first in ("celeb", "validate", "organism") else first


def _file(text: str, base: str | None = "base.space") -> Operation:
    return Operation(tuple(text.split()), base, "files", again=("--overwrite",))


def _space(text: str, base: str = "base.space") -> Operation:
    return Operation(tuple(text.split()), base)


def _once(text: str, base: str) -> Operation:
    return Operation(tuple(text.split()), base, is_once=True)


LIGHT = {
    "build": Operation(("build", "s", "names.txt", *TEMPLATES), None),
    "add": _space("add s more.txt -q", "images.space"),
    "add to unspelled": _space("add s more.txt -q", "unspelled.space"),
    "first images": _space("add s --images images1 -q"),
    "second images": _space("add s --images images2 -q", "images.space"),
    "anchors": _space("anchors s -n 3 --write -q"),
    "unspell": _space("unspell s -q"),
    "unspell again": _space("unspell s --rebuild -q", "unspelled.space"),
    "overwrite": Operation(
        ("build", "s", "other.txt", "--overwrite", *TEMPLATES), "images.space"),
    "remove": Operation(("remove", "s", "--where", "name LIKE '%en'"), "images.space"),
    "drop": _once("drop s anchor_rank", "anchored.space"),
    "rename": _once("rename s anchor_rank rank", "anchored.space"),
    "undo": _once("undo s", "removed.space"),
    "merge": Operation(
        ("merge", "s", "other.space", "-o", "both"), "base.space", at="both",
        again=("--overwrite",)),
    "select": _space("select s -n 3 --write -q"),
    "diversity": _space("diversity s --n-null 20 --write -q",
                        "images.space"),
    "card": _file("card s Bal --html out.html"),
    "describe": _file("describe s Bal -n 2 --html out.html -q"),
    "nearest page": _file("nearest s Bal --pictures --html out.html", "images.space"),
    "walk": _file("walk s --save out.safetensors"),
    "paint": _file("paint s Bal -n 1 --beam 2 --workflow out.json -q"),
    "recognise": _file("recognise s images1 --html out.html -q", "images.space"),
    "select page": _file("select s -n 3 --html out.html -q"),
    "export": _file("export s out.csv"),
    "export parquet": _file("export s out.parquet"),
    "export datasets": Operation(
        ("export", "s", "outs", "--format", "datasets"), "base.space", "files",
        again=("--overwrite",)),
    "count": _file("count captions.jsonl people.txt -o out.csv", None),
}  # fmt: skip
"""Commands that take less than a second where libraries are loaded."""

HEAVY = {
    "topology page": _file("topology s --html out.html --no-shape --n-resamples 0 -q"),
    "score": _space("score s --axis gender --write -q"),
    "report": _space("validate report s images1 --extractor skin --write -q"),
    "topology": _space("topology s --write --no-shape --n-resamples 0 -q"),
    "condition": _space("condition s -q", "organism.space"),
    "denoise": Operation(
        ("denoise", "s", "--pipeline", "organism", "--where", "id < 3", "--n-levels", "2", "-q"),
        "organism.space"),
    "identity": Operation(
        ("identity", "s", "--where", "part = 'full'", "--no-contexts", "--n-swaps", "6",
         "--n-made-up", "20", "--write", "-q"), "full.space"),
    "points-to": _space("points-to s --n-swaps 6 --write -q", "parted.space"),
    "rigidity": _space("rigidity s Bal Bala --n-made-up 20 --write -q", "organism.space"),
    "validate rigidity": _space(
        "validate rigidity s --n-resamples 20 --write", "pictured.space"),
    "celeb fit": _file("celeb fit s out.safetensors", "organism.space"),
    "celeb compose": _file(
        "celeb compose s --from Bal --export out.safetensors", "organism.space"),
    "celeb morph": Operation(
        ("celeb", "morph", "s", "Bal", "Bel", "--steps", "3", "--export", "outs"),
        "organism.space", "files", again=("--overwrite",)),
    "celeb invert": _file(
        "celeb invert s images1/Bal/1-0.png --export out.safetensors -q", "pictured.space"),
    "trace": _file("trace s Bal --html out.html -q", "run"),
    "weights": Operation(
        ("weights", "organism", "Vicki Lawrence", "--n-swaps", "12", "--n-null", "20", "--html",
         "out.html", "-q"), None, "files", again=("--overwrite",)),
    "organism sheet": _file("organism sheet out.png", None),
    "organism pack": Operation(
        ("organism", "pack", "s", "outs"), "run", "files"),
    "organism painter": Operation(
        ("organism", "painter", "s", "outs", "--steps", "2", "--batch-size", "4", "-q"), "run",
        "files"),
    "organism pack-painter": Operation(
        ("organism", "pack-painter", "s", "outs"), "painter", "files"),
    "validate generate": Operation(
        ("validate", "generate", "s", "outs", "Bal", "--pipeline", "organism", "--steps", "1",
         "-n", "1", "-q"), "organism.space", "files"),
    "validate train-probe": _file(
        "validate train-probe out.safetensors --axis hair_length --encoder organism --folder "
        "outs --pipeline organism --n-names 8 -n 1 --steps 1 -q", None),
    "train": Operation(
        ("organism", "train", "s", "--tiny", "--steps", "2", "--batch-size", "8", "--checkpoints",
         "2", "--threads", "1", "-q"), None, "run"),
    "formation": Operation(
        ("formation", "s", "--no-weights", "--n-resamples", "20", "--n-swaps", "12", "--json",
         "-q"), "run", "page"),
    "demo": Operation(("demo", "--space", "s", "--limit", "60", "-q"), None),
    "audit": Operation(
        ("audit", "organism", "-o", "outs", "--quick", "-q"), None, "files"),
    "serve": Operation(
        ("serve", "s", "--engine", "milvus:out.db", "-q"), "base.space", "files"),
}  # fmt: skip
"""Commands that run a model, and so take seconds: a kill in `EACH_HEAVY` is of one of them."""

EACH_HEAVY = 9
"""Every ninth kill is of a heavy command."""

OPERATIONS = {**LIGHT, **HEAVY}

WRITES_NOTHING = {
    "info": "reads",
    "list": "reads",
    "explore": "serves until stopped; its requests are the kind `inputs`",
    "mcp": "serves until stopped",
    "basis": "reads; the caches it leaves are those of `card` and `nearest`",
    "entropy": "reads",
    "own": "reads what `identity` wrote",
    "explain": "reads words of the package",
    "doctor": "reads",
    "celeb coefficients": "reads",
    "celeb mine": "reads",
    "organism world": "prints",
}
"""Commands that leave no file of the user's, with what they do."""
