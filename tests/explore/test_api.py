"""The service against the results of Python, value by value."""

from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from namebasis.results import plain
from namebasis.space import Space, build_space
from tests.explore.conftest import finished, refused


def arrow(response: Any) -> pa.Table:
    assert response.status_code == 200, response.text
    return pa.ipc.open_stream(io.BytesIO(response.content)).read_all()


def test_the_spaces_are_listed(client: Any, space: Space) -> None:
    (facts,) = client.get("/api/spaces").json()
    assert facts["space"] == "my"
    assert facts["n_names"] == len(space)
    assert facts["views"] == ["text", "token"]


@pytest.mark.parametrize(
    ("query", "target", "plus", "minus"),
    [
        ("Vicki", "Vicki", (), ()),
        ("a senior lady", "a senior lady", (), ()),
        ("Vicki + an old man \u2212 Anna", "Vicki", ("an old man",), ("Anna",)),
    ],
)
def test_nearest(client: Any, space: Space, query: str, target: str, plus: Any, minus: Any) -> None:
    told = client.get("/api/my/nearest", params={"q": query, "k": 7, "where": "part = 'given'"})
    found = space.nearest(target, 7, where="part = 'given'", plus=plus, minus=minus)
    assert told.json()["result"] == plain(found.to_dict())
    assert told.json()["notes"] == list(found.notes())


def test_what_is_typed_is_read_as_asked(client: Any, space: Space) -> None:
    for as_ in ("name", "text"):
        told = client.get("/api/my/nearest", params={"q": "Annelore", "k": 3, "as": as_}).json()
        assert told["result"] == plain(space.nearest("Annelore", 3, as_=as_).to_dict())
    assert client.get("/api/my/nearest", params={"q": "A", "as": "verse"}).status_code == 422


def test_card_basis_and_walk(client: Any, space: Space) -> None:
    card = client.get("/api/my/card", params={"name": "Vicki"}).json()
    wanted = plain(space.card("Vicki").to_dict())
    wanted["source"]["space"] = "my.space"  # type: ignore[index]
    assert card["result"] == wanted
    basis = client.post("/api/my/basis", json={"q": "Vicki", "n_names": 3, "deny": ["Anna"]}).json()
    fit = space.basis("Vicki", 3, deny=["Anna"], n_null=0, n_resamples=0)
    assert basis["result"] == plain(fit.to_dict())
    assert basis["headline"] == fit.headline()
    walk = client.get("/api/my/walk", params={"along": "1", "k": 2}).json()
    assert walk["result"] == plain(space.walk(1, names_per_step=2).to_dict())


def test_a_page_of_names(client: Any, space: Space) -> None:
    params = {"where": "gender = 'F'", "sort": "count", "descending": True, "limit": 3, "offset": 2}
    told = client.get("/api/my/names", params={**params, "columns": "name,count"}).json()
    table = space.table(["id", "name", "count"], where="gender = 'F'")
    rows = sorted(table.to_pylist(), key=lambda row: (-row["count"], row["id"]))
    assert told == {"total": len(rows), "rows": rows[2:5]}
    first = client.get("/api/my/names", params={"limit": 2}).json()
    assert [row["id"] for row in first["rows"]] == [0, 1]
    assert first["total"] == len(space)


def test_facets_count_what_the_filter_leaves(client: Any, space: Space) -> None:
    told = client.get("/api/my/facets", params={"where": "gender = 'F'"}).json()
    by = {facet["column"]: facet for facet in told}
    assert by["gender"]["values"] == [["F", 10]]
    assert by["part"]["values"] == [["given", 10]]
    counts = space.table(["count"], where="gender = 'F'")["count"].to_pylist()
    assert sum(by["count"]["bins"]) == by["count"]["n"] == len(counts)
    assert (by["count"]["low"], by["count"]["high"]) == (min(counts), max(counts))
    assert by["count"]["is_log"]
    assert not {"id", "name", "pieces", "births"} & set(by)


def test_columns_and_ids_travel_as_bytes(client: Any, space: Space) -> None:
    table = arrow(client.get("/api/my/table.arrow", params={"columns": "name,gender,count"}))
    wanted = space.table(["name", "gender", "count"])
    assert table.to_pydict() == wanted.to_pydict()
    ids = client.get("/api/my/ids", params={"where": "gender = 'M'"})
    assert np.frombuffer(ids.content, "<i4").tolist() == space.ids("gender = 'M'").tolist()


