"""Prompts round-trip through the tools' own parsers, or readers written from their grammars."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from namebasis.namespace.export.escapes import UnsayableError
from namebasis.studies.paint.prompt_formats import MAX_CYCLE, SYNTAXES, format_prompt

PIECES = [
    *"aZ0é王 ()[]{}|:#\\$%'\",.+-=_/*<>@~!?&;", "::", "__", "//", "/*", "$$", "\\\\", "AND",
    "BREAK", "embedding:", ":2", "<a", "50::", " (", ") ", "<'", "''", "\\(", ".swap", "withLora",
]  # fmt: skip
# Half of the pieces are tame: else nearly every text would hold something that is refused.
texts = st.lists(
    st.one_of(st.sampled_from(["Ann", "b", " ", "O'B"]), st.sampled_from(PIECES)),
    min_size=1, max_size=5,
).map(lambda pieces: " ".join("".join(pieces).split()))  # fmt: skip
names_lists = st.lists(texts.filter(bool), min_size=1, max_size=2)
TAMED = ["Ann", "O'Brien", "BoA (Kwon Bo-ah)", "José", "Smith, Jr", "St. John", "Mary-Ann", "王菲"]
SAYABLE = {
    "plain": ["#1", "a|b", "{x}", "[y]", "a:b", "\\", "$$", "__x__"],
    "a1111": ["a|b", "{x}", "[y]", "(a", "b]", "a:b", "\\", "a\\(b", "$$", "__x__", "x::y"],
    "a1111-alternate": ["a|b", "{x}", "[y]", "(a", "b]", "a:b", "\\", "$$", "__x__", ":c:"],
    "comfyui": ["#1", "a|b", "{x}", "[y]", "(a", "a:b", "\\a", "$$", "__x__", "\\("],
    "comfyui-average": ["#1", "a|b", "{x}", "[y]", "a//b", "a:b", "\\", "\\(", "$$", "__x__"],
    "compel": ["#1", "a|b", "{x}", "[y]", "a:b", "$$", "__x__", '"q"', "-5", "x-y", "a=b"],
    "dynamicprompts": ["[y]", "(a", "a:b", "\\", "a\\(b", "3::x", "_a_", "@a", "~a", "1-2"],
    "embedding-merge": ["a|b", "{x}", "[y]", "a:b", "\\", "$$", "__x__", "'", "''", ">", "<'x'>"],
}


# Readers, each written from the grammar that the tool documents -----------------------------


def without_web_ui_commands(prompt: str) -> str:
    """What AUTOMATIC1111 leaves of a prompt before its grammar: comments, AND, networks."""
    prompt = re.sub(r"#[^\n]*", "", prompt)
    assert not re.search(r"\b(AND|BREAK)\b", prompt)
    assert not re.search(r":\s*[-+]?(\d+\.?|\d*\.\d+)\s*$", prompt), "weight of the prompt"
    return re.sub(r"<\w+:[^>]+>", "", prompt)


def at_step(prompt: str, step: int) -> str:
    """Resolve [a|b] and [a:b:0.5]; an escaped character stays as it is, with its backslash."""
    out, at = "", 0
    while at < len(prompt):
        if prompt[at] == "\\":
            out, at = out + prompt[at : at + 2], at + 2
        elif prompt[at] == "[":
            options, at = [""], at + 1
            while prompt[at] != "]":
                assert prompt[at] not in "[:", "nested or scheduled"
                if prompt[at] == "|":
                    options, at = [*options, ""], at + 1
                    continue
                width = 2 if prompt[at] == "\\" else 1
                options[-1] += prompt[at : at + width]
                at += width
            at += 1
            out += options[step % len(options)] if len(options) > 1 else f"[{options[0]}]"
        else:
            out, at = out + prompt[at], at + 1
    return out


def attention(prompt: str) -> list[tuple[str, float]]:
    """Read (a:1.2) of AUTOMATIC1111: a backslash quotes a bracket or itself, else vanishes."""
    spans: list[tuple[str, float]] = []
    inside = False
    at = 0
    for match in re.finditer(r"\\[()\[\]\\]|\\|\(|\[|\]|:\s*([+-]?[.\d]+)\s*\)|\)|[^\\()\[\]:]+|:",
                             prompt):  # fmt: skip
        token, weight = match.group(0), match.group(1)
        assert token not in {"[", "]", ")"}, "a bracket of a name was taken for attention"
        if token == "(":
            assert not inside
            inside, at = True, len(spans)
        elif weight is not None and inside:
            text = "".join(text for text, _ in spans[at:])
            spans[at:] = [(text, float(weight))]
            inside = False
        else:
            spans.append((token[1:] if token[0] == "\\" else token, 1.0))
    assert not inside
    merged: list[tuple[str, float]] = []
    for text, weight in spans:
        if merged and weight == 1.0 and merged[-1][1] == 1.0 and not inside:
            merged[-1] = (merged[-1][0] + text, 1.0)
        else:
            merged.append((text, weight))
    return merged


def literal(prompt: str) -> str:
    """The text the web UI encodes where a prompt has no syntax of its own."""
    return "".join(text for text, _ in attention(at_step(without_web_ui_commands(prompt), 0)))


def comfyui_box(text: str) -> str:
    """Comments and {a|b}, which a text box of ComfyUI resolves before it sends the prompt."""
    text = re.sub(r"/\*[\s\S]*?\*/|//.*", "", text)
    for match in re.finditer(r"\\(?:.|$)|\{", text):
        assert match.group(0) not in {"{", "\\"}, "a choice opened, or a backslash at the end"
    return re.sub(r"\\([{}|])", r"\1", text)


def comfyui_spans(text: str) -> list[tuple[str, float]]:
    r"""Read (a:1.2) of ComfyUI, where \( and \) are the only escapes."""
    hidden = text.replace("\\)", "\1").replace("\\(", "\2")
    spans = []
    for piece in re.split(r"(\([^()]*\))", hidden):
        inner, weight = piece, 1.0
        if piece.startswith("("):
            inner, _, number = piece[1:-1].rpartition(":")
            weight = float(number)
        assert not set("()") & set(inner)
        plain = inner.replace("\1", ")").replace("\2", "(")
        assert not re.search(r"(^|\s)embedding:", plain)
        if plain:
            spans.append((plain, weight))
    return spans


def merged_terms(prompt: str) -> tuple[str, list[tuple[str, float]], str]:
    """Read <'a'*.6+'b'*.4>; two quotes in a row are one, and > ends it outside of quotes."""
    start = prompt.index("<'")
    assert "{'" not in prompt[:start]
    end = start
    while prompt[end] != ">" or prompt.count("'", start, end) % 2:
        end += 1
    body, terms = prompt[start + 1 : end], []
    while body:
        match = re.match(r"'((?:[^']|'')*)'\*([+-]?[0-9]*(?:\.[0-9]*)?)(?:\+|$)", body)
        assert match, body
        terms.append((match.group(1).replace("''", "'"), float(match.group(2))))
        body = body[match.end() :]
    return prompt[:start], terms, prompt[end + 1 :]


@functools.cache
def compel_parser() -> Any:
    # The package imports diffusers and transformers, its parser only pyparsing.
    package = importlib.util.find_spec("compel")
    if package is None or not package.submodule_search_locations:
        pytest.skip("compel is not installed")
    path = Path(package.submodule_search_locations[0]) / "prompt_parser.py"
    spec = importlib.util.spec_from_file_location("compel_prompt_parser", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PromptParser()


def compel_blend(prompt: str) -> tuple[list[str], list[float], bool]:
    (blend,) = compel_parser().parse_conjunction(prompt).prompts
    assert type(blend).__name__ == "Blend"
    texts = []
    for flat in blend.prompts:
        assert all(fragment.weight == 1.0 for fragment in flat.children)
        texts.append(" ".join(fragment.text for fragment in flat.children))
    return texts, blend.weights, blend.normalize_weights


def unspaced(text: str) -> str:
    # Compel itself parts full stops and commas from their words, which CLIP reads as the same.
    return re.sub(r"\s*([,.])\s*", r"\1", " ".join(text.split()))


def dynamic_variants(prompt: str) -> list[tuple[str, float]]:
    parse = pytest.importorskip("dynamicprompts.parser.parse").parse
    command = parse(prompt)
    tokens = getattr(command, "tokens", [command])
    (variants,) = [token for token in tokens if type(token).__name__ == "VariantCommand"]
    at = tokens.index(variants)
    before = "".join(token.literal for token in tokens[:at])
    after = "".join(token.literal for token in tokens[at + 1 :])
    return [(before + option.value.literal + after, option.weight) for option in variants.variants]


# Round trips ----------------------------------------------------------------------------------


def assert_read_back(syntax: str, names: list[str], before: str, after: str) -> None:
    prompt = format_prompt(names, syntax=syntax, template=before + "{}" + after)
    whole = [before + name + after for name in names]
    n = len(names)
    if syntax == "plain":
        assert all(name in prompt for name in names)
    elif syntax == "a1111":
        read = attention(at_step(without_web_ui_commands(prompt), 0))
        expected = before + ", ".join(names) + after
        assert "".join(text for text, _ in read) == expected
        assert all(weight == 1.0 for _, weight in read)
    elif syntax == "a1111-alternate":
        read = without_web_ui_commands(prompt)
        seen = ["".join(t for t, _ in attention(at_step(read, step))) for step in range(n)]
        assert seen == whole
    elif syntax == "comfyui":
        read = comfyui_spans(comfyui_box(prompt))
        assert "".join(text for text, _ in read) == before + ", ".join(names) + after
    elif syntax == "comfyui-average":
        nodes = json.loads(prompt)
        sent = [nodes[str(at + 1)]["inputs"]["text"] for at in range(n)]
        assert ["".join(text for text, _ in comfyui_spans(text)) for text in sent] == whole
    elif syntax == "compel":
        texts_read, weights, _ = compel_blend(prompt)
        assert [unspaced(text) for text in texts_read] == [unspaced(text) for text in whole]
        assert weights == pytest.approx([1 / n] * n, abs=1e-4)
    elif syntax == "dynamicprompts":
        read = dynamic_variants(prompt)
        assert [literal(text) for text, _ in read] == whole
    else:
        head, terms, tail = merged_terms(prompt)
        assert [text for text, _ in terms] == names
        assert literal(head) + "|" + literal(tail) == before + "|" + after


@pytest.mark.long
@pytest.mark.parametrize("syntax", SYNTAXES)
@given(names=names_lists, before=texts, after=texts)
@example(names=["Ann+="], before="Ann", after="Ann")
@settings(max_examples=150, deadline=None)
def test_hostile_names_are_read_back_or_refused(
    syntax: str, names: list[str], before: str, after: str
) -> None:
    assume("{}" not in before + after)
    with contextlib.suppress(UnsayableError):
        assert_read_back(syntax, names, before + " ", " " + after)


@pytest.mark.long
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_names_that_can_be_said_are_not_refused(syntax: str) -> None:
    for name in TAMED + SAYABLE[syntax]:
        assert_read_back(syntax, [name], "a photo of ", "")
        assert_read_back(syntax, [name, "Ann"], "a photo of ", ", smiling")


@pytest.mark.parametrize(
    ("syntax", "name", "reason"),
    [
        ("a1111", "#1", "holds a '#'"),
        ("a1111", "Tom AND Jerry", "the word AND"),
        ("a1111-alternate", "Size:2", "weight of a prompt"),
        ("a1111", "x<lora", "extra network"),
        ("comfyui", "a//b", "comment"),
        ("comfyui", "C:\\", "backslash"),
        ("comfyui-average", "embedding:x", "embedding:"),
        ("compel", "A+", "attention weight"),
        ("compel", "a\\b", "backslash"),
        ("dynamicprompts", "a|b", "one of"),
        ("dynamicprompts", "__x__", "wildcard"),
        ("embedding-merge", "#1", "comment"),
        ("plain", "a\nb", "line break"),
    ],
)
def test_what_cannot_be_escaped_is_refused_by_name(syntax: str, name: str, reason: str) -> None:
    with pytest.raises(UnsayableError, match=re.escape(repr(name))) as error:
        format_prompt([name], syntax=syntax)
    assert reason in error.value.reason


# Weights --------------------------------------------------------------------------------------

NAMES, WEIGHTS = ["Ann", "Bo (b)", "O'Brien"], [3.0, 2.0, 1.0]


def test_the_formats_are_as_documented() -> None:
    def say(syntax: str) -> str:
        return format_prompt(["A", "B"], [3, 2], syntax=syntax)

    assert format_prompt(["A", "B", "C"]) == "a photo of A, B and C"
    assert say("a1111") == say("comfyui") == "a photo of (A:1.2), (B:0.8)"
    assert format_prompt(["A", "B"], syntax="a1111-alternate") == "a photo of [A|B]"
    assert format_prompt(["A"], syntax="a1111-alternate") == "a photo of A"
    assert say("compel") == '("a photo of A", "a photo of B").blend(0.6, 0.4)'
    assert say("dynamicprompts") == "a photo of {0.6::A|0.4::B}"
    assert say("embedding-merge") == "a photo of <'A'*0.6+'B'*0.4>"


def test_attention_weights_have_mean_one() -> None:
    for syntax, read in (("a1111", attention), ("comfyui", comfyui_spans)):
        spans = read(format_prompt(NAMES, WEIGHTS, syntax=syntax))
        assert [(text, weight) for text, weight in spans if text in NAMES and weight != 1] == [
            ("Ann", 1.5),
            ("O'Brien", 0.5),
        ]
        assert sum(weight for text, weight in spans if text in ("Ann", "O'Brien")) / 2 == 1


NODES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "CheckpointLoaderSimple": ({"ckpt_name": ""}, ("MODEL", "CLIP", "VAE")),
    "CLIPTextEncode": ({"text": "", "clip": "CLIP"}, ("CONDITIONING",)),
    "ConditioningAverage": (
        {"conditioning_to": "CONDITIONING", "conditioning_from": "CONDITIONING",
         "conditioning_to_strength": ""},
        ("CONDITIONING",),
    ),
    "EmptyLatentImage": ({"width": "", "height": "", "batch_size": ""}, ("LATENT",)),
    "KSampler": (
        {"seed": "", "steps": "", "cfg": "", "sampler_name": "", "scheduler": "", "denoise": "",
         "model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING",
         "latent_image": "LATENT"},
        ("LATENT",),
    ),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": ""}, ()),
}  # fmt: skip
"""Inputs (the type of a link, or nothing for a value) and outputs of ComfyUI's own nodes."""


