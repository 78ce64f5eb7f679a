"""Linear probes on image features, trained on images whose attributes were asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, FloatArray, as_embeddings, check_count
from namebasis.encoders.base import Encoder
from namebasis.errors import EncoderError
from namebasis.reading import UnreadableError
from namebasis.tensors import read_tensors, tensor_bytes
from namebasis.validation.extractors.base import Attribute, Extractor, Found, softmax

if TYPE_CHECKING:
    from PIL.Image import Image

FORMAT = "namebasis-probe-1"
_PENALTIES = tuple(10.0**power for power in range(-3, 5))
_FOLDS = 4
_FEWEST = 8  # images of each label


@dataclass(frozen=True)
class LinearProbe:
    """Multinomial logistic regression on one encoder's image vectors.

    Attributes
    ----------
    attribute : Attribute
    weights : ndarray of shape (n_labels, dim), float64
    bias : ndarray of shape (n_labels,), float64
    encoder : str
        Spec of the encoder of its vectors.
    fingerprint : str
        Of that encoder's weights.
    held_out : float
        Balanced accuracy on images of groups that the training never saw.
    chance : float
        1 / n_labels.
    n_images, n_held_out : int
    inverse_penalty : float
        scikit-learn's C, chosen within the training groups.
    """

    attribute: Attribute
    weights: Float64Array
    bias: Float64Array
    encoder: str
    fingerprint: str
    held_out: float
    n_images: int
    n_held_out: int
    inverse_penalty: float

    @property
    def chance(self) -> float:
        """Balanced accuracy of guessing."""
        return 1 / len(self.attribute.labels)

    def shares(self, vectors: npt.ArrayLike) -> Float64Array:
        """Return each row's distribution over the labels, (n, n_labels)."""
        rows = as_embeddings(vectors, "vectors", self.weights.shape[1]).astype(np.float64)
        return softmax(rows @ self.weights.T + self.bias)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the probe as safetensors, its description in the header.

        Raises
        ------
        SpaceError
            If something is at `path` and may not be overwritten.
        """
        from namebasis.atomic import replacing_file

        about = {
            "attribute": self.attribute.name,
            "labels": list(self.attribute.labels),
            "positions": list(self.attribute.positions),
            "unit": self.attribute.unit,
            "encoder": self.encoder,
            "fingerprint": self.fingerprint,
            "held_out": self.held_out,
            "n_images": self.n_images,
            "n_held_out": self.n_held_out,
            "inverse_penalty": self.inverse_penalty,
        }
        tensors = {"weights": self.weights, "bias": self.bias}
        content = tensor_bytes(FORMAT, "probe", about, tensors)
        with replacing_file(Path(path), overwrite) as stream:
            stream.write(content)


def load_probe(path: str | Path) -> LinearProbe:
    """Read a probe that `LinearProbe.save` wrote.

    Raises
    ------
    EncoderError
        If the file is none.
    """
    try:
        about, tensors = read_tensors(path, FORMAT, "probe")
        return _probe(about, tensors["weights"], tensors["bias"])
    except UnreadableError as error:
        raise EncoderError(f"{path} is no probe that namebasis saved: {error.reason}.") from None
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        why = f"its description has no {error}" if isinstance(error, KeyError) else str(error)
        raise EncoderError(f"{path} is no probe that namebasis saved: {why}.") from None


def _probe(about: object, weights: np.ndarray, bias: np.ndarray) -> LinearProbe:
    """Put a probe together from what its file says.

    Raises
    ------
    ValueError, TypeError, KeyError
        If a value is missing, unknown, of another kind, or the arrays are not of its labels.
    """
    if not isinstance(about, dict):
        raise ValueError("its description is no object")
    wanted = {"attribute": str, "labels": list, "positions": list, "unit": str, "encoder": str,
              "fingerprint": str, "held_out": float, "n_images": int, "n_held_out": int,
              "inverse_penalty": float}  # fmt: skip
    for key, kind in wanted.items():
        # A whole number is a float too, as JSON writes them.
        if not isinstance(about[key], (float, int) if kind is float else kind):
            raise ValueError(f"{key} of its description is no {kind.__name__}")
    if unknown := sorted(set(about) - set(wanted)):
        raise ValueError(f"its description holds {unknown[0]!r}, which is unknown")
    labels = tuple(map(str, about.pop("labels")))
    positions = tuple(map(float, about.pop("positions")))
    attribute = Attribute(about.pop("attribute"), labels, positions, about.pop("unit"))
    is_matrix = weights.ndim == 2 and weights.shape[0] == len(labels) == bias.size == len(bias)
    if not is_matrix or not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise ValueError(
            f"its arrays of shapes {weights.shape} and {bias.shape} are not finite rows of its "
            f"{len(labels)} labels"
        )
    return LinearProbe(attribute, weights, bias, **about)


def train_probe(
    vectors: npt.ArrayLike,
    labels: Sequence[str],
    groups: Sequence[str],
    attribute: Attribute,
    encoder: Encoder,
    *,
    held_out: float = 0.25,
    seed: int = 0,
) -> LinearProbe:
    """Fit a regularised probe and score it on groups that it has not seen.

    Parameters
    ----------
    vectors : array_like of shape (n_images, dim)
        Unit rows.
    labels : sequence of n_images str
        The value that each image was asked for.
    groups : sequence of n_images str
        What must not be on both sides of the split: the name that the image was made with.
    attribute : Attribute
        Its labels in order.
    encoder : Encoder
        That made the vectors.
    held_out : float
        Share of the groups kept apart, in (0, 1).
    seed : int

    Raises
    ------
    ValueError
        If a label has fewer than 8 images, is unknown, or there are fewer than 8 groups.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import GridSearchCV, GroupShuffleSplit, StratifiedGroupKFold

    rows = as_embeddings(vectors, "vectors")
    truth, group = np.asarray(labels), np.asarray(groups)
    if not len(rows) == len(truth) == len(group):
        raise ValueError(
            f"vectors, labels and groups must be as many; got {len(rows)}, {len(truth)}, "
            f"{len(group)}."
        )
    _check_labels(truth, attribute)
    n_groups = len(np.unique(group))
    if n_groups < 2 * _FOLDS:
        raise ValueError(f"a probe needs images of at least {2 * _FOLDS} names; got {n_groups}.")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1; got {held_out}.")
    check_count(seed, "seed", 0)
    split = GroupShuffleSplit(1, test_size=held_out, random_state=seed)
    train, test = next(split.split(rows, truth, group))
    search = GridSearchCV(
        LogisticRegression(max_iter=2000, class_weight="balanced"),
        {"C": _PENALTIES},
        scoring="neg_log_loss",
        cv=StratifiedGroupKFold(_FOLDS),
    )
    search.fit(rows[train], truth[train], groups=group[train])
    score = float(balanced_accuracy_score(truth[test], search.predict(rows[test])))
    best = LogisticRegression(
        C=search.best_params_["C"], max_iter=2000, class_weight="balanced"
    ).fit(rows, truth)
    order = [list(best.classes_).index(label) for label in attribute.labels]
    weights, bias = _both_rows(best.coef_, best.intercept_)
    return LinearProbe(
        attribute,
        weights[order],
        bias[order],
        encoder.spec,
        encoder.fingerprint,
        score,
        len(rows),
        len(test),
        float(search.best_params_["C"]),
    )


