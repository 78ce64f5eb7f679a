"""Builds: what is stored, going on after a stop, replacing, adding."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import CorpusError, EncoderError, SpaceError
from namebasis.namespace.building import build
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.store import pins
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.locks import locked
from namebasis.namespace.store.provenance import corpus_digest
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus


def digest(folder: Path) -> dict[str, str]:
    """Content of every file below a folder, lock files left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def assert_same_space(one: Space, other: Space) -> None:
    assert one.table().equals(other.table())
    for view in one.views:
        np.testing.assert_allclose(one.vectors(view), other.vectors(view), atol=1e-6)
        np.testing.assert_allclose(one.mean(view), other.mean(view), atol=1e-6)


class TestRows:
    def test_they_are_the_corpus_in_order_with_vectors_over_the_templates(
        self, space: Space, names: Names, encoder: FakeEncoder
    ) -> None:
        assert space.table(["name"])["name"].to_pylist() == names.strings
        assert space.table(["id"])["id"].to_pylist() == list(range(len(names)))
        templates = space.provenance.templates
        assert len(templates) == 4
        mean = np.mean([encoder.encode_names(names.strings, t) for t in templates], axis=0)
        length = np.linalg.norm(mean, axis=1)
        np.testing.assert_allclose(space.vectors(), mean / length[:, None], atol=1e-6)
        spread = space.table(["template_spread"])["template_spread"].to_numpy()
        np.testing.assert_allclose(spread, 1 - length, atol=1e-6)

    def test_token_facts(self, space: Space, names: Names, encoder: FakeEncoder) -> None:
        tokens = encoder.token_embeddings(names.strings)
        norms = np.linalg.norm(tokens, axis=1)
        np.testing.assert_allclose(space.vectors("token"), tokens / norms[:, None], atol=1e-6)
        np.testing.assert_allclose(space.table(["token_norm"])["token_norm"], norms, rtol=1e-6)
        counts = space.table(["n_tokens"])["n_tokens"].to_pylist()
        assert counts == encoder.count_tokens(names.strings).tolist()

    def test_one_template_has_no_spread(self, tmp_path, names, encoder) -> None:
        space = build_space(names, tmp_path / "p", encoder=encoder, templates="plain")
        spread = space.table(["template_spread"])["template_spread"].to_numpy()
        np.testing.assert_allclose(spread, 0, atol=1e-6)

    def test_an_encoder_without_token_embeddings_has_no_token_view(self, tmp_path, names) -> None:
        encoder = FakeEncoder()
        encoder.token_dim = 0
        space = build_space(names, tmp_path / "t", encoder=encoder)
        assert space.views == ("text",)
        assert "token_norm" not in space.columns

    @pytest.mark.parametrize("view", ["text", "token"])
    def test_the_mean_is_that_of_the_stored_vectors(self, space: Space, view: str) -> None:
        np.testing.assert_allclose(space.mean(view), space.vectors(view).mean(axis=0), atol=1e-6)

    def test_chunks_and_sub_batches_change_nothing(
        self, tmp_path, space: Space, names, encoder, monkeypatch
    ) -> None:
        monkeypatch.setattr(build, "CHUNK", 7)
        monkeypatch.setattr("namebasis.namespace.building.encode.SUB_BATCH", 3)
        assert_same_space(build_space(names, tmp_path / "b", encoder=encoder), space)

    def test_each_chunk_is_appended_to_the_version_before_it(
        self, tmp_path, names, encoder, monkeypatch
    ) -> None:
        """From an older one, Lance compares with all since, so that n chunks cost n² looks."""
        monkeypatch.setattr(build, "CHUNK", 16)
        behind: list[int] = []
        write = lance.write_dataset

        def watched(rows: object, to: object, **how: object) -> object:
            if how.get("mode") == "append":
                behind.append(to.latest_version - to.version)
            return write(rows, to, **how)

        monkeypatch.setattr(lance, "write_dataset", watched)
        build_space(names, tmp_path / "b", encoder=encoder)
        assert behind == [0, 0, 0, 0]

    def test_progress_rises_to_the_number_of_names(
        self, tmp_path, names, encoder, monkeypatch
    ) -> None:
        monkeypatch.setattr(build, "CHUNK", 16)
        seen: list[tuple[int, int]] = []
        build_space(
            names, tmp_path / "b", encoder=encoder, progress=lambda *pair: seen.append(pair)
        )
        assert seen == sorted(seen)
        assert seen[-1] == (60, 60)
        assert {total for _, total in seen} == {60}


