"""Every route against its model and the result of Python; every refusal in one shape."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from namebasis.results import plain
from namebasis.space import Space
from tests.explore.conftest import finished, refused

pytest.importorskip("fastapi", reason="needs the extra explore")

from namebasis.explore.replies import values_of, without_folders
from namebasis.explore.schemas import Reply, model_of
from namebasis.studies.basis.trust import Null

SMALL = {"beam": 1, "candidates": 12, "n_names": 1}
ASKED: dict[str, dict[str, Any]] = {
    "nearest": {"q": "Vicki + Anna", "k": 3},
    "basis": {"q": "Vicki", "n_names": 2, "n_null": 5, "n_resamples": 3, "deny": ["Anna", "Lota"]},
    "paint": {"q": "Vicki", **SMALL, "syntax": "a1111", "alternatives": 2, "with_negative": True},
    "card": {"name": "Vicki", "k": 3},
    "walk": {"along": "2", "k": 2, "steps": 3},
    "score": {
        "names": ["Bena", "Anna"],
        "axes": ["gender"],
        "n_made_up": 20,
        "where": "gender = 'F'",
    },
    "select": {"n_names": 4, "where": "part = 'given'", "max_per": ["piece=2"], "keep": ["Vicki"]},
    "topology": {"where": "part = 'given'"},
}


def wanted(space: Space, name: str) -> Any:
    """The same from Python."""
    if name == "nearest":
        return space.nearest("Vicki", 3, plus=["Anna"])
    if name == "score":
        return space.score(["gender"], where="gender = 'F'", n_made_up=20).pick(
            space, ["Bena", "Anna"]
        )
    words = {key: value for key, value in ASKED[name].items() if key not in ("q", "name", "along")}
    if name == "walk":
        return space.walk(2, names_per_step=2, n_steps=3)
    if name == "select":
        return space.select(4, where="part = 'given'", max_per={"piece": 2}, keep=["Vicki"])
    if name == "topology":
        return space.topology(**words, shape=False, n_resamples=0)
    return getattr(space, name)("Vicki", **words)


def timeless(value: Any) -> Any:
    """A value without what differs from run to run."""
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key != "seconds"}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def routes(client: Any) -> dict[tuple[str, str], Any]:
    found = {}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        found |= {(method, path): operation for method, operation in methods.items()}
    return found


def checked(client: Any, method: str, path: str, reply: Any) -> None:
    """A reply against the schema that OpenAPI promises for it."""
    import jsonschema

    document = client.get("/openapi.json").json()
    answers = document["paths"][path][method]["responses"][str(reply.status_code)]
    schema = answers["content"]["application/json"]["schema"]
    jsonschema.validate(reply.json(), {**schema, "components": document["components"]})


@pytest.mark.long
@pytest.mark.parametrize("name", ASKED)
def test_a_question_is_answered_as_by_python(client: Any, space: Space, name: str) -> None:
    found = wanted(space, name)
    told = client.get(f"/api/{name}", params=ASKED[name])
    assert told.status_code == 200, told.text
    assert timeless(told.json()["result"]) == timeless(plain(values_of(found)))
    assert told.json()["headline"] == found.headline()
    checked(client, "get", f"/api/{name}", told)


def test_the_page_asks_at_once_for_all_modules_that_it_begins_with() -> None:
    from namebasis.explore.server import ASSETS

    needed, left = set(), ["main.js"]
    while left:
        module = left.pop()
        if module not in needed:
            needed.add(module)
            text = (ASSETS / module).read_text(encoding="utf-8")
            left += re.findall(r'from "/assets/([\w.-]+\.js)"', text)
    page = (ASSETS / "index.html").read_text(encoding="utf-8")
    asked = re.findall(r'<link rel="modulepreload" href="/assets/([\w.-]+)">', page)
    assert sorted([*asked, "main.js"]) == sorted(needed)


def test_questions_are_recorded_for_no_collector(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = pytest.importorskip("opentelemetry.trace", reason="this FastAPI records nothing")
    from fastapi.testclient import TestClient

    from namebasis.explore.guard import Rules
    from namebasis.explore.server import create_app
    from namebasis.explore.warm import Warm

    asked: list[str] = []

    class Provider(trace.TracerProvider):  # type: ignore[misc, name-defined]
        def get_tracer(self, name: str, *_: Any, **__: Any) -> Any:
            asked.append(name)
            return trace.NoOpTracer()

    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", Provider())
    app = create_app(Warm([folder / "my.space"]), Rules(token="t"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/api/spaces").status_code == 200
    assert not [name for name in asked if "fastapi" in name]


def test_a_question_may_say_its_space(client: Any) -> None:
    asked = {"q": "Vicki", "k": 3}
    told = client.get("/api/nearest", params=asked).json()
    assert client.get("/api/my/nearest", params=asked).json() == told
    assert client.get("/api/nearest", params={**asked, "space": "my"}).json() == told
    for path in ("/api/nearest?space=other", "/api/other/nearest?"):
        assert "there are my" in refused(client.get(f"{path}&q=Vicki"), 404)


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("get", "/api/spaces", {}),
        ("get", "/api/{space}/info", {}),
        ("get", "/api/{space}/facets", {}),
        ("get", "/api/{space}/names", {"params": {"limit": 2}}),
        ("post", "/api/{space}/basis", {"json": {"q": "Vicki"}}),
        ("post", "/api/{space}/jobs/map", {"json": {"view": "text"}}),
        ("post", "/api/{space}/jobs/card", {"json": {"name": "Vicki"}}),
    ],
)
def test_a_reply_is_as_openapi_says(client: Any, method: str, path: str, words: Any) -> None:
    reply = client.request(method, path.replace("{space}", "my"), **words)
    assert reply.status_code in (200, 202), reply.text
    checked(client, method, path, reply)
    if reply.status_code == 202:
        job = f"/api/jobs/{reply.json()['id']}"
        checked(client, "get", "/api/jobs/{id}", client.get(job))
        checked(client, "delete", "/api/jobs/{id}", client.delete(job))


def test_all_that_openapi_lists_is_described(client: Any) -> None:
    for (method, path), operation in routes(client).items():
        at = f"{method} {path}"
        assert operation.get("tags"), at
        assert operation.get("description"), at
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), f"{at}: {parameter['name']}"
        answers = operation["responses"]
        content = answers.get("200", answers.get("202"))["content"]
        assert content.get("application/json", {"schema": 1})["schema"], at
        assert "HTTPValidationError" not in json.dumps(operation), at
    bodies = client.get("/openapi.json").json()["components"]["schemas"]
    for name, body in bodies.items():
        if name.endswith("Question") or name == "Selection":
            for field, facts in body["properties"].items():
                assert facts.get("description"), f"{name}.{field}"


def test_a_filter_leaves_what_an_export_holds(client: Any, space: Space) -> None:
    where = "gender = 'F'"
    told = client.get("/api/export", params={"where": where, "limit": 4})
    names = space.table(["name"], where=where)["name"].to_pylist()
    assert told.text.splitlines() == names[:4]
    told = client.get(
        "/api/export", params={"where": where, "format": "json", "columns": "name, count"}
    )
    assert json.loads(told.text) == space.table(["name", "count"], where=where).to_pylist()


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        ("/api/nearest", {}, 422, "q is missing."),
        ("/api/nearest", {"q": "A", "k": 0}, 422, "k must be at least 1; got '0'."),
        ("/api/nearest", {"q": "A", "k": 10**30}, 422, "k"),
        ("/api/nearest", {"q": "A", "k": "ten"}, 422, "k must be a whole number; got 'ten'."),
        ("/api/nearest", {"q": "A", "as": "x"}, 422, "as must be 'name' or 'text'; got 'x'."),
        ("/api/nearest", {"q": "A", "wher": "1"}, 422, "no parameter wher. Did you mean 'where'?"),
        ("/api/nearest", {"q": "A", "token": "x"}, 422, "Authorization: Bearer"),
        ("/api/nearest", {"q": "A" * 3_000}, 422, "q may have at most 2,000 letters."),
        ("/api/basis", {"q": "A", "n_names": -1}, 422, "n_names must be at least 1; got '-1'."),
        ("/api/card", {"name": "Vickii"}, 400, "'Vickii' is not in my."),
        ("/api/paint", {"q": "A", "syntax": "nope"}, 400, "syntax must be one of"),
        ("/api/score", {"names": "Vicki", "axes": "x.toml"}, 400, "no axis"),
        ("/api/select", {"max_per": "piece"}, 400, "max_per must be column=count"),
        ("/api/select", {"max_per": "nope=2"}, 400, "nope"),
        ("/api/select", {"objective": "covr"}, 400, "Did you mean 'cover'?"),
        ("/api/select", {"keep": "Vickii"}, 400, "'Vickii' is not in my."),
        ("/api/export", {"format": "exe"}, 422, "format must be 'txt',"),
        ("/api/export", {"columns": "nope", "format": "csv"}, 400, "nope"),
        ("/api/export", {"order_by": "name; DROP"}, 400, "order_by must be"),
        ("/api/nothing", {}, 404, "there is no GET /api/nothing; see /docs."),
        ("/api/../../etc/passwd", {}, 404, "there is no GET"),
        ("/assets/../server.py", {}, 404, "there is no GET"),
    ],
)
def test_a_refusal_is_one_plain_line(
    client: Any, path: str, params: dict[str, Any], status: int, said: str
) -> None:
    error = refused(client.get(path, params=params), status)
    assert said in error
    assert "pydantic" not in error


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "the body is no JSON"),
        (b"[]", "the body must be an object of parameters"),
        (b'{"q": 5}', "q must be text; got 5."),
        (b'{"q": "A", "n_nams": 5}', "no parameter n_nams. Did you mean 'n_names'?"),
        (b'{"q": "A", "n_names": 2.5}', "n_names must be a whole number; got 2.5."),
        (b'{"q": "\\ud800"}', "q is not UTF-8"),
        (b'{"q": "A", "deny": "B"}', "deny must be a list; got 'B'."),
    ],
)
def test_a_body_is_refused_in_plain_words(client: Any, body: bytes, said: str) -> None:
    told = client.post("/api/my/basis", content=body, headers={"content-type": "application/json"})
    assert said in refused(told, 422)


@pytest.mark.long
def test_no_path_of_this_machine_is_told(
    client: Any, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        client.get("/api/card", params={"name": "Vickii"}),
        client.get("/api/spaces"),
        client.get("/api/card", params={"name": "Vicki"}),
        client.get("/api/my/info"),
        client.post("/api/my/nearest", files={"image": ("x.png", b"no image")}),
        client.post("/api/my/nearest", files={"image": ("../../x.png", b"GIF89a")}),
    ]
    fault = f"cannot read {space.path}/names.lance/data/1.lance, nor {Path.home()}/.cache/x"

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(fault)

    monkeypatch.setattr(Space, "card", broken)
    asked.append(client.get("/api/card", params={"name": "Vicki"}))
    assert refused(asked[-1]) == "cannot read my/names.lance/data/1.lance, nor …/x"
    job = finished(client, client.post("/api/my/jobs/card", json={"name": "Vicki"}))
    assert (job["state"], job["error"]) == ("failed", refused(asked[-1]))
    for reply in asked:
        for place in (space.path, space.path.parent, tempfile.gettempdir(), Path.home()):
            assert str(place) not in reply.text


def test_a_fault_of_ours_is_told_without_its_details(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.testclient import TestClient

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("/etc/secret")

    monkeypatch.setattr(Space, "nearest", broken)
    calm = TestClient(client.app, "http://127.0.0.1", raise_server_exceptions=False)
    error = refused(calm.get("/api/nearest", params={"q": "Vicki"}), 500)
    assert error.startswith("KeyError: a fault of namebasis")
    assert "secret" not in error


def test_a_model_is_made_of_a_result() -> None:
    made = model_of(Null, without=("kind",), instead={"against": str})
    assert issubclass(made, Reply)
    assert list(made.model_fields) == [
        "n_draws",
        "n_atoms",
        "mean",
        "sd",
        "observed",
        "z",
        "against",
    ]
    assert made.model_fields["sd"].description == "Of the centred cosine over the draws."
    assert made.model_fields["z"].annotation == float | None
    with pytest.raises(TypeError, match="made of a dataclass"):
        model_of(int)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"space": "/folder/my.space", "names": 3}, {"space": "my.space", "names": 3}),
        ({"encoder": "hf:/folder/clip"}, {"encoder": "hf:clip"}),
        ({"encoder": "diffusers:~/models/sd"}, {"encoder": "diffusers:sd"}),
        ({"encoder": "open_clip:ViT-B-32/x"}, {"encoder": "open_clip:ViT-B-32/x"}),
        ({"encoder": "minilm", "path": None}, {"encoder": "minilm", "path": None}),
    ],
)
def test_what_a_space_is_made_of_has_names_instead_of_folders(given: Any, told: Any) -> None:
    assert without_folders(given) == told


@pytest.mark.long
def test_the_reference_lists_every_route_and_needs_nobody_else(client: Any) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    text = page.text
    for method, path in routes(client):
        assert f"<code>{method.upper()} {path}</code>" in text
    assert "random dictionaries to compare with" in text.lower()
    assert "<code>result.names[].similarity</code></td><td>number</td>" in text
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text
    assert " style=" not in text
    for link in re.findall(r'href="([^"#]+)"', text):
        if not link.startswith("data:"):
            assert client.get(link.replace("&amp;", "&")).status_code == 200, link
    for target in re.findall(r'href="#([^"]+)"', text):
        assert f'id="{target}"' in text


def test_what_is_imported_for_type_checkers_alone_can_be_anything() -> None:
    from namebasis.studies.card.results import DeepCard

    assert model_of(DeepCard).model_fields["rigidity"].annotation is Any
