"""Wildcard files, read back by dynamicprompts or by readers written from the tools' rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.namespace.export.wildcards import (
    TARGETS,
    check_file,
    default_key,
    to_ascii,
    wildcards,
)

HOSTILE = [
    "BoA (Kwon Bo-ah)", "#1", "a|b", "{x}", "[y]", "a:b", "back\\slash", "$$", "__x__", "#",
    "José", "王菲", "3::x", "O'Brien", "Tom AND Jerry", "<lora:x:1>", "50%", "Smith, Jr.", "a//b",
]  # fmt: skip
# What cannot be escaped, by target; everything else has to come back as it went in.
LEFT_OUT = {
    "a1111": {"#1", "#", "__x__", "Tom AND Jerry"},
    "dynamicprompts": {
        "#1", "#", "a|b", "{x}", "$$", "__x__", "Tom AND Jerry", "50%", "a//b",
    },
    "impact": {"#1", "#", "a|b", "{x}", "$$", "__x__", "王菲", "3::x", "<lora:x:1>"},
}  # fmt: skip


def unescaped(text: str, escapable: str) -> str:
    """What the prompt grammar makes of a value: brackets bare of a backslash would be syntax."""
    assert not re.search(r"(?<!\\)(?:\\\\)*[()]", re.sub(r"\\[()]", "", text))
    return re.sub(rf"\\([{re.escape(escapable)}])", r"\1", text)


def web_ui_lines(path: Path) -> list[str]:
    """Every line of the file is a value, also blank ones and those that begin with #."""
    return path.read_text(encoding="utf-8").splitlines()


def impact_lines(path: Path) -> list[str]:
    """The Impact Pack takes a text file for ISO-8859-1."""
    return path.read_text(encoding="ISO-8859-1").splitlines()


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_names_come_back_or_are_counted(target: str, tmp_path: Path) -> None:
    made = wildcards(HOSTILE, target)
    path = tmp_path / "names.txt"
    path.write_bytes(made.text.encode())
    lines = impact_lines(path) if target == "impact" else web_ui_lines(path)
    assert all(line.strip() and not line.startswith("#") for line in lines)
    escapable = "()" if target == "impact" else "\\()[]:|"
    back = [unescaped(line, escapable) for line in lines]
    expected = [name for name in HOSTILE if name not in LEFT_OUT[target]]
    assert back == [to_ascii(name) if target == "impact" else name for name in expected]
    assert made.n_values == len(lines)
    assert sum(item.count for item in made.dropped) == len(LEFT_OUT[target])
    assert {name for item in made.dropped for name in item.examples} <= LEFT_OUT[target]


def manager(folder: Path) -> object:
    return pytest.importorskip("dynamicprompts.wildcards.wildcard_manager").WildcardManager(folder)


@pytest.mark.parametrize("weighted", [False, True])
def test_dynamicprompts_reads_its_yaml(weighted: bool, tmp_path: Path) -> None:
    weights = [float(at + 1) / 8 for at in range(len(HOSTILE))] if weighted else None
    made = wildcards(HOSTILE, "dynamicprompts", weights=weights, suffix=".yaml", key="my-names")
    (tmp_path / "file.yaml").write_text(made.text, encoding="utf-8")
    values = manager(tmp_path).get_values("my-names")  # type: ignore[attr-defined]
    read = {unescaped(str(item), "\\()[]:"): getattr(item, "weight", 1.0) for item in values}
    assert read == {
        name: weights[at] if weights else 1.0
        for at, name in enumerate(HOSTILE)
        if name not in LEFT_OUT["dynamicprompts"]
    }


@given(names=st.lists(st.text("aZé #{}|$%_/\\:()[]<>@~^'\"0.,&-", min_size=1).map(
    lambda text: " ".join(text.split())).filter(bool), max_size=4))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_dynamicprompts_draws_a_value_as_it_is(names: list[str]) -> None:
    parse = pytest.importorskip("dynamicprompts.parser.parse").parse
    for value in wildcards(names, "dynamicprompts").text.splitlines():
        # A value is parsed as a prompt of its own.
        assert parse(value).literal == value


