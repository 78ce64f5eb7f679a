"""Workflows of ComfyUI: whole in both forms, as its nodes state their slots and widgets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from namebasis.studies.paint.study import paint
from namebasis.studies.paint.workflow import CHECKPOINT, NODES, form_of, picture_workflow
from tests.studies.toy import ToySpace

TEXT, MEAN, KSAMPLER = "CLIPTextEncode", "ConditioningAverage", "KSampler"
STATED: dict[str, tuple[dict[str, str], list[str], dict[str, tuple[type, ...]]]] = {
    "CheckpointLoaderSimple": ({}, ["MODEL", "CLIP", "VAE"], {"ckpt_name": (str,)}),
    TEXT: ({"clip": "CLIP"}, ["CONDITIONING"], {"text": (str,)}),
    MEAN: (
        {"conditioning_to": "CONDITIONING", "conditioning_from": "CONDITIONING"},
        ["CONDITIONING"], {"conditioning_to_strength": (float,)},
    ),
    "EmptyLatentImage": ({}, ["LATENT"], {"width": (int,), "height": (int,), "batch_size": (int,)}),
    KSAMPLER: (
        {"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING",
         "latent_image": "LATENT"},
        ["LATENT"],
        {"seed": (int,), "control_after_generate": (str,), "steps": (int,), "cfg": (float,),
         "sampler_name": (str,), "scheduler": (str,), "denoise": (float,)},
    ),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ["IMAGE"], {}),
    "SaveImage": ({"images": "IMAGE"}, [], {"filename_prefix": (str,)}),
}  # fmt: skip
"""As ComfyUI's nodes state them: types of inputs, of outputs, and of widgets, all in order."""
TEXTS, SHARES = ["a photo of Ann", "a photo of Bo", "a photo of Cy"], [0.5, 0.3, 0.2]


def test_the_table_of_nodes_is_what_comfyui_states() -> None:
    assert {
        kind: (dict(node.inputs), list(node.outputs), list(node.widgets))
        for kind, node in NODES.items()
    } == {kind: (inputs, outs, list(widgets)) for kind, (inputs, outs, widgets) in STATED.items()}
    # In the order of their slots.
    for kind, (inputs, _, _) in STATED.items():
        assert list(NODES[kind].inputs) == list(inputs)