@pytest.mark.parametrize("names", [["Ana"], ["Ana", "Bo"], ["Ana", "Bo", "Cy", "Di"]])
def test_the_workflow_of_comfyui_is_whole(names: list[str]) -> None:
    nodes = json.loads(format_prompt(names, syntax="comfyui-average"))
    led_to = set()
    for node in nodes.values():
        kinds, _ = NODES[node["class_type"]]
        assert set(node["inputs"]) == set(kinds)
        for name, value in node["inputs"].items():
            assert isinstance(value, list) == bool(kinds[name])
            if kinds[name]:
                source, slot = value
                assert NODES[nodes[source]["class_type"]][1][slot] == kinds[name]
                led_to.add(source)
    (end,) = set(nodes) - led_to  # nothing hangs loose
    assert nodes[end]["class_type"] == "SaveImage"
    assert list(nodes) == [str(at + 1) for at in range(len(nodes))]


def test_the_averaging_chain_is_the_weighted_mean() -> None:
    nodes = json.loads(format_prompt(NAMES, WEIGHTS, syntax="comfyui-average"))

    def evaluate(node: str) -> list[float]:
        inputs = nodes[node]["inputs"]
        if nodes[node]["class_type"] == "CLIPTextEncode":
            return [float(node == str(at)) for at in (1, 2, 3)]
        strength = inputs["conditioning_to_strength"]
        assert 0 <= strength <= 1
        to, source = (
            evaluate(inputs["conditioning_to"][0]),
            evaluate(inputs["conditioning_from"][0]),
        )
        return [a * strength + b * (1 - strength) for a, b in zip(to, source, strict=True)]

    (last,) = (
        node["inputs"]["positive"][0] for node in nodes.values() if node["class_type"] == "KSampler"
    )
    assert evaluate(last) == pytest.approx([1 / 2, 1 / 3, 1 / 6], abs=1e-4)