def _check_labels(truth: np.ndarray, attribute: Attribute) -> None:
    unknown = sorted(set(truth.tolist()) - set(attribute.labels))
    if unknown:
        raise ValueError(
            f"{attribute.name} has no label {unknown[0]!r}; it has {', '.join(attribute.labels)}."
        )
    for label in attribute.labels:
        n = int((truth == label).sum())
        if n < _FEWEST:
            raise ValueError(f"{attribute.name}: {label!r} has {n} images; {_FEWEST} are needed.")


def _both_rows(weights: Float64Array, bias: Float64Array) -> tuple[Float64Array, Float64Array]:
    """scikit-learn keeps one row for two labels: the second's; the first's is 0."""
    if len(weights) > 1:
        return weights, bias
    return np.vstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])


class ProbeExtractor(Extractor):
    """A saved probe and the encoder it was trained on.

    Parameters
    ----------
    probe : LinearProbe
    encoder : Encoder
    spec : str

    Raises
    ------
    EncoderError
        If the encoder's weights are not those of the probe.
    """

    def __init__(self, probe: LinearProbe, encoder: Encoder, spec: str) -> None:
        if encoder.fingerprint != probe.fingerprint:
            raise EncoderError(
                f"{spec} was trained on {probe.encoder} with weights {probe.fingerprint[:19]}…; "
                f"{encoder.spec} has {encoder.fingerprint[:19]}…. Train it again."
            )
        self._probe, self._encoder, self.spec = probe, encoder, spec
        self.attributes = (probe.attribute,)
        told = probe.weights.tobytes() + probe.bias.tobytes()
        self.fingerprint = f"{encoder.fingerprint} {hashlib.sha256(told).hexdigest()}"

    def _measure(self, images: list[Image]) -> list[Found]:
        rows: FloatArray = self._encoder.encode_images(images)
        return [Found(self._probe.shares(rows))]
