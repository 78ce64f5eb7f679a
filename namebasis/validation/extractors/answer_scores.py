"""Log-probabilities of many answers behind one image, in few runs of a model that writes text.

Answers to all questions are rows of one batch, padded on the right, where a causal model does not
look. What the model's tower makes of the image is computed once and given to every row.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_TOKENS = 16_384
"""Of text and image in one run: 26 answers behind the 620 tokens of LLaVA."""
MOST_LOGITS = 1 << 28
"""Of one run, 1 GiB in float32: models without `logits_to_keep` give them for every position."""
_TOWERS = frozenset(
    ["vision_tower", "vision_model", "visual", "vision_encoder", "image_encoder", "vision_embedder"]
)
"""What transformers calls the part of a model that sees, and nothing else."""
_PER_TOKEN = frozenset(
    ["input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids",
     "image_embeds_position_mask"]
)  # fmt: skip


class AnswerScorer:
    """Scores answers by their log-probability behind an image and a prompt.

    Parameters
    ----------
    model, processor : transformers objects
        Of `AutoModelForImageTextToText`.
    spec : str
        Named in errors.
    asked : sequence of (prompt, answers)

    Raises
    ------
    EncoderError
        If the tokenizer makes no token of an answer.
    """

    def __init__(
        self, model: Any, processor: Any, spec: str, asked: Sequence[tuple[str, Sequence[str]]]
    ) -> None:
        self._model, self._processor = model, processor
        self._prompts = [prompt for prompt, _ in asked]
        self._rows: list[tuple[int, list[int]]] = []
        for number, (_, answers) in enumerate(asked):
            for answer in answers:
                words = processor.tokenizer(answer, add_special_tokens=False)["input_ids"]
                if not words:
                    raise EncoderError(f"{spec}: its tokenizer has no token for {answer!r}.")
                self._rows.append((number, list(words)))
        self._towers = [
            module
            for name, module in model.named_modules()
            if name.split(".")[-1] in _TOWERS and not _TOWERS & set(name.split(".")[:-1])
        ]
        self._writes_apart = _writes_apart(model.config)
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters

    def scores(self, image: Image) -> Float64Array:
        """Log-probability of every answer, in the order in which they were given."""
        given = [
            dict(self._processor(images=image, text=prompt, return_tensors="pt"))
            for prompt in self._prompts
        ]
        for part in given:
            part.pop("labels", None)  # PaliGemma's, of an answer that it was not given
        lengths = [part["input_ids"].shape[1] for part in given]
        sizes = np.array([lengths[number] + len(words) for number, words in self._rows])
        found = np.empty(len(self._rows))
        seen: list[Any] = []
        # Long rows first: a run that does not fit into memory fails at once.
        order = np.argsort(-sizes, kind="stable")
        start = 0
        while start < len(order):
            longest = int(sizes[order[start]])
            chosen = order[start : start + self._rows_a_run(longest, min(lengths))]
            found[chosen] = self._run(given, [self._rows[at] for at in chosen], seen)
            start += len(chosen)
        return found

    def _rows_a_run(self, longest: int, shortest_prompt: int) -> int:
        config = self._model.config
        text = config.get_text_config() if hasattr(config, "get_text_config") else config
        kept = longest - shortest_prompt + 1 if self._keeps or self._writes_apart else longest
        n_logits = kept * int(getattr(text, "vocab_size", 1))
        return max(1, min(MOST_TOKENS // longest, MOST_LOGITS // n_logits))

    def _run(
        self,
        given: Sequence[Mapping[str, Any]],
        rows: Sequence[tuple[int, list[int]]],
        seen: list[Any],
    ) -> Float64Array:
        import torch

        device, config = self._model.device, self._model.config
        inputs = _stacked(
            given, rows, with_answers=not self._writes_apart, pad=_pad(config),
            answer_type=int(config.model_type == "paligemma"),
        )  # fmt: skip
        inputs = {key: _moved(value, device) for key, value in inputs.items()}
        width = max(len(words) for _, words in rows)
        targets = torch.full((len(rows), width), -100, dtype=torch.long)
        for at, (_, words) in enumerate(rows):
            targets[at, : len(words)] = torch.tensor(words)
        targets = targets.to(device)
        starts = torch.tensor([given[number]["input_ids"].shape[1] for number, _ in rows])
        if self._writes_apart:
            starts, inputs["labels"] = torch.ones(len(rows), dtype=torch.long), targets
        elif self._keeps:
            inputs["logits_to_keep"] = inputs["input_ids"].shape[1] - int(starts.min()) + 1
        with torch.inference_mode(), _seeing_once(self._towers, len(rows), seen):
            logits = self._model(**inputs).logits
            total = width if self._writes_apart else inputs["input_ids"].shape[1]
            # The position before each word is what predicts it; some models leave positions out.
            places = (starts[:, None] - 1 + torch.arange(width)).to(device)
            places = (places - (total - logits.shape[1])).clamp(0, logits.shape[1] - 1)
            own = logits.gather(1, places[:, :, None].expand(-1, -1, logits.shape[2]))
            chances = torch.log_softmax(own.float(), dim=-1)
            words_of = targets.clamp(min=0)
            each = chances.gather(2, words_of[:, :, None])[:, :, 0]
        summed = torch.where(targets >= 0, each, 0).double().sum(dim=1)
        return np.asarray(summed.cpu().numpy(), dtype=np.float64)


def _writes_apart(config: Any) -> bool:
    """Whether a decoder of its own writes the answer (T5), not the reader of the prompt."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    return bool(getattr(text, "is_encoder_decoder", False))