def test_blends_keep_ratios_and_signs() -> None:
    texts_read, weights, normalize = compel_blend(
        format_prompt(["A", "B"], [3, -1], syntax="compel")
    )
    assert texts_read == ["a photo of A", "a photo of B"]
    assert (weights, normalize) == ([0.75, -0.25], False)
    assert compel_blend(format_prompt(["A"], syntax="compel"))[2]
    _, terms, _ = merged_terms(format_prompt(["A", "B"], [3, -1], syntax="embedding-merge"))
    assert terms == [("A", 0.75), ("B", -0.25)]


def test_variants_are_drawn_by_weight() -> None:
    pytest.importorskip("dynamicprompts")
    from dynamicprompts.generators import RandomPromptGenerator

    generator = RandomPromptGenerator(seed=random.Random(0).randrange(2**31))
    prompt = format_prompt(["A", "B"], [9, 1], syntax="dynamicprompts")
    drawn = [str(text) for text in generator.generate(prompt, 400)]
    share = drawn.count("a photo of A") / 400
    assert share + drawn.count("a photo of B") / 400 == 1
    assert share == pytest.approx(0.9, abs=0.06)  # four standard deviations


@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=MAX_CYCLE))
@settings(max_examples=100, deadline=None)
def test_an_alternation_gives_each_name_its_share_of_steps(weights: list[float]) -> None:
    names = [f"N{at}x" for at in range(len(weights))]
    prompt = format_prompt(names, weights, syntax="a1111-alternate", template="{}")
    cycle = prompt[1:-1].split("|")
    assert set(cycle) == set(names)
    assert len(cycle) <= MAX_CYCLE
    if len(set(weights)) == 1:
        assert cycle == names


