"""Names measured while a model trains: what checkpoints say, without a trace in the training."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, NamebasisError, NamebasisWarning
from namebasis.formation import Watch, formation, trace
from namebasis.formation.encoding import Encodings, encode, read_encodings
from namebasis.formation.truth import Known, Truth
from namebasis.formation.watching.live import LiveEncoder, plain_model, plain_tokenizer
from namebasis.formation.watching.record import file_of, read_record
from namebasis.organism import model as clip
from namebasis.organism.world import World
from tests.encoders.conftest import clip_tokenizer, open_clip_config

NAMES = ("Vicki Lawrence", "Ben Affleck", "Anna Nakamura")
CONTEXTS = ("{} on a beach", "{} laughing")
SMALL = {"contexts": CONTEXTS, "axes": ("gender",)}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from namebasis.organism.cohorts import TINY_COHORTS

    return clip.make_tokenizer(World.make(0, cohorts=TINY_COHORTS))


def model_of(tokenizer: Any) -> Any:
    model = clip.make_model(tokenizer, size=24, seed=0).train()
    model.text_model.encoder.layers[0].eval()  # as where a layer is frozen
    return model


def train(model: Any, tokenizer: Any, n_steps: int, each: Any = None) -> Iterator[int]:
    """Steps on texts that a dropout makes random; a step's number after it."""
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    ids = clip.text_ids(tokenizer, [f"a photo of {name}" for name in NAMES])
    with each(optimizer):
        for step in range(1, n_steps + 1):
            rows = model.get_text_features(input_ids=ids).pooler_output
            loss = torch.nn.functional.dropout(rows, 0.5).std()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield step


class Nothing:
    def __init__(self, *_given: object) -> None:
        self.given = _given

    def __enter__(self) -> None: ...

    def __exit__(self, *_given: object) -> None: ...