def test_dynamicprompts_samples_by_weight(tmp_path: Path) -> None:
    generators = pytest.importorskip("dynamicprompts.generators")
    made = wildcards(["A (a)", "B"], "dynamicprompts", weights=[9, 1], suffix=".yaml")
    (tmp_path / "file.yaml").write_text(made.text, encoding="utf-8")
    generator = generators.RandomPromptGenerator(manager(tmp_path), seed=1)
    drawn = [str(text) for text in generator.generate("a photo of __names__", 300)]
    assert set(drawn) == {"a photo of A \\(a\\)", "a photo of B"}
    assert drawn.count("a photo of A \\(a\\)") / 300 == pytest.approx(0.9, abs=0.07)


def test_impact_yaml_is_ascii_under_its_key(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    made = wildcards(["Zoë", "Łukasz", "Bjørn"], "impact", suffix=".yaml", key="people")
    assert yaml.safe_load(made.text) == {"people": ["Zoe", "Lukasz", "Bjorn"]}
    assert made.text.isascii()


def test_names_that_become_alike_are_one_value() -> None:
    made = wildcards(["Jose", "José", "Jose", "Ann"], "impact")
    assert made.text == "Jose\nAnn\n"
    assert [(item.reason, item.count) for item in made.dropped] == [
        ("is written like another name", 1),
        ("comes again", 1),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ann", "Ann"), ("Zoë", "Zoe"), ("Łukasz", "Lukasz"), ("Đặng", "Dang"),
        ("Strauß", "Strauss"),
        ("Ægir", "Aegir"), ("O’Brien", "O'Brien"), ("Þóra", "Thora"), ("İpek", "Ipek"),
        ("Yıldız", "Yildiz"), ("Søren–Ole", "Soren-Ole"), ("王", None), ("Ольга", None),
        ("Şükrü", "Sukru"), ("Ħal", "Hal"), ("नमन", None),
    ],
)  # fmt: skip
def test_latin_names_have_an_ascii_form(name: str, expected: str | None) -> None:
    assert to_ascii(name) == expected


@pytest.mark.parametrize(
    ("path", "target", "key"),
    [
        ("My Names.yaml", "dynamicprompts", "My-Names"),
        ("My Names.yaml", "impact", "my-names"),
        ("a__b (1).yaml", "dynamicprompts", "a_b-1"),
        ("été.yaml", "dynamicprompts", "ete"),
        ("王.yaml", "dynamicprompts", "names"),
        ("-", "impact", "names"),
    ],
)
def test_a_files_name_gives_a_key_that_can_be_called(path: str, target: str, key: str) -> None:
    assert default_key(path, target) == key
    wildcards(["A"], target, suffix=".yaml", key=key)


def test_a_text_file_has_to_be_callable() -> None:
    check_file(Path("some/given-names_2.txt"), "a1111")
    for name in ("my names.txt", "a__b.txt", "_a.txt", "naïve.txt"):
        with pytest.raises(ValueError, match=r"a wildcard is called by its file's name"):
            check_file(Path(name), "a1111")
    with pytest.raises(ValueError, match=r"reads \.yaml and \.txt files; got 'a.yml'"):
        check_file(Path("a.yml"), "dynamicprompts")


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("midjourney", {}, "target must be one of a1111"),
        ("a1111", {"suffix": ".yaml"}, r"a1111 reads \.txt"),
        ("impact", {"weights": [1.0]}, "weights are for YAML files of dynamicprompts"),
        ("dynamicprompts", {"weights": [1.0]}, "got dynamicprompts and .txt"),
        ("impact", {"suffix": ".yaml", "key": "Big"}, "lower case for impact"),
        ("impact", {"suffix": ".yaml", "key": "a__b"}, "key must be letters"),
        ("impact", {"suffix": ".yaml", "key": "../a"}, "key must be letters"),
    ],
)
def test_bad_arguments_say_what_to_do(target: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wildcards(["A"], target, **options)


@pytest.mark.parametrize("weight", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_a_name_without_a_weight_is_left_out(weight: float | None) -> None:
    made = wildcards(["A", "B"], "dynamicprompts", weights=[weight, 1e-7], suffix=".yaml")
    assert '"0.0000001::B"' in made.text
    assert [(item.reason, item.examples) for item in made.dropped] == [
        ("has no weight above 0", ("A",))
    ]