class TestAgain:
    def test_a_finished_build_is_opened_without_encoding(self, tmp_path, names, encoder) -> None:
        build_space(names, tmp_path / "a", encoder=encoder)
        before, calls = digest(tmp_path / "a"), encoder.calls
        assert len(build_space(names, tmp_path / "a", encoder=encoder)) == 60
        assert encoder.calls == calls
        assert digest(tmp_path / "a") == before

    @pytest.mark.parametrize(
        ("change", "what"),
        [
            ({"names": corpus(59)}, "corpus, n_names"),
            ({"encoder": FakeEncoder(salt="x")}, "fingerprint"),
            ({"templates": "plain"}, "templates"),
            ({"seed": 1}, "seed"),
        ],
    )
    def test_another_job_at_the_same_path_is_refused(
        self, space: Space, names, encoder, change, what: str
    ) -> None:
        before = digest(space.path)
        arguments = {"names": names, "encoder": encoder} | change
        with pytest.raises(SpaceError, match=rf"exists there \(it differs in {what}\)"):
            build_space(path=space.path, **arguments)
        assert digest(space.path) == before

    @pytest.mark.parametrize(
        ("n_names", "seconds", "expected"),
        [(256, 30, 256), (256, 300, 25), (25, 30, 25), (256, 0.01, 4096), (1, 999, 1)],
    )
    def test_a_commit_takes_about_half_a_minute(
        self, n_names: int, seconds: float, expected: int
    ) -> None:
        assert build._next_size(n_names, seconds) == expected

    def test_a_slow_encoder_commits_often(self, tmp_path, space: Space, names, monkeypatch) -> None:
        monkeypatch.setattr(build, "FIRST_CHUNK", 10)
        monkeypatch.setattr(build, "COMMIT_SECONDS", 0.0)

        class Breaks(FakeEncoder):
            def pieces(self, texts):
                if names.strings[12] in texts:
                    raise KeyboardInterrupt
                return super().pieces(texts)

        with pytest.raises(KeyboardInterrupt):
            build_space(names, tmp_path / "b", encoder=Breaks())
        assert Store(tmp_path / "b").n_rows == 12  # ten at first, then one by one
        assert_same_space(build_space(names, tmp_path / "b", encoder=FakeEncoder()), space)

    @pytest.mark.parametrize("stop", [1, 3, 6])
    def test_a_stopped_build_goes_on_where_it_stood(
        self, tmp_path, space: Space, names, monkeypatch, stop: int
    ) -> None:
        monkeypatch.setattr(build, "CHUNK", 10)

        class Breaks(FakeEncoder):
            def pieces(self, texts):
                self.calls += 1000
                if self.calls >= stop * 1000:
                    raise KeyboardInterrupt
                return super().pieces(texts)

        path = tmp_path / "b"
        with pytest.raises(KeyboardInterrupt):
            build_space(names, path, encoder=Breaks())
        done = (stop - 1) * 10
        with pytest.raises(SpaceError, match=rf"stopped after {done} of 60 .* same build again"):
            open_space(path)
        with pytest.raises(SpaceError, match="another space was begun there"):
            build_space(names, path, encoder=FakeEncoder(), seed=9)
        seen: list[int] = []
        again = build_space(
            names, path, encoder=FakeEncoder(), progress=lambda n, _: seen.append(n)
        )
        assert min(seen) > done
        assert_same_space(again, space)

    def test_a_stop_before_the_first_commit_leaves_nothing_in_the_way(
        self, tmp_path, names, encoder
    ) -> None:
        (tmp_path / "b" / "names.lance" / "data").mkdir(parents=True)
        assert len(build_space(names, tmp_path / "b", encoder=encoder)) == 60

    def test_the_digest_of_a_corpus_ignores_how_it_is_cut(self) -> None:
        table = corpus().table
        cut = pa.concat_tables([table.slice(0, 7), table.slice(7, 30), table.slice(37)])
        assert corpus_digest(cut) == corpus_digest(table)
        assert corpus_digest(corpus(61).table.slice(0, 60)) == corpus_digest(table)
        swapped = table.take(pa.array([1, 0, *range(2, 60)]))
        assert corpus_digest(swapped) != corpus_digest(table)
        counts = table.set_column(5, table.schema.field(5), pa.nulls(60, pa.int64()))
        assert corpus_digest(counts) != corpus_digest(table)


