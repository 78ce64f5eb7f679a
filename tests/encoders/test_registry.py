"""From a spec to an encoder, and every way in which that can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.encoders.base import length_batches, mean_token_embeddings
from namebasis.encoders.loading import find_source, fingerprint_of, first_line, refusing
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("minilm2", r"Did you mean minilm\? There are: minilm, organism, hf:"),
        ("openclip:ViT-B-32/openai", r"Did you mean open_clip\?"),
        ("bert-base-uncased", r"'bert-base-uncased'\. There are: minilm, organism, hf:REPO"),
        ("minilm:v2", r"unknown encoder 'minilm:v2'\. There are"),
        ("hf:", r"unknown encoder 'hf:'\. There are"),
        ("hf", r"unknown encoder 'hf'\. There are"),
        ("  ", r"an encoder is named by a spec"),
        ("hf:/no/such/folder", r"^hf:/no/such/folder: there is no such folder, and a hub's"),
        ("hf:" + "x" * 5000, r"^hf:x{200}: there is no such folder, and a hub's repository"),
        ("hf:~nobody/model", r"^hf:~nobody/model: there is no such folder"),
        ("hf:a\0b", r"there is no such folder, and a hub's repository is named ORG/NAME"),
        ("diffusers:#text_encoder", r"^diffusers:: there is no such folder"),
        ("hf:too/many/parts", r"there is no such folder, and a hub's repository is named ORG/NAME"),
        ("diffusers:./nowhere#text_encoder", r"^diffusers:\./nowhere: there is no such folder"),
        ("hf:a/b", r"^hf:a/b is not on this machine .*OFFLINE is set\)\. Give a local.*FOLDER$"),
        ("diffusers:a/b", r"Give a local folder instead: diffusers:FOLDER"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_refused_in_one_line(spec: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(spec)
    assert "\n" not in str(caught.value)


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="dtype must be one of float32, float16, bfloat16; got 'f'"
    ):
        load_encoder("minilm", dtype="f")
    with pytest.raises(EncoderError, match="device 'abacus' is unknown; use cpu, cuda"):
        load_encoder("minilm", device="abacus")
    with pytest.raises(EncoderError, match="packaged in one version; leave the revision out"):
        load_encoder("minilm", revision="main")
    with pytest.raises(EncoderError, match="is a folder; a revision is for hub repositories"):
        load_encoder(f"hf:{tmp_path}", revision="main")
    with pytest.raises(EncoderError, match=r"holds no config\.json; give the folder that save_pre"):
        load_encoder(f"hf:{tmp_path}")
    (tmp_path / "weights.bin").touch()
    with pytest.raises(EncoderError, match="is a file; give the folder that holds the model"):
        load_encoder(f"hf:{tmp_path / 'weights.bin'}")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(EncoderError, match=r"device 'cuda' cannot be used .*; use cpu"):
        load_encoder("minilm", device="cuda")


@pytest.mark.long
def test_an_unreachable_hub_is_told_in_one_line(tmp_path: Path) -> None:
    """A refused connection: no warning, no log of retries, and the remedy."""
    code = (
        "import sys, namebasis\n"
        "from namebasis.errors import EncoderError\n"
        "for spec in sys.argv[1:]:\n"
        "  try: namebasis.load_encoder(spec)\n"
        "  except EncoderError as error: print(error)\n"
    )
    specs = ["hf:a/b", "diffusers:a/b", "open_clip:ViT-B-32/openai", "open_clip:hf-hub:a/b"]
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *specs],
        capture_output=True, text=True, check=True, env={**os.environ, **hub},
    )  # fmt: skip
    assert done.stderr == ""
    remedies = [
        "hf:FOLDER",
        "diffusers:FOLDER",
        "open_clip:ViT-B-32/openai@FILE",  # with the tag: it says how the weights were trained
        "local-dir:FOLDER",
    ]
    for spec, remedy, message in zip(specs, remedies, done.stdout.splitlines(), strict=True):
        assert message.startswith(spec)
        assert "http://127.0.0.1:9 cannot be reached" in message
        assert message.endswith(remedy)


class Response:
    def __init__(self, status_code: int) -> None:
        self.status_code, self.headers, self.request = status_code, {}, None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("RevisionNotFoundError", r"^hf:a/b has no revision 'v9'"),
        ("GatedRepoError", r"asks for its terms to be accepted .* a local folder works too"),
        ("RepositoryNotFoundError", r"no such public repository, and there is no such folder"),
        ("LocalEntryNotFoundError", r"is not on this machine and .* cannot be reached"),
    ],
)
def test_what_the_hub_answers_is_told(
    monkeypatch: pytest.MonkeyPatch, error: str, message: str
) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    kind = getattr(errors, error)

    def answer(*args: Any, **kwargs: Any) -> str:
        is_http = issubclass(kind, errors.HfHubHTTPError)
        raise kind("first\nsecond", response=Response(404)) if is_http else kind("first\nsecond")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder("hf:a/b", revision="v9")
    assert "\n" not in str(caught.value)


def test_only_what_is_needed_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Groups of patterns are tried until one finds safetensors."""
    import huggingface_hub

    asked: list[tuple[str, list[str], str | None]] = []

    def answer(repository: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repository, allow_patterns, revision))
        if "part/b.safetensors" in allow_patterns:
            (tmp_path / "part").mkdir()
            (tmp_path / "part" / "b.safetensors").touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)
    (tmp_path / "elsewhere.safetensors").touch()  # another model's, in the same cache
    groups = [["a.safetensors"], ["part/b.safetensors"], ["c.bin"]]
    found = find_source("hf", "org/name", groups, "v1")
    assert asked == [("org/name", group, "v1") for group in groups[:2]]
    assert (found.folder, found.spec) == (tmp_path, "hf:org/name")
    assert found.revision == tmp_path.name  # the hub's client names snapshots by their commit


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("weights\nmore"), r"^x cannot be read: 'weights"),
        (
            ImportError("needs sentencepiece.\nmore"),
            r"^x needs a library more: needs sentencepiece$",
        ),
        (EncoderError("as it is"), r"^as it is$"),
    ],
)
def test_library_errors_become_one_line(error: Exception, message: str) -> None:
    with pytest.raises(EncoderError, match=message) as caught, refusing("x"):
        raise error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "advice",
    [
        "Weights only load failed. (1) Re-running `torch.load` with `weights_only` set to `False`",
        "Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``.",
        "Object arrays cannot be loaded when allow_pickle=False",
        "The repository x contains custom code.\nPlease pass the argument `trust_remote_code=True`",
        "use torch.serialization.add_safe_globals([Thing])",
    ],
)
@pytest.mark.parametrize("kind", [ValueError, RuntimeError, OSError, ImportError])
def test_advice_to_run_what_a_file_holds_is_not_passed_on(
    advice: str, kind: type[Exception]
) -> None:
    with pytest.raises(EncoderError, match=r"code.*never run") as caught, refusing("x"):
        raise kind(advice)
    for word in ("weights_only", "allow_pickle", "trust_remote_code", "safe_globals", "torch.load"):
        assert word not in str(caught.value)


