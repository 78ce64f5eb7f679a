"""Captions that mention names: counted as a plain reading of the captions counts them."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.errors import CorpusError, NamebasisError
from namebasis.formation.mentions import captions as reading
from namebasis.formation.mentions import study
from namebasis.formation.mentions.matching import Matcher
from namebasis.formation.mentions.results import Mentions
from namebasis.formation.mentions.study import count_mentions
from namebasis.formation.truth import read_exposures
from namebasis.studies.identity.counts import read_counts

NAMES = ["Anna Smith", "Will", "Hope Lee", "Zoë"]
WORDS = ["anna", "Anna", "SMITH", "Smith", "will", "Will", "hope", "Hope", "Lee", "zoe", "Zoë", "a"]
ENDS = [" ", " ", " ", ", ", "-", "'s ", "", ". "]


def made_captions(n: int, seed: int = 0) -> list[str]:
    """Captions of words that are names, parts of them, and joints that part words or do not."""
    rng = random.Random(seed)
    return [
        "x" + "".join(" " + rng.choice(WORDS) + rng.choice(ENDS) for _ in range(rng.randint(1, 7)))
        for _ in range(n)
    ]


def plainly(captions: list[str], name: str) -> tuple[int, int]:
    """Captions that hold a name, and those in which one of its words has a capital."""
    bare = str.maketrans({"ë": "e", "Ë": "E"})
    wanted = name.translate(bare).lower().split()
    n = n_capitals = 0
    for caption in captions:
        plain = "".join(c if c.isalpha() else " " for c in caption.translate(bare)).split()
        at = [
            i
            for i in range(len(plain))
            if [word.lower() for word in plain[i : i + len(wanted)]] == wanted
        ]
        n += bool(at)
        n_capitals += any(any(word[0].isupper() for word in plain[i : i + len(wanted)]) for i in at)
    return n, n_capitals


def as_told(found: Mentions) -> dict[str, tuple[int, int]]:
    totals = zip(found.counts[-1].tolist(), found.capitals[-1].tolist(), strict=True)
    return dict(zip(found.names, totals, strict=True))


@pytest.fixture(scope="module")
def captions() -> list[str]:
    return made_captions(700)


@pytest.fixture(scope="module")
def file(captions: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captions") / "captions.txt"
    path.write_text("\n".join(captions) + "\n", encoding="utf-8")
    return path


def test_names_and_their_parts_are_counted_as_a_plain_reading_counts(
    captions: list[str], file: Path
) -> None:
    found = count_mentions(file, NAMES)
    assert found.names == (*NAMES, "Anna", "Smith", "Hope", "Lee")
    assert found.parts == ("full",) * 4 + ("part",) * 4
    assert as_told(found) == {name: plainly(captions, name) for name in found.names}
    assert found.n_captions == len(captions)


@pytest.mark.parametrize(
    ("name", "caption", "is_there"),
    [
        ("李小龙", "这是李小龙的照片", True),
        ("สมชาย", "ภาพของสมชายครับ", True),
        ("김철수", "김철수가 웃는다", True),
        ("김철수", "김철수현 사진", False),
        ("Анна", "Портрет: АННА.", True),
        ("Анна", "Анны портрет", False),
        ("राम", "मोहनराम की तस्वीर", False),
        ("राम", "श्री राम, चित्र", True),
        ("महि", "मह", False),
        ("محمد", "صورة مُحَمَّد اليوم", True),
        ("O'Brien", "Conan O’BRIEN’s show", True),
        ("Jean-Luc", "jean luc at sea", True),
        ("Ana", "banana Anastasia", False),
        ("José", "jose, cook", True),
        ("Straße", "STRASSE 5", True),
        ("Anna", "An\u00adna\u200b", True),
        ("Anna Smith", "Anna\nSmith", True),
    ],
)
def test_words_end_as_their_script_ends_them(name: str, caption: str, is_there: bool) -> None:
    assert (len(Matcher([name]).find([caption]).names) == 1) is is_there


def test_a_name_does_not_reach_from_one_caption_into_the_next() -> None:
    found = Matcher(["Anna Smith", "Smith", "Anna"]).find(["x Anna", "Smith y", "Smith and Smith"])
    assert sorted(zip(found.names.tolist(), found.captions.tolist(), strict=True)) == [
        (1, 1), (1, 2), (2, 0),
    ]  # fmt: skip


def test_every_form_of_the_same_captions_gives_the_same_counts(
    captions: list[str], file: Path, tmp_path: Path
) -> None:
    rows = [{"url": "u", "TEXT": text} for text in captions]
    half = len(rows) // 2
    forms: dict[str, list[Path]] = {}

    def make(name: str) -> Path:
        return tmp_path / name

    pq.write_table(pa.Table.from_pylist(rows), make("a.parquet"), row_group_size=100)
    forms["parquet"] = [make("a.parquet")]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    make("a.jsonl.gz").write_bytes(
        gzip.compress(lines[:9000].encode()) + gzip.compress(lines[9000:].encode())
    )
    forms["jsonl"] = [make("a.jsonl.gz")]
    table = io.StringIO()
    for row in rows:
        table.write(f'u,"{row["TEXT"]}"\n')
    make("a.csv").write_text("url,TEXT\n" + table.getvalue(), encoding="utf-8")
    make("b.csv").write_text(table.getvalue(), encoding="utf-8")
    forms["csv"] = [make("a.csv")]
    make("a.tsv").write_text("".join(f"u\t{text}\n" for text in captions), encoding="utf-8")
    shards = tmp_path / "shards"
    shards.mkdir()
    for at, part in enumerate((captions[:half], captions[half:])):
        with tarfile.open(shards / f"{at:05d}.tar", "w") as tar:
            for n, text in enumerate(part):
                told = json.dumps({"caption": "Will"})
                members = {"jpg": "x", "json": told, "txt": text} if n % 2 else {"txt": text}
                for kind, content in members.items():
                    info = tarfile.TarInfo(f"{at}/{n:05d}.{kind}")
                    info.size = len(content.encode())
                    tar.addfile(info, io.BytesIO(content.encode()))
    expected = as_told(count_mentions(file, NAMES))
    for kind, paths in forms.items():
        assert as_told(count_mentions(paths, NAMES)) == expected, kind
    assert as_told(count_mentions(make("b.csv"), NAMES, caption_column="2")) == expected
    assert as_told(count_mentions(make("a.tsv"), NAMES, caption_column="2")) == expected
    assert as_told(count_mentions(shards, NAMES)) == expected


def test_counts_by_step_are_those_of_the_captions_up_to_it(
    captions: list[str], file: Path, tmp_path: Path
) -> None:
    found = count_mentions(file, NAMES, every=5, batch_size=40)
    assert found.steps == (5, 10, 15, 18)
    for at, n in enumerate((200, 400, 600, 700)):
        told = [plainly(captions[:n], name)[0] for name in found.names]
        assert found.counts[at].tolist() == told
    found.write_csv(tmp_path / "exposures.csv")
    at = read_exposures(tmp_path / "exposures.csv").at("Anna Smith", [0, 10, 18])
    row = [found.counts[k, 0] for k in (1, 3)]
    assert at is not None
    assert at.tolist() == [0, *row]


def test_totals_are_read_where_counts_are_asked_for(file: Path, tmp_path: Path) -> None:
    found = count_mentions(file, NAMES, only_capitals=True)
    found.write_csv(tmp_path / "exposures.csv")
    assert read_counts(tmp_path / "exposures.csv")["Will"] == as_told(found)["Will"][1]
    assert as_told(found)["Will"][1] < as_told(found)["Will"][0]


def test_names_that_are_words_are_said(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_text("It will rain\n" * 80 + "Will and Anna\n" * 20, encoding="utf-8")
    notes = count_mentions(path, ["Will", "Anna"]).notes()
    assert notes == [
        "Mostly written without a capital, so likely a common word: Will (80 %). --capitals counts "
        "the others only."
    ]
    path.write_text("it will rain\n" * 50, encoding="utf-8")
    (note,) = count_mentions(path, ["Will"]).notes()
    assert note == "0 % of the captions hold a capital: the column capitals tells nothing here."
    path.write_text("Anna at home\n\n", encoding="utf-8")
    one = count_mentions(path, ["Anna", "Bert", "!"])
    assert one.headline() == "1 of 2 names is mentioned in 1 caption, most often Anna (1)."
    assert [note.partition(", such")[0] for note in one.notes()] == [
        "left out: 1 row without a caption.", "left out: 1 name without a letter",
    ]  # fmt: skip


def test_a_count_that_was_stopped_goes_on_and_ends_as_one_that_was_not(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    lines = file.read_text(encoding="utf-8").splitlines()
    for at in range(3):
        rows = [json.dumps({"caption": text}) for text in lines[at * 240 : at * 240 + 240]]
        (parts / f"part-{at}.jsonl").write_text("\n".join([*rows, "{broken"]), encoding="utf-8")
    monkeypatch.setattr(reading, "_BATCH", 50)
    monkeypatch.setattr(study, "SAVED_EVERY", -1.0)
    whole = count_mentions(parts, NAMES, every=2, batch_size=33)
    assert whole.refused == {"that are not JSON": 3}
    state = tmp_path / "state"
    n_stops = 0
    true_find = Matcher.find

    def stopping(self: Matcher, batch: list[str]) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return true_find(self, batch)

    while True:
        left = 3
        monkeypatch.setattr(Matcher, "find", stopping)
        try:
            found = count_mentions(parts, NAMES, every=2, batch_size=33, state=state)
            break
        except KeyboardInterrupt:
            n_stops += 1
            assert state.exists()
            assert n_stops < 40
    assert n_stops > 4
    assert not state.exists()
    assert found.to_dict() == whole.to_dict()


def test_the_state_of_another_count_is_not_taken(file: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_bytes(b"nothing of ours")
    with pytest.raises(NamebasisError, match="is no state of this count"):
        count_mentions(file, NAMES, state=state)


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.csv", "url,words\nu,x\n", {}, r"no column is called as captions are .*'url', 'words'"),
        ("a.jsonl", '{"txet": "x"}\n', {"caption_column": "text"}, r"has 'txet'.*mean 'txet'"),
        ("a.txt", "\n \n", {}, "holds no caption"),
        ("a.bin", "x", {}, r"is not called as a file of captions is .* --caption-format"),
        ("a.parquet", "x", {}, "captions cannot be read"),
        ("a.tar", "x" * 600, {}, "captions cannot be read"),
        ("a.csv", "text\nx\n", {"caption_column": "3"}, "has 1 columns; got column 3"),
        ("none.txt", None, {}, "No such file"),
    ],
)  # fmt: skip
def test_captions_that_cannot_be_read_say_why(
    tmp_path: Path, name: str, content: str | None, options: dict[str, str], message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        count_mentions(tmp_path / name, NAMES, **options)


def test_letters_that_are_not_utf8_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_bytes(b"Zo\xeb and Will\nWill\n")
    found = count_mentions(tmp_path / "c.txt", ["Will"])
    assert found.counts.tolist() == [[2]]
    assert found.notes() == ["1 caption not all in UTF-8: read without the letters that are not."]


def test_a_step_without_steps_is_refused(file: Path) -> None:
    with pytest.raises(
        ValueError, match="batch_size says how many captions a step has; give every"
    ):
        count_mentions(file, NAMES, batch_size=5)


def test_a_column_of_text_without_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("Will\n")
    with pytest.raises(CorpusError, match=r"c\.txt: is read as text .* no column 'caption'; leave"):
        count_mentions(tmp_path / "c.txt", ["Will"], caption_column="caption")