class TestOverwrite:
    def test_the_old_space_answers_until_the_new_one_is_done(
        self, space: Space, names, encoder
    ) -> None:
        before = digest(space.path)

        class Looks(FakeEncoder):
            def pieces(self, texts):
                assert digest(space.path) == before
                return super().pieces(texts)

        new = build_space(corpus(30), space.path, encoder=Looks(salt="n"), overwrite=True)
        assert (len(new), len(open_space(space.path))) == (30, 30)
        # The old one is open here, so it is kept, and goes with the next write after that.
        beside = {entry.name for entry in space.path.parent.iterdir()} - {space.path.name}
        assert (len(space.table()), beside) == (60, {".a.space.replaced"})

    def test_a_stopped_replacement_leaves_the_old_space_and_goes_on(
        self, space: Space, encoder, monkeypatch
    ) -> None:
        monkeypatch.setattr(build, "CHUNK", 10)
        before = digest(space.path)

        class Breaks(FakeEncoder):
            def pieces(self, texts):
                self.calls += 1000
                if self.calls > 2000:
                    raise KeyboardInterrupt
                return super().pieces(texts)

        with pytest.raises(KeyboardInterrupt):
            build_space(corpus(50), space.path, encoder=Breaks(), overwrite=True)
        assert digest(space.path) == before
        seen: list[int] = []
        new = build_space(
            corpus(50), space.path, encoder=encoder, overwrite=True,
            progress=lambda n, _: seen.append(n),
        )  # fmt: skip
        assert len(new) == 50
        assert min(seen) >= 10

    @pytest.mark.long
    @pytest.mark.parametrize("renames", [0, 1, 2])
    @pytest.mark.parametrize("is_read", [False, True])
    def test_a_swap_killed_at_any_step_loses_neither(
        self, tmp_path: Path, encoder, monkeypatch, renames: int, is_read: bool
    ) -> None:
        path = tmp_path / "a.space"
        build_space(corpus(60), path, encoder=encoder)
        reader = open_space(path) if is_read else None
        real, left = os.rename, renames

        def rename(source, target):
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            real(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", rename)
            patch.setattr(pins.shutil, "rmtree", lambda *_, **__: None)
            if renames < 2 or is_read:  # what is read is set aside by a third
                with pytest.raises(KeyboardInterrupt):
                    build_space(corpus(30), path, encoder=encoder, overwrite=True)
            else:
                build_space(corpus(30), path, encoder=encoder, overwrite=True)
        assert len(open_space(path)) == (30 if renames == 2 else 60)
        done = build_space(corpus(30), path, encoder=encoder, overwrite=True)
        assert len(done) == 30
        if reader is not None:
            assert len(reader.table()) == 60
            del reader, done
            build_space(corpus(40), path, encoder=encoder, overwrite=True)
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]

    def test_a_folder_or_file_that_is_no_space_is_never_replaced(
        self, tmp_path, names, encoder
    ) -> None:
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
        (tmp_path / "file").write_text("x")
        with pytest.raises(SpaceError, match=r"not a name space; it holds 'chapter.txt'"):
            build_space(names, tmp_path / "thesis", encoder=encoder, overwrite=True)
        with pytest.raises(SpaceError, match="is a file; a space needs a folder"):
            build_space(names, tmp_path / "file", encoder=encoder, overwrite=True)
        assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