def _pad(config: Any) -> int:
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    pad = getattr(text, "pad_token_id", None)
    return pad if isinstance(pad, int) and pad >= 0 else 0


def _stacked(
    given: Sequence[Mapping[str, Any]],
    rows: Sequence[tuple[int, list[int]]],
    *,
    with_answers: bool,
    pad: int,
    answer_type: int,
) -> dict[str, Any]:
    """Inputs of a row per answer: texts lengthened and padded, the image's parts repeated.

    `answer_type` is the answers' token type: what is not 1 PaliGemma reads in both directions.
    """
    import torch

    inputs: dict[str, Any] = {}
    for key, first in given[0].items():
        parts = [part[key] for part in given]
        if not torch.is_tensor(first):
            inputs[key] = first
        elif key in _PER_TOKEN or not all(
            one.shape == first.shape and torch.equal(one, first) for one in parts
        ):
            whole = []
            for number, words in rows:
                row = parts[number][0]
                if with_answers and key in _PER_TOKEN:
                    fill = answer_type if key == "token_type_ids" else int(key == "attention_mask")
                    tail = words if key == "input_ids" else [fill] * len(words)
                    row = torch.cat([row, row.new_tensor(tail)])
                whole.append(row)
            inputs[key] = torch.nn.utils.rnn.pad_sequence(
                whole, batch_first=True, padding_value=pad if key == "input_ids" else 0
            )
        else:
            inputs[key] = _repeated(first, len(rows))
    return inputs


def _repeated(value: Any, times: int) -> Any:
    """Copies one after the other along the first axis, without memory where it holds one row."""
    if value.ndim == 0 or times == 1:
        return value
    if value.shape[0] == 1:
        return value.expand(times, *value.shape[1:])
    return value.repeat(times, *[1] * (value.ndim - 1))


def _moved(value: Any, device: Any) -> Any:
    return value.to(device) if hasattr(value, "to") else value


@contextmanager
def _seeing_once(towers: Sequence[Any], times: int, seen: list[Any]) -> Iterator[None]:
    """Let towers see the first of equal images in a batch, and only if `seen` is empty.

    What they give is kept in `seen`, call after call, and handed out once per row.
    """
    import torch

    calls = iter(range(1 << 30))

    def watched(forward: Any) -> Any:
        def see(*args: Any, **kwargs: Any) -> Any:
            at = next(calls)
            if at == len(seen):
                seen.append(
                    forward(
                        *(_first(arg, times, torch) for arg in args),
                        **{key: _first(arg, times, torch) for key, arg in kwargs.items()},
                    )
                )
            return _to_rows(seen[at], times, torch)

        return see

    own = [tower.__dict__.get("forward") for tower in towers]  # accelerate sets one
    try:
        for tower in towers:
            tower.forward = watched(tower.forward)
        yield
    finally:
        for tower, forward in zip(towers, own, strict=True):
            del tower.forward
            if forward is not None:
                tower.forward = forward


def _first(value: Any, times: int, torch: Any) -> Any:
    if torch.is_tensor(value) and value.ndim and value.shape[0] % times == 0:
        return value[: value.shape[0] // times]
    return value


def _to_rows(value: Any, times: int, torch: Any) -> Any:
    if torch.is_tensor(value):
        return _repeated(value, times)
    if isinstance(value, Mapping):  # the outputs of transformers are
        return type(value)(**{key: _to_rows(one, times, torch) for key, one in value.items()})
    if isinstance(value, (tuple, list)):
        return type(value)(_to_rows(one, times, torch) for one in value)
    return value
