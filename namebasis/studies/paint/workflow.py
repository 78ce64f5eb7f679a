"""A picture of a blend as a workflow of ComfyUI, in both forms that its window loads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from namebasis.wording import did_you_mean

CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
"""What the loader asks for until another is chosen: the file of ComfyUI's own first workflow."""
FORMS = ("ui", "api")
"""``ui``: as the window saves it, with places and links; ``api``: as its server takes it."""


@dataclass(frozen=True)
class NodeClass:
    """A node of ComfyUI as its server states it.

    Attributes
    ----------
    inputs : mapping of str to str
        The type of each input that a link leads to, by its name, in the order of their slots.
    outputs : tuple of str
        The types of the outputs, in the order of their slots.
    widgets : tuple of str
        Values set on the node, in the order of its widgets. ``control_after_generate`` is the
        window's own, what becomes of a seed after a picture: the server does not know it.
    size : tuple of int
        Width and height in the window.
    """

    inputs: Mapping[str, str]
    outputs: tuple[str, ...]
    widgets: tuple[str, ...] = ()
    size: tuple[int, int] = (315, 98)


NODES = {
    "CheckpointLoaderSimple": NodeClass({}, ("MODEL", "CLIP", "VAE"), ("ckpt_name",)),
    "CLIPTextEncode": NodeClass({"clip": "CLIP"}, ("CONDITIONING",), ("text",), (400, 160)),
    "ConditioningAverage": NodeClass(
        {"conditioning_to": "CONDITIONING", "conditioning_from": "CONDITIONING"},
        ("CONDITIONING",), ("conditioning_to_strength",), (320, 78),
    ),
    "EmptyLatentImage": NodeClass({}, ("LATENT",), ("width", "height", "batch_size"), (315, 106)),
    "KSampler": NodeClass(
        {
            "model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING",
            "latent_image": "LATENT",
        },
        ("LATENT",),
        (
            "seed", "control_after_generate", "steps", "cfg", "sampler_name", "scheduler",
            "denoise",
        ),
        (315, 262),
    ),
    "VAEDecode": NodeClass({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",), (), (210, 46)),
    "SaveImage": NodeClass({"images": "IMAGE"}, (), ("filename_prefix",), (315, 270)),
}  # fmt: skip
"""The nodes that a workflow is made of."""

_WINDOW_ONLY = ("control_after_generate",)
_GAP = 40


@dataclass
class _Node:
    """One node: whose outputs lead to it, what is set on it, and where it stands."""

    kind: str
    links: dict[str, tuple[int, int]] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)
    column: int = 0
    title: str = ""


def picture_workflow(
    texts: Sequence[str], shares: Sequence[float], negative: str = "", form: str = "ui"
) -> dict[str, Any]:
    """The workflow that paints the mean by weight of prompts, to be loaded or dropped as JSON.

    Parameters
    ----------
    texts : sequence of str
        Prompts, escaped for ComfyUI's text boxes (``ui``) or for its server (``api``).
    shares : sequence of float
        One per prompt, which sum to 1.
    negative : str
        What the picture is to keep away from, escaped alike.
    form : {"ui", "api"}
        See `FORMS`.

    Returns
    -------
    dict
        `CHECKPOINT` stands in the loader until another is chosen.

    Raises
    ------
    ValueError
        If there is no such form.
    """
    check_form(form)
    nodes = _picture(texts, shares, negative)
    return _as_saved(nodes) if form == "ui" else _as_sent(nodes)


def check_form(form: object) -> None:
    """Refuse what is none of `FORMS`."""
    if form not in FORMS:
        raise ValueError(f"form must be ui or api; got {form!r}.{did_you_mean(form, FORMS)}")


def form_of(path: Path) -> str:
    """The form that a file's name asks for: ``api`` where it ends in .api.json, else ``ui``."""
    return "api" if path.name.lower().endswith(".api.json") else "ui"


def as_text(workflow: Mapping[str, Any]) -> str:
    """A workflow as ComfyUI reads it."""
    return json.dumps(workflow, ensure_ascii=False, indent=2)


def _picture(texts: Sequence[str], shares: Sequence[float], negative: str) -> dict[int, _Node]:
    """Texts first, the chain of their mean behind them, then what makes a picture of it."""
    n = len(texts)
    loader = 2 * n
    nodes = {at: _text_node(text, loader) for at, text in enumerate(texts, start=1)}
    mean, summed = (1, 0), shares[0]
    for at, share in enumerate(shares[1:], start=2):
        summed += share
        # to * strength + from * (1 - strength): the mean so far keeps its part of the whole.
        nodes[n + at - 1] = _Node(
            "ConditioningAverage",
            {"conditioning_to": mean, "conditioning_from": (at, 0)},
            {"conditioning_to_strength": round(1 - share / summed, 4)},
            column=at,
        )
        mean = (n + at - 1, 0)
    away, latent, sampler, decode, save = range(loader + 1, loader + 6)
    nodes[loader] = _Node(
        "CheckpointLoaderSimple", {}, {"ckpt_name": CHECKPOINT}, title="Choose your checkpoint"
    )
    nodes[away] = _text_node(negative, loader, "Negative prompt")
    nodes[latent] = _Node(
        "EmptyLatentImage", {}, {"width": 512, "height": 512, "batch_size": 1}, column=0
    )
    nodes[sampler] = _Node(
        "KSampler",
        {
            "model": (loader, 0), "positive": mean, "negative": (away, 0),
            "latent_image": (latent, 0),
        },
        {
            "seed": 0, "control_after_generate": "randomize", "steps": 20, "cfg": 8.0,
            "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
        },
        column=n + 1,
    )  # fmt: skip
    nodes[decode] = _Node("VAEDecode", {"samples": (sampler, 0), "vae": (loader, 2)}, column=n + 2)
    nodes[save] = _Node(
        "SaveImage", {"images": (decode, 0)}, {"filename_prefix": "namebasis"}, column=n + 3
    )
    return nodes


def _text_node(text: str, loader: int, title: str = "") -> _Node:
    return _Node("CLIPTextEncode", {"clip": (loader, 1)}, {"text": text}, column=1, title=title)


def _as_sent(nodes: Mapping[int, _Node]) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    for at, node in nodes.items():
        kept = {name: value for name, value in node.values.items() if name not in _WINDOW_ONLY}
        leads = {name: [str(source), slot] for name, (source, slot) in node.links.items()}
        sent[str(at)] = {"class_type": node.kind, "inputs": {**kept, **leads}}
    return sent


def _as_saved(nodes: Mapping[int, _Node]) -> dict[str, Any]:
    """Nodes with their places, and one list of links: id, from node and slot, to node and slot."""
    links: list[list[object]] = []
    leaving: dict[tuple[int, int], list[int]] = {}
    arriving: dict[tuple[int, str], int] = {}
    for at, node in nodes.items():
        for slot, (name, kind) in enumerate(NODES[node.kind].inputs.items()):
            source = node.links[name]
            number = len(links) + 1
            links.append([number, *source, at, slot, kind])
            leaving.setdefault(source, []).append(number)
            arriving[at, name] = number
    places = _places(nodes)
    saved = []
    for order, at in enumerate(_in_order(nodes)):
        node = nodes[at]
        stated = NODES[node.kind]
        saved.append(
            {
                "id": at, "type": node.kind, "pos": list(places[at]), "size": list(stated.size),
                "flags": {}, "order": order, "mode": 0,
                "inputs": [
                    {"name": name, "type": of, "link": arriving[at, name]}
                    for name, of in stated.inputs.items()
                ],
                "outputs": [
                    {"name": of, "type": of, "links": leaving.get((at, slot), []),
                     "slot_index": slot}
                    for slot, of in enumerate(stated.outputs)
                ],
                "properties": {"Node name for S&R": node.kind},
                "widgets_values": [node.values[name] for name in stated.widgets],
                **({"title": node.title} if node.title else {}),
            }
        )  # fmt: skip
    return {
        "last_node_id": max(nodes), "last_link_id": len(links), "nodes": saved, "links": links,
        "groups": [], "config": {}, "extra": {}, "version": 0.4,
    }  # fmt: skip


def _in_order(nodes: Mapping[int, _Node]) -> Iterable[int]:
    """Each node behind those that lead to it."""
    done: dict[int, None] = {}

    def visit(at: int) -> None:
        for source, _ in nodes[at].links.values():
            visit(source)
        done.setdefault(at)

    for at in nodes:
        visit(at)
    return done


def _places(nodes: Mapping[int, _Node]) -> dict[int, tuple[int, int]]:
    """Upper left corners: nodes of a column one below the other, columns side by side."""
    columns: dict[int, list[int]] = {}
    for at, node in nodes.items():
        columns.setdefault(node.column, []).append(at)
    places, left = {}, _GAP
    for _, members in sorted(columns.items()):
        top = 2 * _GAP
        for at in members:
            places[at] = (left, top)
            top += NODES[nodes[at].kind].size[1] + 2 * _GAP  # below the title of the next
        left += max(NODES[nodes[at].kind].size[0] for at in members) + 2 * _GAP
    return places