@pytest.mark.parametrize(
    "weights",
    [
        [5, 3, 1],
        [0.62, 0.23, 0.15],
        [9, 1, 1],
        # Steps that are there because every name needs one are taken from others again.
        [1, 19, 18, 1, 2],
        [3, 1, 20, 1, 15],
        [2, 1, 18, 20, 1],
    ],
)
def test_no_other_cycle_comes_nearer_to_the_shares(weights: list[float]) -> None:
    names = list("ABCDE"[: len(weights)])
    prompt = format_prompt(names, weights, syntax="a1111-alternate", template="{}")
    cycle = prompt[1:-1].split("|")

    def misfit(steps: tuple[int, ...]) -> float:
        pairs = zip(steps, weights, strict=True)
        return max(abs(n / sum(steps) - weight / sum(weights)) for n, weight in pairs)

    most = MAX_CYCLE - len(names) + 1
    steps = itertools.product(range(1, most + 1), repeat=len(names))
    best = min(misfit(counts) for counts in steps if sum(counts) <= MAX_CYCLE)
    found = misfit(tuple(cycle.count(name) for name in names))
    assert found == pytest.approx(best, abs=1e-9)


def test_an_alternation_mixes_its_names() -> None:
    prompt = format_prompt(["A", "B"], [2, 1], syntax="a1111-alternate", template="{}")
    assert prompt == "[A|B|A]"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((["A"],), {"syntax": "midjourney"}, "syntax must be one of plain, a1111"),
        (([],), {}, "at least one name"),
        (("Ann",), {}, "must be a list"),
        ((["A", " "],), {}, "not blank"),
        ((["A"], [1, 2]), {}, "got 2 for 1 names"),
        ((["A"], [float("nan")]), {}, "weights must be finite"),
        ((["A", "B"], [1, -1]), {"syntax": "a1111"}, "above 0 in this syntax"),
        ((["A", "B"], [1, 0]), {"syntax": "compel"}, "not 0"),
        ((["A", "B"], [1, 1e-9]), {"syntax": "dynamicprompts"}, "is written as 0"),
        ((["A"],), {"template": "a photo"}, "exactly once"),
        ((["A"],), {"template": "a <'{}", "syntax": "embedding-merge"}, "holds <'"),
        ((["A"] * 13,), {"syntax": "a1111-alternate"}, "at most 12 names"),
    ],
)
def test_bad_arguments_say_what_to_do(arguments: tuple, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        format_prompt(*arguments, **options)
