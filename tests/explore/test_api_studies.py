"""The tabs' questions against the results of Python, value by value."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from namebasis.results import plain
from namebasis.space import Space
from tests.explore.conftest import NAMES, finished


def done(client: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    job = finished(client, client.post(path, json=body))
    assert job["state"] == "done", job
    return dict(job["result"])


def test_two_spaces_are_compared_name_by_name(both: Any, space: Space, other: Space) -> None:
    from namebasis.studies.topology.overlap import overlap

    asked = {"other": "other", "k": 4, "n": 50, "where": "part = 'given'"}
    told = done(both, "/api/my/jobs/overlap", asked)
    found = overlap(space, other, k=4, n_shown=50, where="part = 'given'")
    assert told["result"] == plain(found.to_dict())
    assert told["headline"] == found.sentence(("my", "other"))
    shares = [one["share"] for one in told["result"]["lowest"]]
    assert shares == sorted(shares)
    assert len(shares) > 12  # more than a report shows
    names = space.table(["name"], ids=told["ids"]["lowest"])["name"].to_pylist()
    assert names == [one["name"] for one in told["result"]["lowest"]]
    assert "Ben" not in names  # which one side lacks
    # By hand, for one name: the nearest four of the shared names, on either side.
    first = told["result"]["lowest"][0]
    shared = [row["name"] for row in NAMES[3:] if row["part"] == "given"]
    near = []
    for one in (space, other):
        rows = one.rows_of(shared)
        vectors = one.vectors(ids=rows)
        scores = vectors @ vectors[shared.index(first["name"])]
        scores[shared.index(first["name"])] = -2
        near.append({shared[at] for at in np.argsort(-scores)[:4]})
    assert first["share"] == len(near[0] & near[1]) / 4


def test_a_space_is_compared_with_another_view_of_itself(both: Any, space: Space) -> None:
    body = {"other": "my", "other_view": "token", "k": 3}
    told = done(both, "/api/my/jobs/overlap", body)
    assert "nearest to a name in the text view" in told["headline"]
    refused = both.post("/api/my/jobs/overlap", json={"other": "my"})
    assert refused.status_code == 400
    assert "compared with itself" in refused.json()["error"]
    assert both.post("/api/my/jobs/overlap", json={"other": "none"}).status_code == 404


def test_weights_chosen_by_hand_have_the_cosine_of_their_sum(client: Any, space: Space) -> None:
    from namebasis.studies.basis.weighing import weigh

    fit = space.basis("Vicki", 3, n_null=0, n_resamples=0)
    body = {"q": "Vicki", "ids": fit.ids.tolist()}
    told = client.post("/api/my/weigh", json=body).json()
    held = weigh(space, "Vicki", fit.ids)
    assert told == plain(held.to_dict())
    assert told["names"] == list(fit.names)
    assert held.similarity(fit.weights) == pytest.approx(fit.similarity, abs=1e-6)
    assert held.raw_similarity(fit.weights) == pytest.approx(fit.raw_similarity, abs=1e-6)
    mean = space.mean()
    target = space.resolve("Vicki").vector - mean
    summed = np.array([0.2, 0.0, 0.9]) @ (space.vectors(ids=fit.ids) - mean)
    wanted = summed @ target / np.linalg.norm(summed) / np.linalg.norm(target)
    assert held.similarity([0.2, 0.0, 0.9]) == pytest.approx(wanted, abs=1e-6)
    assert math.isnan(held.similarity([0, 0, 0]))
    with pytest.raises(ValueError, match="3 finite numbers"):
        held.similarity([1, 2])


def test_a_painting_is_told_while_it_is_searched(client: Any, space: Space) -> None:
    from namebasis.studies.paint.study import paint
    from namebasis.studies.paint.weights import ready

    body = {
        "q": "a senior lady", "n_names": 2, "template": "{names}, {mood}", "with_negative": True,
        "slots": {"mood": ["happy", "sad"]}, "where": "gender = 'F'", "alternatives": 4,
        "candidates": 8, "beam": 2,
    }  # fmt: skip
    told = done(client, "/api/my/jobs/painting", body)
    options = {key: value for key, value in body.items() if key not in ("q", "n_names")}
    steps: list[Any] = []
    found = paint(space, "a senior lady", 2, watch=steps.append, **options)  # type: ignore[arg-type]
    timeless = [
        json.dumps({**one, "best": None, "curve": None, "alternatives": None, "opposite": None})
        for one in (told["result"], plain(found.to_dict()))
    ]
    assert timeless[0] == timeless[1]
    assert [one["prompt"] for one in told["prompts"]] == [one.prompt for one in found.alternatives]
    assert told["negative"]["prompt"] == found.opposite.best.prompt  # type: ignore[union-attr]
    assert told["negative"]["similarity"] < told["prompts"][-1]["similarity"]
    for shown, blend in zip(told["prompts"], found.alternatives, strict=True):
        for syntax in ("plain", "a1111", "comfyui", "compel", "dynamicprompts"):
            made = ready(space, found, syntax, blend)
            assert shown["forms"][syntax]["prompt"] == made.prompt
            assert shown["forms"][syntax]["similarity"] == pytest.approx(made.similarity)
    # The last that was told of each number of names is what was found, or better than it.
    last = {(one.is_negative, one.n_names): one for one in steps}
    assert last[False, 2].similarity == found.curve[-1].similarity
    assert {one.is_negative for one in steps} == {False, True}


def test_a_job_tells_what_it_has_found_so_far() -> None:
    import threading

    from namebasis.explore.jobs import Jobs

    seen, go = threading.Event(), threading.Event()

    def work(progress: Any) -> str:
        progress(1, 2, ["half"])
        seen.set()
        go.wait(10)
        return "whole"

    jobs = Jobs()
    job = jobs.start("x", work)
    assert seen.wait(10)
    assert job.to_dict()["so_far"] == ["half"]
    go.set()
    jobs.close()


@pytest.mark.long
def test_a_report_is_made_once_and_kept(both: Any, space: Space) -> None:
    params = {"kind": "topology", "where": "part = 'given'"}
    assert both.get("/api/my/report", params=params).json() is None
    told = done(both, "/api/my/jobs/report", params)
    found = space.topology(where="part = 'given'", shape=False, n_resamples=0)
    assert told["headline"] == found.headline()
    assert told["result"]["clusters"] == plain(found.to_dict())["clusters"]
    again = both.get("/api/my/report", params=params).json()
    assert again["when"]
    assert {**again, "when": None} == told
    page = both.get(f"/api/my/reports/{told['page']}")
    assert page.text.startswith("<!DOCTYPE html>")
    policies = page.headers.get_list("content-security-policy")
    assert len(policies) == 1  # two would let nothing through
    assert "sandbox allow-scripts" in policies[0]
    assert "allow-same-origin" not in policies[0]
    assert "default-src 'none'" in policies[0]
    assert both.get("/api/other/reports/" + told["page"]).status_code == 404
    assert both.get("/api/my/reports/..%2F..%2Fetc").status_code == 404
    assert both.get("/api/my/report", params={"kind": "records", "records": "/etc/passwd"}
                    ).status_code == 422  # fmt: skip


def test_terms_and_near_spellings(client: Any, space: Space) -> None:
    from namebasis.terms import sentence

    told = client.get("/api/terms", params={"words": "cosine,by chance,xyzzy"}).json()
    assert told == {word: sentence(word) for word in ("cosine", "by chance", "xyzzy")}
    near = client.get("/api/my/spellings", params={"q": "Vickie"}).json()
    assert near == {"query": "Vickie", "id": None, "near": list(space.near_spellings("Vickie", 6))}
    assert near["near"] == ["Vicki"]
    assert client.get("/api/my/spellings", params={"q": "vicki"}).json()["id"] == space.find(
        "Vicki"
    )


@pytest.mark.long
def test_columns_are_written_when_asked_for(tmp_path: Any, space: Space) -> None:
    from namebasis.space import build_space
    from tests.explore.conftest import asking

    own = build_space(NAMES, tmp_path / "own.space", vectors=space.vectors()[: len(NAMES)])
    found = own.select(4, where="part = 'given'")
    with asking([own.path]) as client:
        question = {"n_names": 4, "where": "part = 'given'"}
        told = done(client, "/api/own/jobs/select", question)
        assert told["result"] == plain(found.to_dict())
        assert "selected_rank" not in client.get("/api/spaces").json()[0]["columns"]
        del client.headers["authorization"]
        assert client.post("/api/own/jobs/selected", json=question).status_code == 401
    with asking([own.path]) as client:
        assert done(client, "/api/own/jobs/selected", question)["headline"] == found.headline()
        facts = client.get("/api/spaces").json()[0]
        assert {"selected_rank", "selected_group"} <= set(facts["columns"])
        params = {"where": "selected_rank >= 1", "sort": "selected_rank", "columns": "name"}
        rows = client.get("/api/own/names", params=params).json()["rows"]
        assert [row["name"] for row in rows] == list(found.names)
    wrong = {"n_names": 4, "objective": "axes", "axes": ["/etc/passwd=2"]}
    with asking([own.path]) as client:
        refused = client.post("/api/own/jobs/select", json=wrong)
        assert refused.status_code == 400
        assert "no axis" in refused.json()["error"]