class TestRefused:
    def test_an_empty_corpus(self, tmp_path, encoder) -> None:
        with pytest.raises(CorpusError, match="holds no name"):
            build_space(make_names([]), tmp_path / "e", encoder=encoder)
        assert not (tmp_path / "e").exists()

    def test_an_encoder_that_reads_no_text(self, tmp_path, names, encoder) -> None:
        encoder.has_text = False
        with pytest.raises(EncoderError, match="fake does not read text"):
            build_space(names, tmp_path / "e", encoder=encoder)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (lambda n: np.full((n, 16), np.nan), "finite; 60 of its rows are not"),
            (lambda n: np.ones((n, 15)), "must have 16 columns; got 15"),
            (lambda n: np.ones((n - 1, 16)), "gave 59 vectors for 60 names"),
        ],
    )
    def test_vectors_that_cannot_be_stored(self, tmp_path, names, encoder, rows, message) -> None:
        encoder.encode_names = lambda strings, template: rows(len(strings))
        with pytest.raises(EncoderError, match=message):
            build_space(names, tmp_path / "e", encoder=encoder)

    def test_templates_that_cancel_out(self, tmp_path, names, encoder) -> None:
        sign = {"{}": 1, "no {}": -1}
        encoder.encode_names = lambda strings, t: sign[t] * np.eye(16)[np.zeros(len(strings), int)]
        with pytest.raises(EncoderError, match="'Vicki' cancel out"):
            build_space(names, tmp_path / "e", encoder=encoder, templates=["{}", "no {}"])

    def test_a_second_writer_waits_for_nothing(self, space: Space, names, encoder) -> None:
        with locked(space.path):
            for write in (
                lambda: build_space(names, space.path, encoder=encoder),
                lambda: add_names(space, names),
                lambda: space.add_metrics(
                    pa.table({"id": [1], "x": [1]}), study="s", parameters={}
                ),
            ):
                with pytest.raises(SpaceError, match="another process is writing"):
                    write()
        assert len(build_space(names, space.path, encoder=encoder)) == 60


class TestAdd:
    def test_new_names_are_appended_and_found_at_once(
        self, space: Space, encoder, monkeypatch
    ) -> None:
        monkeypatch.setattr(build, "CHUNK", 3)
        more = make_names(
            [
                {"name": "Vicki", "part": "given"},
                {"name": "Vicki", "part": "family", "locales": ["de_DE"]},
                *({"name": f"New{c}", "part": "given"} for c in "abcdefg"),
            ]
        )
        grown = add_names(space, more)
        assert len(grown) == 68
        assert grown.table(["id"])["id"].to_pylist() == list(range(68))
        shared = ["piece_names", "same_pieces"]  # new names change these for the old ones
        old = grown.table().slice(0, 60).drop_columns(shared)
        assert old.equals(space.table().drop_columns(shared))
        np.testing.assert_array_equal(grown.vectors()[:60], space.vectors())
        row = grown.find("newd")
        hit = grown.nearest(grown.vectors(ids=[row])[0], 1)
        assert hit.names == ("Newd",)
        np.testing.assert_allclose(grown.mean(), grown.vectors().mean(axis=0), atol=1e-6)
        whole = build_space(
            make_names([*corpus().table.to_pylist(), *more.table.to_pylist()]),
            space.path.parent / "whole",
            encoder=encoder,
        )
        np.testing.assert_allclose(whole.vectors(), grown.vectors(), atol=1e-6)

    def test_nothing_new_adds_nothing(self, space: Space, names) -> None:
        before = digest(space.path)
        assert len(add_names(space, names)) == 60
        assert digest(space.path) == before

    def test_rows_that_a_killed_add_left_unsummed_are_in_the_mean(
        self, space: Space, monkeypatch
    ) -> None:
        def killed(store):
            raise KeyboardInterrupt

        monkeypatch.setattr(build, "note_sums", killed)
        with pytest.raises(KeyboardInterrupt):
            add_names(space, make_names([{"name": "Late", "part": "given"}]))
        opened = open_space(space.path)
        assert len(opened) == 61
        np.testing.assert_allclose(opened.mean(), opened.vectors().mean(axis=0), atol=1e-6)

    def test_another_encoder_is_refused_and_nothing_changes(self, space: Space) -> None:
        before = digest(space.path)
        with pytest.raises(EncoderError, match="other weights"):
            add_names(
                space, make_names([{"name": "X", "part": "given"}]), encoder=FakeEncoder(salt="y")
            )
        assert digest(space.path) == before

    def test_an_index_far_behind_is_renewed(self, space: Space, monkeypatch) -> None:
        monkeypatch.setattr(build, "CHUNK", 4)
        names = make_names([{"name": f"New{c}", "part": "given"} for c in "abcdefgh"])
        assert add_names(space, names).index().n_rows == 68

    def test_metrics_of_new_rows_are_null(self, space: Space) -> None:
        space.add_metrics(
            pa.table({"id": np.arange(60), "score": np.ones(60)}), study="s", parameters={}
        )
        grown = add_names(space, make_names([{"name": "Late", "part": "given"}]))
        assert grown.table(["score"])["score"].to_pylist() == [1.0] * 60 + [None]