def test_first_line_never_is_empty() -> None:
    assert first_line(ValueError("\n  first.  \nsecond")) == "first"
    assert first_line(ValueError("In loading:\n\tMissing:\n a\n b")) == "In loading: Missing: a"
    assert first_line(ValueError("Nothing follows:\n")) == "Nothing follows"
    assert first_line(ValueError()) == "ValueError"
    assert len(first_line(ValueError("x" * 9999))) == 300


def test_fingerprints_tell_every_difference() -> None:
    base = {"a": torch.zeros(2, 3), "b": torch.ones(2, dtype=torch.bfloat16)}
    same = {"b": base["b"].clone(), "a": torch.zeros(3, 2).T}
    assert fingerprint_of(base) == fingerprint_of(same)
    others = [
        {**base, "a": torch.zeros(3, 2)},
        {**base, "a": torch.zeros(2, 3, dtype=torch.int32)},
        {**base, "a": torch.tensor([[0.0, 0, 0], [0, 0, 1]])},
        {"A": base["a"], "b": base["b"]},
        {"a": base["a"]},
    ]
    assert len({fingerprint_of(state) for state in (base, *others)}) == 6


def test_length_batches_cover_every_row_once() -> None:
    lengths = np.array([3, 1, 3, 2, 1, 3, 9])
    batches = list(length_batches(lengths, None, 6))
    assert sorted(np.concatenate(batches)) == list(range(7))
    assert [list(lengths[rows]) for rows in batches] == [[1, 1], [2], [3, 3], [3], [9]]
    assert [len(rows) for rows in length_batches(lengths, 2, 10**9)] == [2, 1, 2, 1, 1]


def test_means_of_no_pieces_are_zero() -> None:
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    means = mean_token_embeddings(table, [[0, 3], [], [2], np.array([1, 1, 2])])
    expected = [[4.5, 5.5, 6.5], [0, 0, 0], [6, 7, 8], [4, 5, 6]]
    np.testing.assert_allclose(means, expected)
    assert mean_token_embeddings(table, []).shape == (0, 3)
