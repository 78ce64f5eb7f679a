"""The page `/docs`: every route of the service, drawn from its OpenAPI document; no script runs.

The usual viewers of such documents come from another host or bring inline scripts, which the
content policy of the explorer forbids; this one is HTML alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from namebasis.report.page import render

_TITLES = {
    "questions": "Questions", "spaces": "Spaces", "a space": "Questions, by the space's name",
    "jobs": "Jobs: questions that take long", "tabs": "Questions of the page's tabs",
}  # fmt: skip
_EXAMPLES = {
    "/api/nearest": "?q=Vicki&k=5", "/api/basis": "?q=Vicki&n_names=3", "/api/walk": "?along=1",
    "/api/paint": "?q=Vicki&n_names=2", "/api/export": "?limit=10&format=csv",
    "/api/select": "?n_names=8", "/api/spaces": "",
}  # fmt: skip


def reference_page(document: Mapping[str, Any]) -> str:
    """Draw the page of an OpenAPI document."""
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in _TITLES}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            (group,) = operation["tags"]
            groups[group].append(_route(document, method, path, operation))
    shown = [
        {"title": _TITLES[name], "id": name.replace(" ", "-"), "routes": routes}
        for name, routes in groups.items()
        if routes
    ]
    return render("reference", version=document["info"]["version"], groups=shown)


def _route(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> dict[str, Any]:
    parameters = [
        _row(document, one["name"], one["schema"], one.get("required"), one.get("description"))
        for one in operation.get("parameters", ())
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        parameters += _fields(document, content["schema"], depth=0, is_body=True)
    answers = operation["responses"]
    content = answers.get("200", answers.get("202", {})).get("content", {})
    reply = content.get("application/json", {}).get("schema", {})
    return {
        "method": method.upper(),
        "path": path,
        "id": f"{method}{path}".replace("/", "-"),
        "said": operation.get("description") or operation.get("summary", ""),
        "example": path + _EXAMPLES[path] if path in _EXAMPLES and method == "get" else None,
        "parameters": parameters,
        "fields": list(_fields(document, reply, depth=2)),
        "bytes": next((kind for kind in content if kind != "application/json"), None),
    }


def _row(
    document: Mapping[str, Any], name: str, schema: Mapping[str, Any], required: bool | None,
    said: str | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name,
        "type": _type(document, schema),
        "default": "required" if required else _default(schema.get("default")),
        "said": said or schema.get("description") or "",
    }


def _default(value: object) -> str:
    return "" if value in (None, [], {}) else json.dumps(value, ensure_ascii=False).strip('"')


def _fields(
    document: Mapping[str, Any],
    schema: Mapping[str, Any],
    *,
    depth: int,
    of: str = "",
    is_body: bool = False,
) -> Iterator[dict[str, Any]]:
    """The fields of an object, and of the objects in it down to a depth."""
    for one in _objects(document, schema):
        needed = one.get("required", ())
        for name, inner in one.get("properties", {}).items():
            is_needed = is_body and name in needed
            yield _row(document, f"{of}{name}", inner, is_needed, None)
            # Of a reply's parts the values are drawn, and what their lists hold.
            if (depth == 2 and name == "result") or depth == 1:
                is_list = _type(document, inner).startswith("list")
                inside = f"{of}{name}{'[]' * is_list}."
                yield from _fields(document, inner, depth=depth - 1, of=inside)


def _objects(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The objects that a schema allows."""
    found = _resolved(document, schema)
    if found.get("type") == "array":
        return _objects(document, found.get("items", {}))
    several = found.get("anyOf", ())
    return [one for part in several for one in _objects(document, part)] or [found]


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(_resolved(document, schema).get("title", "object"))
    if "anyOf" in schema:
        kinds = [_type(document, one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array" and "items" in schema:
        return f"list of {_type(document, schema['items'])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    limits = f" {low:,} to {high:,}" if low is not None and high is not None else ""
    return f"{schema.get('type', 'anything')}{limits}"