def test_token_facts_are_columns_and_follow_added_names(space: Space) -> None:
    before = space.table(["name", "pieces", "n_tokens", "same_pieces", "piece_names"]).to_pylist()
    assert all(row["n_tokens"] == len(row["pieces"]) for row in before)
    kings = [row["same_pieces"] for row in before if row["name"] == "King"]
    assert kings == [1, 1]
    grown = add_names(space, make_names([{"name": "King", "part": "pseudo"}]))
    after = grown.table(["same_pieces", "piece_names"], where="name = 'King'").to_pylist()
    assert [row["same_pieces"] for row in after] == [2, 2, 2]
    assert min(row["piece_names"] for row in after) >= 3


def test_own_columns_of_a_table_come_into_the_space_and_can_be_asked_for(
    tmp_path: Path, encoder: FakeEncoder
) -> None:
    from namebasis.namespace.corpus.sources import read_names

    (tmp_path / "a.csv").write_text("name,fame,team\nAna,5,Red\nBo,7,Blue\n")
    (tmp_path / "b.csv").write_text("name,fame,shoe\nCy,tall,40\nDi,8,41\n")
    space = build_space(read_names(tmp_path / "a.csv"), tmp_path / "a.space", encoder=encoder)
    assert space.table(["name"], where="fame > 5 AND team = 'Blue'")["name"].to_pylist() == ["Bo"]
    more = add_names(space, read_names(tmp_path / "b.csv"), encoder=encoder)
    # A value that is no number is none in a column of numbers; a new column is empty for the old.
    assert more.table(["name", "fame", "team", "shoe"]).to_pylist() == [
        {"name": "Ana", "fame": 5, "team": "Red", "shoe": None},
        {"name": "Bo", "fame": 7, "team": "Blue", "shoe": None},
        {"name": "Cy", "fame": None, "team": None, "shoe": 40},
        {"name": "Di", "fame": 8, "team": None, "shoe": 41},
    ]
    assert more.table(["name"], where="shoe > 40")["name"].to_pylist() == ["Di"]
    assert len(more.ids("shoe IS NULL")) == 2
    (tmp_path / "c.csv").write_text("name,fame,hubness\nEd,11.0,3\nBo,1,1\n")
    last = add_names(more, read_names(tmp_path / "c.csv"), encoder=encoder)
    assert last.table(["name", "fame"], where="fame > 10").to_pylist() == [
        {"name": "Ed", "fame": 11}
    ]