def test_the_map_is_made_once_and_kept(client: Any, space: Space) -> None:
    waits = client.get("/api/my/map.arrow", params={"view": "token"})
    assert (waits.status_code, waits.json()["job"]) == (202, "map")
    job = finished(client, client.post("/api/my/jobs/map", json={"view": "text"}))
    assert job["state"] == "done", job
    table = arrow(client.get("/api/my/map.arrow"))
    places = np.column_stack([table["x"], table["y"]])
    assert places.shape == (len(space), 2)
    assert np.isfinite(places).all()
    from namebasis.explore.warm import Warm

    assert Warm([space.path]).has_places("my")
    assert np.array_equal(Warm([space.path]).places("my"), places)


def test_a_basis_with_controls_is_a_job(client: Any, space: Space) -> None:
    question = {"q": "Vicki", "n_names": 2, "n_null": 20, "n_resamples": 5}
    job = finished(client, client.post("/api/my/jobs/basis", json=question))
    assert job["state"] == "done", job
    assert job["result"]["result"] == plain(
        space.basis("Vicki", 2, n_null=20, n_resamples=5).to_dict()
    )


@pytest.mark.parametrize(
    ("job", "body", "said"),
    [
        ("card", {"name": "Nobody at all"}, "'Nobody at all' is not in my."),
        ("card", {"name": "Vicki", "view": "image"}, "image"),
        ("basis", {"q": "Vicki", "where": "gendr = 'F'"}, "gendr"),
        ("basis", {"q": "- Vicki"}, "no direction"),
        ("paint", {"q": "Vicki", "syntax": "a1112"}, "Did you mean 'a1111'?"),
        ("paint", {"q": "Vicki", "template": "a photo"}, "{names}"),
        ("score", {"names": ["Vicki"], "axes": ["/etc/passwd"]}, "no axis"),
        ("score", {"names": ["Vickii"]}, "Near spellings stored: Vicki"),
        ("topology", {"view": "image"}, "image"),
        ("map", {"view": "nope"}, "nope"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_a_job_begins(
    client: Any, job: str, body: dict[str, Any], said: str
) -> None:
    assert said in refused(client.post(f"/api/my/jobs/{job}", json=body))


def test_export_keeps_the_order_of_the_basket(client: Any, space: Space) -> None:
    names = space.table(["name"])["name"].to_pylist()
    told = client.post("/api/my/export", json={"ids": [5, 0, 3], "format": "txt"})
    assert told.content.decode().splitlines() == [names[5], names[0], names[3]]
    told = client.post("/api/my/export", json={"ids": [4, 2], "format": "json"})
    assert [row["name"] for row in json.loads(told.content)] == [names[4], names[2]]


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        ("/api/my/nearest", {"q": "Vicki", "where": "gendr = 'F'"}, "gendr"),
        ("/api/my/nearest", {"q": "- Vicki"}, "no direction"),
        ("/api/my/nearest", {"q": "Vicki", "view": "image"}, "image"),
        ("/api/my/card", {"name": "Vickii"}, "Vicki"),
        ("/api/my/walk", {"along": "/etc/passwd"}, "no axis"),
        ("/api/my/walk", {"along": "../axes/age.toml"}, "no axis"),
        ("/api/my/walk", {"along": "\u00b2"}, "no axis"),
        ("/api/my/names", {"sort": "locales"}, "cannot be sorted by"),
        ("/api/my/walk", {"along": "gendr"}, "Did you mean 'gender'?"),
        ("/api/my/table.arrow", {"columns": "nope"}, "nope"),
    ],
)
def test_refusals_say_what_is_wrong(
    client: Any, path: str, params: dict[str, str], said: str
) -> None:
    assert said in refused(client.get(path, params=params))


def test_unknown_spaces_jobs_and_ids(client: Any) -> None:
    assert "there are my" in refused(client.get("/api/other/info"), 404)
    assert "no such job" in refused(client.get("/api/jobs/none"), 404)
    assert "ids go from 0" in refused(client.post("/api/my/export", json={"ids": [10**6]}))


def test_an_image_is_refused_where_the_encoder_reads_none(client: Any) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stream, "PNG")
    told = client.post("/api/my/nearest", files={"image": ("x.png", stream.getvalue())})
    assert "image" in refused(told)
    told = client.post("/api/my/nearest", files={"image": ("x.png", b"no image")})
    assert "image" in refused(told)


def test_names_added_while_it_is_open_are_found(tmp_path: Path) -> None:
    from namebasis.explore.warm import Warm

    space = build_space(["Anna", "Vicki", "Bob"], tmp_path / "s.space", encoder="minilm")
    warm = Warm([tmp_path / "s.space"])
    assert warm.space("s").find("Keisha") is None
    same = warm.space("s")
    assert warm.space("s") is same
    space.add(["Keisha"])
    assert warm.space("s").find("Keisha") == 3
    assert warm.space("s").nearest("Keisha", 1).names


