"""The JSON schema of `audit.json`, made from the dataclasses that it is written from."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from inspect import getdoc
from typing import Any, Union, get_args, get_origin, get_type_hints

from namebasis.auditing.claims import NEUTRAL, Claim
from namebasis.auditing.results import SCHEMA, Audit, Listing, Part

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"},
    bool: {"type": "boolean"}, type(None): {"type": "null"},
}  # fmt: skip
_TEXT, _WHOLE = _PLAIN[str], _PLAIN[int]
MEASURES = (*NEUTRAL, "mean", "share")
ENCODER = {"spec": _TEXT, "fingerprint": _TEXT, "revision": {"type": ["string", "null"]},
           "dim": _WHOLE}  # fmt: skip
PLAN = {
    "version": _WHOLE, "fingerprint": _TEXT, "is_quick": _PLAIN[bool], "level": _PLAIN[float],
    "n_draws": _WHOLE, "seed": _WHOLE, "template_set": _TEXT,
    "templates": {"type": "array", "items": _TEXT},
}  # fmt: skip
CORPUS = {"title": _TEXT, "n_names": _WHOLE, "n_read": _WHOLE, "fingerprint": _TEXT}


def schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of the document that `Audit.to_dict` gives.

    `namebasis/data/audit.schema.json` holds it; ``python -m namebasis.auditing.schema FILE`` writes
    it again.
    """
    claim = _of_fields(Claim)
    claim["is_beyond"] = {**_PLAIN[bool], "description": "Whether it is more than chance."}
    claim["measure"] = {**claim["measure"], "enum": list(MEASURES)}
    claim["value"] = {**claim["value"], "type": ["number", "null"]}  # what is not finite is null
    part = _of_fields(Part)
    part["claims"] = {"type": "array", "items": {"$ref": "#/$defs/claim"}}
    part["lists"] = {"type": "array", "items": {"$ref": "#/$defs/list"}}
    part["sentence"] = {**_TEXT, "description": "What was found, in one sentence."}
    told = _described(Audit)
    corpora = {
        "type": "object", "additionalProperties": _object(CORPUS), "description": told["corpora"],
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An audit of an encoder by namebasis",
        **_object(
            {
                "schema": {"const": SCHEMA, "description": "Version of this schema."},
                "namebasis": {**_TEXT, "description": "Version of the package."},
                "headline": {**_TEXT, "description": "The answer in one sentence."},
                "encoder": {**_object(ENCODER), "description": told["encoder"]},
                "plan": {**_object(PLAN), "description": told["plan"]},
                "corpora": corpora,
                "n_tried": {**_WHOLE, "description": "Readings that were tried in all."},
                "card": {
                    "type": "array", "items": _TEXT,
                    "description": "Claims of the score card, as PART/KEY.",
                },
                "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
            }
        ),
        "$defs": {
            "claim": _object(claim), "list": _object(_of_fields(Listing)), "part": _object(part),
        },
    }  # fmt: skip


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": dict(properties), "required": sorted(properties),
        "additionalProperties": False,
    }  # fmt: skip


def _of_fields(kind: type) -> dict[str, dict[str, Any]]:
    """A property for each field of a dataclass, with what its docstring says."""
    hints, told = get_type_hints(kind), _described(kind)
    return {
        one.name: {**_of_hint(hints[one.name]), "description": told[one.name]}
        for one in fields(kind)
    }


def _of_hint(hint: Any) -> dict[str, Any]:
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        names = dict.fromkeys(_of_hint(one)["type"] for one in inner)
        return {"type": sorted(names)}
    if origin is tuple:
        item = inner[0]
        return {"type": "array", "items": {} if item in (Claim, Listing) else _of_hint(item)}
    raise TypeError(f"{hint} is no type of a field that JSON holds.")


def _described(kind: type) -> dict[str, str]:
    """What the section Attributes of a docstring says of each; those that share a line share it."""
    _, _, body = (getdoc(kind) or "").partition("Attributes\n----------\n")
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", body):
        head, _, text = entry.partition("\n")
        names, _, told = head.partition(" : ")
        said = " ".join(text.split()) or told
        found |= dict.fromkeys((name.strip() for name in names.split(",")), said)
    return found


def main(words: Sequence[str]) -> None:
    """Write the schema to a file."""
    import json
    from pathlib import Path

    (path,) = words
    Path(path).write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
