"""The nodes of ComfyUI against what ComfyUI asks of a node, and against a running service."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from namebasis.space import Space
from tests.explore.conftest import TOKEN, served

FILE = Path(__file__).parents[2] / "examples" / "comfyui" / "namebasis_nodes.py"
KINDS = {"STRING": str, "INT": int, "FLOAT": float, "BOOLEAN": bool}
KEYS = ("NamebasisPaint", "NamebasisNearest", "NamebasisSelect")


def loaded() -> ModuleType:
    """The file as ComfyUI imports it: by its path, with nothing of ours beside it."""
    spec = importlib.util.spec_from_file_location("namebasis_nodes", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def nodes() -> ModuleType:
    return loaded()


@pytest.fixture(scope="module")
def service(space: Space) -> Iterator[str]:
    pytest.importorskip("starlette", reason="needs the extra explore")
    from namebasis.explore.warm import Warm

    with served(Warm([space.path])) as address:
        yield address


@pytest.fixture
def ask(service: str, nodes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("NAMEBASIS_SERVICE", service)
    monkeypatch.setenv("NAMEBASIS_TOKEN", TOKEN)
    return lambda key, **values: executed(nodes.NODE_CLASS_MAPPINGS[key], **values)


def inputs_of(kind: Any) -> dict[str, tuple[Any, dict[str, Any]]]:
    told = kind.INPUT_TYPES()
    assert set(told) <= {"required", "optional", "hidden"}
    return {**told["required"], **told.get("optional", {})}


def executed(kind: Any, **values: Any) -> dict[str, Any]:
    """Run a node as ComfyUI does: defaults, checks, the named function; outputs by their names."""
    inputs = inputs_of(kind)
    assert set(values) <= set(inputs)
    given = {key: value for key, (_, told) in inputs.items() if (value := told.get("default"))
             is not None} | values  # fmt: skip
    checks = getattr(kind, "VALIDATE_INPUTS", None)
    if checks is not None:
        is_valid = checks(**{key: given[key] for key in inspect.signature(checks).parameters})
        if is_valid is not True:
            raise ValueError(is_valid)
    found = getattr(kind(), kind.FUNCTION)(**given)
    assert isinstance(found, tuple)
    assert len(found) == len(kind.RETURN_TYPES)
    lists = getattr(kind, "OUTPUT_IS_LIST", (False,) * len(found))
    for value, said, is_list in zip(found, kind.RETURN_TYPES, lists, strict=True):
        for one in value if is_list else [value]:
            assert type(one) is KINDS[said]
    return dict(zip(kind.RETURN_NAMES, found, strict=True))


@pytest.mark.parametrize("key", KEYS)
def test_a_node_is_declared_as_comfyui_reads_it(nodes: ModuleType, key: str) -> None:
    assert set(nodes.NODE_CLASS_MAPPINGS) == set(nodes.NODE_DISPLAY_NAME_MAPPINGS) == set(KEYS)
    kind = nodes.NODE_CLASS_MAPPINGS[key]
    inputs = inputs_of(kind)
    taken = inspect.signature(getattr(kind, kind.FUNCTION)).parameters
    assert set(taken) - {"self"} == set(inputs)
    for name in kind.INPUT_TYPES().get("optional", {}):
        assert taken[name].default is not inspect.Parameter.empty  # it may stay unconnected
    for what, told in inputs.values():
        if isinstance(what, list):
            assert told["default"] in what
        else:
            assert type(told["default"]) is KINDS[what]
            assert told.get("min", told["default"]) <= told["default"]
    assert len(kind.RETURN_TYPES) == len(kind.RETURN_NAMES) == len(kind.OUTPUT_TOOLTIPS)
    assert kind.CATEGORY == "namebasis"


def test_the_file_needs_only_the_standard_library() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    words = [line.split()[1] for line in lines if line.startswith(("import ", "from "))]
    assert {word.partition(".")[0] for word in words} <= sys.stdlib_module_names


@pytest.mark.long
def test_nodes_answer_as_the_space_does(ask: Any, space: Space) -> None:
    found = ask("NamebasisNearest", target="Vicki + Anna", count=3, where="part = 'given'")
    near = space.nearest("Vicki", 3, plus=["Anna"], where="part = 'given'")
    assert found["name"] == list(near.names)
    assert found["names"] == ", ".join(near.names)
    painted = ask("NamebasisPaint", n_names=1, deny="Anna, Vicki", template="a portrait of {names}")
    wanted = space.paint(
        "a senior lady", 1, deny=["Anna", "Vicki"], template="a portrait of {names}",
        syntax="comfyui", with_negative=True,
    ).to_dict()  # fmt: skip
    assert painted["prompt"] == wanted["prompt"]
    assert painted["negative"] == wanted["negative_prompt"]
    assert painted["similarity"] == pytest.approx(wanted["best"]["similarity"])
    chosen = ask("NamebasisSelect", count=4, where="part = 'given'")
    assert chosen["name"] == list(space.select(4, where="part = 'given'").names)
    assert chosen["names"].splitlines() == chosen["name"]


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("NamebasisPaint", {"template": "no place"}, r"the template must hold \{names\}"),
        ("NamebasisNearest", {"where": "nope = 1"}, "namebasis: .*nope"),
        ("NamebasisNearest", {"space": "other"}, "namebasis: .*other"),
        ("NamebasisSelect", {"count": 500}, "namebasis: .*500"),
    ],
)
def test_a_refusal_is_one_line(ask: Any, key: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        ask(key, **values)
    assert "\n" not in str(refused.value)


def test_without_a_service_the_remedy_is_told(
    nodes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMEBASIS_SERVICE", "http://127.0.0.1:9")
    with pytest.raises(RuntimeError, match="start it by `namebasis explore SPACE`"):
        executed(nodes.NearestNames)


class Elsewhere(BaseHTTPRequestHandler):
    """A service that wants a secret, and one that is none of ours."""

    def do_GET(self) -> None:
        is_ours = self.headers["Authorization"] != "Bearer elsewhere"
        self.send_response(401 if is_ours else 200)
        self.end_headers()
        told = {"error": f"{self.headers['Authorization']} is no secret of this service."}
        self.wfile.write(json.dumps(told).encode() if is_ours else b"<html>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_secret_is_sent_and_what_is_no_service_is_told(
    nodes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("NAMEBASIS_SERVICE", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("NAMEBASIS_TOKEN", "s3")
        with pytest.raises(ValueError, match=r"^namebasis: Bearer s3 is no secret"):
            executed(nodes.NearestNames)
        monkeypatch.setenv("NAMEBASIS_TOKEN", "elsewhere")
        with pytest.raises(RuntimeError, match="gives no answer"):
            executed(nodes.NearestNames)
        server.shutdown()
