"""The arrangement of single pictures, where people and their contexts are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import SpaceError
from namebasis.space import Space
from tests.test_cli import run


def test_clusters_of_pictures_follow_whose_they_are(
    space: Space, made: tuple[Path, dict[str, str]]
) -> None:
    found = space.topology(pictures=True, k=6, min_cluster_size=4, n_resamples=0, shape=False)
    pictures = space.pictures()
    owners = pictures.owners[found.ids]
    assert len(found) == len(pictures) == 132
    assert list(found.names) == space.table(["name"], ids=owners)["name"].to_pylist()
    (first,) = (row for row in found.agreement if row.label == "name")
    assert first.beyond_chance is not None
    assert first.beyond_chance > 0.6
    assert "Clusters follow the name of pictures" in found.headline()
    # A person always seen in one context is one cluster, in which most pictures are of the name.
    labels = found.labels
    for name, kind in made[1].items():
        if kind == "D":
            own = labels[np.array(found.names) == name]
            assert (own == np.bincount(own[own >= 0]).argmax()).mean() >= 0.8
    rows = pictures.vectors()[0]
    for cluster, shown in enumerate(found.shown):  # type: ignore[attr-defined]
        members = np.flatnonzero(labels == cluster)
        mine = rows[found.ids[members]]
        assert shown[0] == members[np.argmax((mine @ mine.sum(axis=0)).round(5))]
        assert (labels[list(shown)] == cluster).all()
    table = found.to_arrow()
    assert table.column_names[:3] == ["picture", "name", "path"]


@pytest.mark.long
def test_its_page_shows_the_clusters_and_what_cannot_be_is_refused(
    made: tuple[Path, dict[str, str]], tmp_path: Path, space: Space
) -> None:
    words = ("topology", str(made[0] / "a.space"), "--pictures", "--n-resamples", "0",
             "--no-shape", "-q", "-k", "6")  # fmt: skip
    done = run(*words, "--min-cluster-size", "4", "--html", "t.html", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["n_pictures"], told["parameters"]["view"]) == (132, "image")
    page = (tmp_path / "t.html").read_text(encoding="utf-8")
    shown = sum(min(one["size"], 8) for one in told["clusters"])
    assert page.count('src="data:image/jpeg') == shown > 20
    assert "How pictures are arranged" in page
    assert Path(told["clusters"][0]["medoid"]).is_file()
    assert "default-src 'none'" in page  # the browser itself refuses any request
    for more in (["--write"], ["--without-spelling"], ["--compare", "a.space"]):
        refused = run(*words, *more, cwd=tmp_path)
        assert refused.returncode == 1
        assert "--pictures arranges pictures by themselves" in refused.stderr
    with pytest.raises(ValueError, match=r"pictures have the view image, .*; got 'token'"):
        space.topology(pictures=True, view="token")
    with pytest.raises(SpaceError, match=r"at least 3 pictures of stored names; .* has 0 of names"):
        space.topology(pictures=True, where="false")