def check_saved(made: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Refuse what ComfyUI's window would load with a gap; the nodes by their ids."""
    nodes = {node["id"]: node for node in made["nodes"]}
    links = {link[0]: link for link in made["links"]}
    assert len(nodes) == len(made["nodes"])
    assert len(links) == len(made["links"])
    assert (made["last_node_id"], made["last_link_id"]) == (max(nodes), max(links))
    assert made["version"] == 0.4
    arrived = []
    for node in nodes.values():
        inputs, outputs, widgets = STATED[node["type"]]
        assert [(one["name"], one["type"]) for one in node["inputs"]] == list(inputs.items())
        assert [one["type"] for one in node["outputs"]] == outputs
        values = zip(node["widgets_values"], widgets.values(), strict=True)
        assert all(isinstance(value, kinds) for value, kinds in values)
        for slot, one in enumerate(node["inputs"]):  # each is required
            _, source, source_slot, to, to_slot, kind = links[one["link"]]
            assert (to, to_slot, kind) == (node["id"], slot, one["type"])
            leaving = nodes[source]["outputs"][source_slot]
            assert leaving["type"] == kind
            assert one["link"] in leaving["links"]
            assert nodes[source]["order"] < node["order"]
            arrived.append(one["link"])
    assert sorted(arrived) == sorted(links)
    assert sorted(link for node in nodes.values() for out in node["outputs"]
                  for link in out["links"]) == sorted(links)  # fmt: skip
    boxes = [(*node["pos"], *node["size"]) for node in nodes.values()]
    for at, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[:at]:
            beside = x + width <= left or left + wide <= x
            assert beside or y + height <= top or top + high <= y, "two nodes overlap"
    return nodes


def of_kind(nodes: dict[int, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [node for node in nodes.values() if node["type"] == kind]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_what_the_window_loads_is_whole(n: int) -> None:
    shares = [share / sum(SHARES[:n]) for share in SHARES[:n]]
    made = json.loads(json.dumps(picture_workflow(TEXTS[:n], shares, "a photo of Di")))
    nodes = check_saved(made)
    texts = [node["widgets_values"][0] for node in of_kind(nodes, TEXT)]
    assert sorted(texts) == sorted([*TEXTS[:n], "a photo of Di"])
    assert len(of_kind(nodes, MEAN)) == n - 1
    (loader,) = of_kind(nodes, "CheckpointLoaderSimple")
    assert loader["widgets_values"] == [CHECKPOINT]
    assert loader["title"] == "Choose your checkpoint"


def test_both_forms_are_the_same_graph() -> None:
    saved = picture_workflow(TEXTS, SHARES, "not this")
    sent = picture_workflow(TEXTS, SHARES, "not this", "api")
    nodes = check_saved(saved)
    links = {link[0]: link for link in saved["links"]}
    assert {str(at) for at in nodes} == set(sent)
    for at, node in nodes.items():
        inputs, _, widgets = STATED[node["type"]]
        values = dict(zip(widgets, node["widgets_values"], strict=True))
        values.pop("control_after_generate", None)  # the window's own
        leads = {
            name: [str(links[one["link"]][1]), links[one["link"]][2]]
            for name, one in zip(inputs, node["inputs"], strict=True)
        }
        assert sent[str(at)] == {"class_type": node["type"], "inputs": {**values, **leads}}


def test_the_form_is_asked_for_by_the_files_name() -> None:
    assert form_of(Path("a/w.json")) == "ui"
    assert form_of(Path("w.API.json")) == "api"
    with pytest.raises(ValueError, match=r"form must be ui or api; got 'apo'. Did you mean 'api'"):
        picture_workflow(TEXTS, SHARES, form="apo")


@pytest.fixture(scope="module")
def space() -> Any:
    return ToySpace("Ada Bo Cai Dee Eli Fay".split())


@pytest.mark.parametrize("syntax", ["plain", "comfyui", "comfyui-average"])
def test_a_painting_makes_one_with_both_its_prompts(space: Any, syntax: str) -> None:
    found = paint(space, "a brave old sailor", 2, syntax=syntax, with_negative=True)
    assert found.opposite is not None
    nodes = check_saved(found.workflow())
    (sampler,) = of_kind(nodes, KSAMPLER)
    links = {link[0]: link[1] for link in found.workflow()["links"]}
    positive, negative = (nodes[links[sampler["inputs"][at]["link"]]] for at in (1, 2))
    assert negative["widgets_values"] == [found.negative_prompt]
    if syntax == "comfyui-average":
        assert positive["type"] == MEAN
        assert json.loads(found.written) == found.workflow("api")
        assert found.headline() == found.written  # which holds the negative prompt
    else:
        assert positive["widgets_values"] == [found.written]
        assert found.headline() == f"{found.written}\nNegative prompt: {found.negative_prompt}"


def test_braces_are_escaped_for_the_window_and_not_for_the_server(space: Any) -> None:
    found = paint(space, "somebody in the rain", 1, template="{{x}} (a) {names}")
    texts = [node["widgets_values"][0] for node in of_kind(check_saved(found.workflow()), TEXT)]
    assert f"\\{{x\\}} \\(a\\) {found.names[0]}" in texts
    sent = [node["inputs"].get("text") for node in found.workflow("api").values()]
    assert f"{{x}} \\(a\\) {found.names[0]}" in sent


def test_other_tools_have_no_workflow(space: Any) -> None:
    found = paint(space, "x", 1, syntax="a1111")
    with pytest.raises(ValueError, match="a workflow is ComfyUI's, of syntax plain, comfyui"):
        found.workflow()


def test_the_negative_prompt_is_that_of_a_search_for_the_least_similar(space: Any) -> None:
    both = paint(space, "the queen of summer", 2, syntax="a1111", with_negative=True)
    away = paint(space, "the queen of summer", 2, syntax="a1111", negative=True)
    assert both.negative_prompt == away.written
    assert both.similarity > away.similarity
    told = json.loads(both.to_json())
    assert (told["prompt"], told["negative_prompt"]) == (both.written, away.written)
    alone = paint(space, "the queen of summer", 2)
    assert alone.negative_prompt is None
    assert json.loads(alone.to_json())["negative_prompt"] is None
    with pytest.raises(ValueError, match="with_negative looks for both prompts"):
        paint(space, "x", 1, negative=True, with_negative=True)


def test_alternatives_are_each_written_in_the_syntax(space: Any) -> None:
    found = paint(space, "the queen of summer", 2, syntax="a1111", alternatives=3)
    lines = found.headline().splitlines()
    assert lines == [one.prompt for one in found.ready_alternatives]
    assert lines[0] == found.written
    for line, blend in zip(lines, found.alternatives, strict=True):
        assert line.startswith("a photo of (")
        assert all(f"({name}:" in line for name in blend.names)
    told = json.loads(found.to_json())["alternatives"]
    assert [one["ready"] for one in told] == lines
    ranked = found.tables()[0]
    assert [row[2] for row in ranked.rows] == [", ".join(one.names) for one in found.alternatives]


def test_a_name_that_the_syntax_cannot_write_is_not_searched() -> None:
    hard: Any = ToySpace(["Ann # 1", "Bo", "Cy"])
    assert paint(hard, "Ann 1", 2, syntax="a1111").n_candidates == 2
    assert paint(hard, "Ann 1", 2).n_candidates == 3
    with pytest.raises(ValueError, match="cannot be written in the syntax"):
        paint(ToySpace(["Ann # 1"]), "x", 1, syntax="a1111")  # type: ignore[arg-type]