def test_a_job_that_nobody_waits_for_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    from namebasis.explore import jobs

    monkeypatch.setattr(jobs, "PATIENCE", 0.2)
    steps = []

    def work(progress: Any) -> None:
        for step in range(1000):
            progress(step, 1000)
            steps.append(step)
            time.sleep(0.02)

    queue = jobs.Jobs()
    left = queue.start("left", work)
    time.sleep(0.7)
    assert left.state == "cancelled"
    assert len(steps) < 40
    asked = queue.start("asked", work)
    for _ in range(10):
        time.sleep(0.05)
        queue.get(asked.id)
    assert asked.state == "running"
    queue.cancel(asked.id)
    time.sleep(0.2)
    assert asked.state == "cancelled"
    queue.close()


def test_a_job_says_its_step_and_that_it_waits() -> None:
    from namebasis.explore import jobs

    reached, go_on = threading.Event(), threading.Event()

    def work(progress: Any) -> None:
        progress(150, 400)
        reached.set()
        go_on.wait(30)

    queue = jobs.Jobs()
    first = queue.start("card", work, ("contexts", "parts", "axes", "basis"))
    second = queue.start("card", work, ("contexts", "parts", "axes", "basis"))
    assert reached.wait(30)
    assert first.to_dict()["step"] == "parts"
    assert second.to_dict()["state"] == "queued"
    assert "step" not in second.to_dict()
    queue.cancel(second.id)
    go_on.set()
    queue.close()


def test_filters_that_names_are_asked_for_are_answered_but_read_no_file(
    client: Any, space: Space, tmp_path: Path
) -> None:
    where = "similar('an old lady') > 0.2 AND part = 'given'"
    told = client.get("/api/my/ids", params={"where": where}).content
    assert np.frombuffer(told, "<i4").tolist() == space.ids(where).tolist()
    facets = client.get("/api/my/facets", params={"where": where}).json()
    assert next(one for one in facets if one["column"] == "part")["n"] == len(space.ids(where))
    asked = {"columns": "name,similar('Anna') AS near", "sort": "similar('Anna')", "limit": 1,
             "descending": True}  # fmt: skip
    (row,) = client.get("/api/my/names", params=asked).json()["rows"]
    assert row["name"] == "Anna"
    assert row["near"] == pytest.approx(1, abs=1e-5)
    path = tmp_path / "names.txt"
    path.write_text("Anna\n", encoding="utf-8")
    reads = f"in_file('{path}')"
    answers = [
        *(client.get(f"/api/my/{kind}", params={"where": reads})
          for kind in ("ids", "facets", "names", "walk")),
        client.get("/api/my/nearest", params={"q": "Anna", "where": reads}),
        client.get("/api/my/names", params={"columns": f"name,{reads}"}),
        client.get("/api/my/names", params={"sort": reads}),
        client.get("/api/my/table.arrow", params={"columns": reads}),
        client.post("/api/my/basis", json={"q": "Anna", "where": f"NOT {reads}"}),
        client.post("/api/my/export", json={"ids": [0], "format": "csv", "columns": [reads]}),
        client.get("/api/my/ids", params={"where": "similar('/etc/a.png') > 0"}),
    ]  # fmt: skip
    for one in answers:
        assert "only for the command line and Python" in refused(one)
    job = client.post("/api/my/jobs/paint", json={"q": "Anna", "where": reads})
    assert "only for the command line and Python" in refused(job)


def test_an_empty_answer_says_why_it_is_empty(client: Any, space: Space) -> None:
    where = {"where": "part = 'given' AND n_tokens = 99"}
    ends = space.table(["n_tokens"])["n_tokens"].to_numpy()
    said = f"No name passes n_tokens = 99; n_tokens goes from {ends.min()} to {ends.max()}."
    assert client.get("/api/my/names", params=where).json()["why"] == said
    found = client.get("/api/my/nearest", params={"q": "Vicki", **where}).json()
    assert found["result"]["names"] == []
    assert said in found["notes"]
    told = refused(client.post("/api/my/basis", json={"q": "Vicki", **where}))
    assert told.endswith(f"leaves no name. {said}")
    assert "why" not in client.get("/api/my/names").json()


def test_nothing_is_said_in_options_of_the_command_line(client: Any) -> None:
    (told, *_) = client.get("/api/my/nearest", params={"q": "Vicky"}).json()["notes"]
    assert "(or ask for it as text)" in told
    assert "--" not in told
    said = refused(client.get("/api/my/card", params={"name": "Vickii"}))
    assert said.endswith("Give a stored name.")