@pytest.fixture(scope="module")
def watched(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A training of 4 steps measured every second one, with the checkpoints of those steps."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(3)
    model = model_of(tokenizer)
    truth = Truth({NAMES[0]: Known(NAMES[0], "C", "a woman", "a man")})
    watch = Watch(NAMES, folder / "names.watch", every=2, share=0.99, truth=truth, **SMALL)
    for step in train(model, tokenizer, 4, lambda o: watch.attach(model, o, tokenizer)):
        if step % 2 == 0:
            clip.save(folder / f"step-{step:06d}", model, tokenizer, clip.make_processor(24))
    return SimpleNamespace(
        folder=folder / "names.watch", run=folder, model=model, after=torch.rand(3)
    )


class Lengths(torch.nn.Module):
    """A model of no library: a text's bytes, added up by their place."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(4))
        self.drop, self.frozen = torch.nn.Dropout(0.9), torch.nn.Dropout(0.9).eval()


def embed(model: Any, texts: Any) -> Any:
    rows = [[sum(text.encode()[at::4]) for at in range(4)] for text in texts]
    return model.weight * model.drop(torch.tensor(rows, dtype=torch.float32))


CHEAP = {**SMALL, "embed": embed}


def same(one: Encodings, other: Encodings) -> None:
    for key in ("whole", "grid", "given_swaps", "family_swaps", "placed", "captions", "values"):
        np.testing.assert_allclose(getattr(one, key), getattr(other, key), atol=2e-6, err_msg=key)


@pytest.mark.long
def test_what_is_measured_is_what_the_checkpoints_say(watched: SimpleNamespace) -> None:
    record = read_record(watched.folder)
    assert [one.step for one in record.taken] == [0, 2, 4]
    for step in (2, 4):
        made = read_encodings(file_of(watched.folder, step))
        encoder = load_encoder(f"hf:{watched.run / f'step-{step:06d}'}")
        expected = encode(encoder, record.plan)
        same(made, expected)
        assert made.facts["tokenizer"] == expected.facts["tokenizer"]
    assert np.abs(read_encodings(file_of(watched.folder, 0)).whole - made.whole).max() > 1e-3


def test_a_training_ends_as_it_does_unwatched(watched: SimpleNamespace, tokenizer: Any) -> None:
    torch.manual_seed(3)
    model = model_of(tokenizer)
    list(train(model, tokenizer, 4, Nothing))
    for (key, one), other in zip(
        model.state_dict().items(), watched.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), key
    assert torch.equal(torch.rand(3), watched.after)
    modes = [module.training for module in model.modules()]
    assert [module.training for module in watched.model.modules()] == modes


def test_formation_reads_it_without_a_model(watched: SimpleNamespace) -> None:
    found = formation(watched.folder, n_resamples=20)
    assert found.steps == (0, 2, 4)
    assert found.names[:3] == NAMES
    assert found.kinds[0] == "C"
    assert np.isfinite(found.values["margin"][0]).all()
    assert any(note.startswith("measured while it trained") for note in found.remarks)
    one = formation(watched.folder, ["anna nakamura"], n_resamples=20)
    assert one.names[0] == NAMES[2]
    assert len(one.names) == len(found.names) - 2
    labels = np.ones_like(one.phases.labels)
    plain = replace(one, phases=replace(one.phases, labels=labels))
    assert "at the last checkpoint (step 4) it means only its parts." in plain.headline()
    np.testing.assert_allclose(one.values["own_score"][0], found.values["own_score"][2], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda at: formation(at, ["Cher"]), r"'Cher' was not watched .* watched 3 names, such as"),
        (lambda at: formation(at, template="a {}"), r"--template counts only .* is settled; leave"),
        (lambda at: trace(at, NAMES[0]), r"holds what was measured while a model trained, and no"),
        (lambda at: formation(at.parent / "names.watc"), r"there is no such folder"),
    ],
)
def test_what_a_watched_training_cannot_tell(
    call: Any, message: str, watched: SimpleNamespace
) -> None:
    with pytest.raises((NamebasisError, ValueError), match=message):
        call(watched.folder)


def test_damage_is_a_gap(watched: SimpleNamespace, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(watched.folder, tmp_path / "a")
    file_of(tmp_path / "a", 2).write_bytes(b"no archive")
    found = formation(tmp_path / "a", n_resamples=20)
    assert found.steps == (0, 4)
    assert [(gap.step, gap.reason[:14]) for gap in found.gaps] == [(2, "cannot be read")]
    (tmp_path / "a" / "watch.json").write_text("{}")
    with pytest.raises(NamebasisError, match=r"cannot be read as the record of a watched training"):
        formation(tmp_path / "a")


def test_a_trainer_s_events_and_a_training_that_goes_on(tmp_path: Path) -> None:
    from transformers.trainer_callback import CallbackHandler, TrainerControl, TrainerState

    def run(first: int, last: int, watch: Watch, model: Any) -> None:
        state = TrainerState(global_step=first)
        handler = CallbackHandler([watch.trainer_callback()], model, "words", None, None)
        handler.on_train_begin(None, state, TrainerControl())
        for step in range(first + 1, last + 1):
            state.global_step = step
            handler.on_step_end(None, state, TrainerControl())
        handler.on_train_end(None, state, TrainerControl())

    def of(model: Any, weight: float) -> Any:
        with torch.no_grad():
            model.weight.fill_(weight)
        return model

    model, options = Lengths(), {"every": 2, "share": 0.99, **CHEAP}
    run(0, 5, Watch(NAMES, tmp_path / "w", **options), model)
    assert [one.step for one in read_record(tmp_path / "w").taken] == [0, 2, 4, 5]
    again = Watch(NAMES, tmp_path / "w", **options)
    with pytest.raises(EncoderError, match="text embeddings"):  # at the beginning it is refused
        run(3, 4, again, of(model, 0.0))
    again.begin(of(model, 1.0), None, 3)
    with pytest.warns(NamebasisWarning, match=r"step 4 could not be measured .*; the training go"):
        again.step(of(model, 0.0), None, 4)
    again.end(of(model, 1.0), None, 6)
    record = read_record(tmp_path / "w")
    assert [one.step for one in record.taken] == [0, 2, 3, 6]
    assert [gap.step for gap in record.gaps] == [4]
    with pytest.raises(NamebasisError, match=r"of other names or settings; give another folder"):
        Watch(NAMES[:2], tmp_path / "w", **SMALL)


def test_as_often_as_the_share_allows(tmp_path: Path) -> None:
    watch = Watch(NAMES, tmp_path / "w", share=0.25, **CHEAP)
    watch.begin(Lengths(), None)
    clock = watch._clock
    for passed, allows in ((7.9, False), (8.1, True)):  # times what one measurement took
        clock._before, clock._since = passed * clock.last, None
        assert watch._allows() is allows


def test_an_open_clip_model_and_accelerate_s_optimizer(tmp_path: Path) -> None:
    import json

    open_clip = pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    path = tmp_path / "tiny-watched.json"
    path.write_text(json.dumps(open_clip_config()))
    open_clip.add_model_config(path)
    model, tokens = open_clip.create_model("tiny-watched"), open_clip.get_tokenizer("tiny-watched")
    accelerator = accelerate.Accelerator(cpu=True)
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1))
    watch = Watch(NAMES, tmp_path / "w", every=1, share=0.99, **SMALL)
    with watch.attach(model, optimizer, tokens):
        model.encode_text(tokens(list(NAMES))).std().backward()
        optimizer.step()
    assert [one.step for one in read_record(tmp_path / "w").taken] == [0, 1]
    with torch.no_grad():
        expected = model.encode_text(tokens(list(NAMES)), normalize=True).numpy()
    rows = read_encodings(file_of(tmp_path / "w", 1)).whole[: len(NAMES)]
    np.testing.assert_allclose(rows, expected, atol=2e-6)


def test_other_models_are_asked_by_their_own_forward(tokenizer: Any) -> None:
    model = Lengths()
    live = LiveEncoder(torch.nn.DataParallel(model), None, embed)
    model.frozen.eval()
    row = np.array([[ord(letter) for letter in "abcd"]])
    np.testing.assert_allclose(live.encode_text(["abcd"]), row / np.linalg.norm(row), rtol=1e-6)
    assert (model.training, model.drop.training, model.frozen.training) == (True, True, False)
    # Without the fast tower, by transformers' own padded forward: the same rows.
    own = model_of(tokenizer)
    fast = LiveEncoder(own, tokenizer)
    rows = fast.encode_text(["Vicki", "a photo of Anna"])
    fast._clip = fast._fast = None
    np.testing.assert_allclose(fast.encode_text(["Vicki", "a photo of Anna"]), rows, atol=2e-6)


def test_what_cannot_be_watched(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for given, message in (
        ({"every": 0}, "every must be"),
        ({"share": 2}, r"share must lie between 0 and 1; got 2"),
        ({"n_swaps": 3}, "n_swaps must be"),
        ({"contexts": ["on a beach"]}, r"a template must hold \{\} once"),
        ({"folder": tmp_path / "other" / "notes.txt"}, "holds something other than measurements"),
        ({"folder": tmp_path / "other"}, r"holds something other than measurements of a watched"),
    ):
        for overwrite in (False, True):
            with pytest.raises((NamebasisError, ValueError), match=message):
                Watch(NAMES, **{"folder": tmp_path / "w", "overwrite": overwrite, **given})
    watch = Watch(NAMES, tmp_path / "w", **SMALL)
    model = torch.nn.Linear(2, 2)
    with pytest.raises(EncoderError, match="has neither get_text_features nor encode_text; give"):
        watch.begin(model, tokenizer)
    with pytest.raises(EncoderError, match="no tokenizer: give the one that the model is trained"):
        watch.begin(model_of(tokenizer), None)
    with pytest.raises(ValueError, match=r"optimizer must be one of torch\.optim or accelerate's"):
        watch.attach(model_of(tokenizer), object(), tokenizer)
    part = SimpleNamespace(ds_id=1, numel=lambda: 0)
    with pytest.raises(EncoderError, match=r"sharded \(FSDP or ZeRO-3\)"):
        plain_model(SimpleNamespace(parameters=lambda: [part]))
    assert not (tmp_path / "w").exists()


def test_one_that_costs_too_much_says_how_often_would_do(tmp_path: Path) -> None:
    watch, model = Watch(NAMES, tmp_path / "w", every=1, **CHEAP), Lengths()
    watch.begin(model, None)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for step in (1, 2, 3):
            watch.step(model, None, step)
    (only,) = said
    assert "of the training's time; every=" in str(only.message)
    assert "would keep it at 2 %" in str(only.message)
    with torch.no_grad():
        model.weight.fill_(0.0)
    with pytest.warns(NamebasisWarning, match="step 4 could not be measured"):
        watch.step(model, None, 4)  # a gap is said though the cost was


def test_clip_s_own_tokenizer_from_a_processor() -> None:
    own = clip_tokenizer()
    assert plain_tokenizer(SimpleNamespace(tokenizer=own, image_processor=1)) is own
    assert plain_tokenizer(own) is own
