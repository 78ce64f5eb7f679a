"""Spaces that are missing, damaged, being built, or change while they are served."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

pytest.importorskip("starlette", reason="needs the extra explore")

from namebasis.errors import SpaceError
from namebasis.explore.warm import Warm
from namebasis.space import Space, build_space
from tests.explore.conftest import TOKEN, finished


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("warm")
    build_space(["Anna", "Vicki", "Bob", "Keisha"], where / "good.space", encoder="minilm")
    return where / "good.space"


@pytest.fixture
def good(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "good.space"))


def asked(paths: list[Path]) -> Any:
    from starlette.testclient import TestClient

    from namebasis.explore.guard import Rules
    from namebasis.explore.server import create_app

    client = TestClient(create_app(Warm(paths), Rules(token=TOKEN)), base_url="http://127.0.0.1")
    client.headers["authorization"] = f"Bearer {TOKEN}"
    return client


def missing(path: Path) -> None:
    shutil.rmtree(path)


def empty(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


def a_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("no space")


def damaged(path: Path) -> None:
    for manifest in (path / "names.lance" / "_versions").iterdir():
        manifest.write_bytes(manifest.read_bytes()[:20])


def foreign(path: Path) -> None:
    import lance

    shutil.rmtree(path)
    lance.write_dataset(pa.table({"x": [1]}), str(path / "names.lance"))


def being_built(path: Path) -> None:
    shutil.rmtree(path)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_space(["Anna", "Bob"], path, encoder="minilm", progress=stop)


@pytest.mark.long
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (missing, "there is no name space"), (empty, "holds no names.lance"),
        (a_file, "not a name space"), (damaged, "damaged"), (foreign, "not one of namebasis"),
        (being_built, "build"),
    ],
)  # fmt: skip
def test_a_space_that_cannot_be_served_is_told_and_the_others_are_served(
    harm: Any, said: str, good: Path, tmp_path: Path
) -> None:
    bad = Path(shutil.copytree(good, tmp_path / "bad.space"))
    harm(bad)
    client = asked([bad, good])
    told = {one["space"]: one for one in client.get("/api/spaces").json()}
    assert told["good"]["n_names"] == 4
    sentence = told["bad"]["error"]
    assert said in sentence
    assert str(tmp_path) not in sentence
    assert "\n" not in sentence
    for path in ("info", "nearest?q=Anna", "map.arrow", "facets", "encoder"):
        refused = client.get(f"/api/bad/{path}")
        assert (refused.status_code, refused.json()["error"]) == (400, sentence)
    assert client.post("/api/bad/jobs/map", json={}).json()["error"] == sentence
    assert client.get("/api/good/nearest?q=Anna&k=1").status_code == 200
    with pytest.raises(SpaceError, match=said):
        Warm([bad])
    # Once it is whole, it is served.
    if bad.is_file():
        bad.unlink()
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(good, bad)
    assert client.get("/api/bad/nearest?q=Anna&k=1").status_code == 200


def test_a_space_that_is_removed_while_it_is_served(good: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(good, tmp_path / "other.space"))
    client = asked([good, other])
    assert client.get("/api/good/nearest?q=Anna&k=1").status_code == 200
    shutil.rmtree(good)
    assert "no name space" in client.get("/api/good/nearest?q=Anna&k=1").json()["error"]
    assert [bool(one.get("error")) for one in client.get("/api/spaces").json()] == [True, False]
    assert client.get("/api/other/nearest?q=Anna&k=1").status_code == 200


def test_names_added_while_the_page_is_open(good: Path) -> None:
    client = asked([good])
    assert "Ayumi" not in client.get("/api/good/names").text
    Space(good).add(["Ayumi"])
    assert [row["name"] for row in client.get("/api/good/names").json()["rows"]][-1] == "Ayumi"
    assert client.get("/api/good/nearest?q=Ayumi&k=1").json()["result"]["kind"] == "stored"


def test_what_needs_no_encoder_works_without_one(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from namebasis.encoders import registry
    from namebasis.errors import EncoderError

    def fails(*_: object, **__: object) -> None:
        raise EncoderError("the weights are gone.")

    monkeypatch.setattr(registry, "load_encoder", fails)
    client = asked([good])
    told = client.get("/api/good/encoder").json()
    assert told == {"encoder": "minilm", "text": False, "images": False,
                    "refusal": "the weights are gone."}  # fmt: skip
    for path in ("names", "nearest?q=Anna&k=2", "nearest?q=Anna+%2B+Bob&k=2", "card?name=Vicki",
                 "facets", "info", "table.arrow?columns=name", "walk?along=1&k=1"):  # fmt: skip
        assert client.get(f"/api/good/{path}").status_code == 200, path
    assert client.post("/api/good/basis", json={"q": "Anna", "n_names": 2}).status_code == 200
    assert client.post("/api/good/export", json={"ids": [1]}).content == b"Vicki\n"
    refused = client.get("/api/good/nearest?q=an+old+lady")
    assert (refused.status_code, "weights are gone" in refused.json()["error"]) == (400, True)


def test_what_the_encoder_reads_is_told(client: Any) -> None:
    assert client.get("/api/my/encoder").json() == {
        "encoder": "minilm", "text": True, "images": False, "refusal": "",
    }  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", ["..space", ".space", "a b.space", "50%.space", "x?y#z.space"])
def test_any_folder_has_a_name_that_can_be_asked(name: str, good: Path, tmp_path: Path) -> None:
    from urllib.parse import quote

    client = asked([Path(shutil.copytree(good, tmp_path / "in" / name))])
    (facts,) = client.get("/api/spaces").json()
    assert facts["space"]
    asked_for = quote(facts["space"], safe="")
    assert client.get(f"/api/{asked_for}/info").json()["path"] == name


def test_a_folder_whose_name_is_no_text(good: Path, tmp_path: Path) -> None:
    import os

    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.space"))
    try:
        shutil.copytree(good, odd)
        client = asked([odd])
    except (OSError, SpaceError, ValueError) as error:
        pytest.skip(f"no such folder can be: {error}")
    assert client.get("/api/spaces").json()[0]["space"] == "\ufffd"


@pytest.mark.long
def test_two_who_ask_at_once_get_their_own_answers(good: Path) -> None:
    """Questions, jobs and their ends of one do not touch the other's."""
    from concurrent.futures import ThreadPoolExecutor

    client = asked([good])
    names = ["Anna", "Vicki", "Bob", "Keisha"]

    def first(name: str) -> str:
        return str(
            client.get("/api/good/nearest", params={"q": name, "k": 3}).json()["result"]["query"]
        )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(first, names * 8)) == names * 8
    question = {"n_names": 1, "n_null": 5, "n_resamples": 2}
    one = client.post("/api/good/jobs/basis", json={"q": "Anna", **question}).json()["id"]
    two = client.post("/api/good/jobs/basis", json={"q": "Bob", **question})
    client.delete(f"/api/jobs/{one}")
    job = finished(client, two)
    assert (job["state"], "Bob" in job["result"]["headline"]) == ("done", True)
