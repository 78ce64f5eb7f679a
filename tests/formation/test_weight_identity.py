"""Writers of own directions: they add up, and what is known of a tower comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.analysis.intervals import mean_interval
from namebasis.encoders.base import Encoder
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.formation.checkpoints import CheckpointError
from namebasis.formation.truth import Known, Truth
from namebasis.formation.weight_identity.stream import NotLinearError, Stream
from namebasis.formation.weight_identity.study import identity_in_weights
from namebasis.formation.weight_identity.writer_results import SOURCES
from namebasis.formation.weight_identity.writers import prompts_of, write_pairs
from namebasis.studies.identity.swaps import measure
from tests.encoders.conftest import tiny

__all__ = ["tiny"]

PAIRS = [("Anna", "Vicki"), ("Vic", "Kina"), ("Anna", "Naan")]
PARTNERS = ([f"Ann{c}" for c in "aeiouklm"], [f"Vic{c}" for c in "aeiouklm"])
TEMPLATE = "a photo of {} laughing"


@pytest.fixture(scope="module", params=["hf:clip", "open_clip:local-dir:open_clip"])
def encoder(request: pytest.FixtureRequest, tiny: Any) -> Encoder:
    kind, _, model = request.param.rpartition(":")
    return load_encoder(f"{kind}:{tiny(model)}")


def test_writers_add_up_to_the_pooled_row(encoder: Encoder) -> None:
    stream = Stream(encoder)
    ids, sources = prompts_of(encoder, stream, PAIRS, TEMPLATE)
    assert [sorted(set(one.tolist())) for one in sources] == [[0, 1, 2, 3]] * 3
    found = stream.run(ids, sources, 4)
    rows = encoder.encode_text([TEMPLATE.format(" ".join(pair)) for pair in PAIRS])
    np.testing.assert_allclose(found.rows, rows, atol=2e-6)
    everywhere = np.eye(rows.shape[1], dtype=np.float32)
    readers = stream.readers(everywhere)
    total = np.einsum("nlhsk,dlhk->nd", found.heads, readers.heads)
    total += (found.mlps.sum(axis=(1, 2)) + found.embedding.sum(axis=1)) @ readers.stream.T
    total += found.scales @ readers.biases.T
    np.testing.assert_allclose(total, rows, atol=1e-5)


def test_shares_along_the_own_direction_add_up_to_its_length(encoder: Encoder) -> None:
    own = measure(encoder, PAIRS, PARTNERS, [TEMPLATE]).own
    found = write_pairs(encoder, PAIRS, PARTNERS, TEMPLATE)
    np.testing.assert_allclose(found.length, own.length, rtol=1e-4)
    np.testing.assert_allclose(found.score, own.score, rtol=1e-4)
    expected = own.remainder / own.length[:, None]
    np.testing.assert_allclose(found.directions, expected, atol=1e-4)
    written = found.heads.sum(axis=(1, 2, 3)) + found.mlps.sum(axis=(1, 2))
    np.testing.assert_allclose(
        written + found.embedding.sum(axis=1) + found.biases, found.length, rtol=1e-4, atol=1e-6
    )


def test_what_comes_from_a_token_without_an_embedding_is_nothing(tiny: Any) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    stream = Stream(encoder)
    ids, sources = prompts_of(encoder, stream, [("Anna", "Gus")], "{} hi")
    given = [token for token, source in zip(ids[0], sources[0], strict=True) if source == 1]
    rest = [token for token, source in zip(ids[0], sources[0], strict=True) if source != 1]
    assert not set(given) & set(rest)
    embeddings = encoder.model.text_model.embeddings  # type: ignore[attr-defined]
    with torch.no_grad():
        embeddings.token_embedding.weight[given] = 0
    found = Stream(encoder).run(ids, sources, 4)
    written = [np.abs(found.heads[..., at, :]).max() for at in range(5)]
    written_by_mlps = [np.abs(found.mlps[:, :, at]).max() for at in range(5)]
    assert (written[1], written_by_mlps[1]) == (0, 0)
    assert min(written[0], written[2], written[3], written[4]) > 1e-3
    assert min(written_by_mlps[0], *written_by_mlps[2:]) > 1e-3
    # Biases and positions alone make what is constant.
    with torch.no_grad():
        embeddings.position_embedding.weight.zero_()
        for key, parameter in encoder.model.named_parameters():  # type: ignore[attr-defined]
            if key.startswith("text_model.") and key.endswith("bias"):
                parameter.zero_()
    found = Stream(encoder).run(ids, sources, 4)
    assert not found.heads[..., 4, :].any()
    assert not found.mlps[:, :, 4].any()
    assert found.heads[..., 2, :].any()


def test_an_mlp_that_is_silenced_writes_nothing_and_the_others_all(tiny: Any) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    layers = encoder.model.text_model.encoder.layers  # type: ignore[attr-defined]
    with torch.no_grad():
        layers[0].mlp.fc2.weight.zero_()
        layers[0].mlp.fc2.bias.zero_()
        layers[1].self_attn.out_proj.weight[:, :16].zero_()
    found = write_pairs(encoder, PAIRS, PARTNERS, TEMPLATE)
    assert not found.heads[:, 1, 0].any()
    assert not found.mlps[:, 0].any()
    assert found.heads[:, 1, 1:].any(axis=(1, 2)).all()
    assert found.mlps[:, 1].all()


def test_what_cannot_be_said_is_said(tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(NotLinearError, match="not a sum of what heads and MLPs write"):
        Stream(load_encoder("minilm"))
    with pytest.raises(NotLinearError, match="a SiglipModel is not one of CLIP"):
        Stream(load_encoder(f"hf:{tiny('siglip')}"))
    with pytest.raises(EncoderError, match="is longer than the 24 tokens"):
        write_pairs(load_encoder(f"hf:{tiny('clip')}"), [("Anna", "Vicki " * 20)], PARTNERS)
    # A name that is left out is no result either.
    with pytest.raises(CheckpointError, match="none of 1 checkpoint can be used"):
        identity_in_weights("minilm", ["Vicki Stone", "Vicki"])


def test_means_per_kind_stand_beside_those_of_names_that_nobody_bears(tiny: Any) -> None:
    names = [f"{first} {last}" for first in ("Anna", "Vic") for last in ("Kina", "Naan", "Vicki")]
    known = {name: Known(name, "C") for name in names} | {"Na Ki": Known("Na Ki", "N")}
    found = identity_in_weights(
        f"hf:{tiny('clip')}", truth=Truth(known), n_swaps=12, n_null=20, seed=1
    )
    (one,) = found.writers
    n = len(names)
    assert one.names[:n] == tuple(names)
    assert set(one.kinds) == {"C", "recombined", "never seen"}
    assert not {*one.names[n:]} & {*names}
    np.testing.assert_allclose(one.shares.sum(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(one.from_sources.sum(axis=1), 1, atol=1e-4)
    kinds, heaviest, by_name = one.tables()
    given = one.from_sources[:n, SOURCES.index("given")]
    assert kinds.rows[0][:2] == ("C", n)
    assert kinds.rows[0][3] == pytest.approx(given.mean())
    interval = mean_interval(given)
    assert kinds.rows[0][4] == f"{interval.low:.3f} to {interval.high:.3f}"
    mean = one.shares[:n].mean(axis=0)
    best = int(mean.argmax())
    assert heaviest.rows[0][1:3] == (" ".join(one.labels[best]), pytest.approx(mean[best]))
    assert heaviest.rows[0][4] == pytest.approx(one.shares[n:, best].mean())
    assert [by_name.rows[at][0] for at in range(n)] == names
    json.dumps(found.to_dict(), allow_nan=False)
    table = found.to_arrow()
    assert len(table) == one.values.size
    # In a table as in words, what is written is a share: 1 in all.
    totals = np.reshape(table["written"].to_numpy(), one.values.shape).sum(axis=1)
    np.testing.assert_allclose(totals, 1, atol=1e-5)
    html = found.to_html()
    assert html.count('<table class="writers"') == 2 * len(set(one.kinds))
    drawn = one.plot().axes[0].images[0].get_array()
    heads = one.heads[:n, :, :, SOURCES.index("given")] / one.length[:n, None, None]
    np.testing.assert_allclose(drawn[:-1], heads.mean(axis=0).T)
