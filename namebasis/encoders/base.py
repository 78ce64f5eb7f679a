"""What every encoder is: text or images in, unit float32 rows out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, SupportsIndex

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray, as_embeddings, check_count, unit_rows
from namebasis.encoders.embedded import Slot, check_rows, find_slot
from namebasis.encoders.token_places import TokenStates
from namebasis.errors import EncoderError, ForkError
from namebasis.forks import SPAWN

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from namebasis.encoders.images import ImageLike

IdRows = Sequence[Sequence[int]] | Sequence[npt.NDArray[np.int32]]
"""Token ids, a row per text."""


_TOKENS_AT_ONCE = 4096


class Recipe(Protocol):
    """How an encoder was loaded, so that another process can load it again."""

    def encoder(self) -> Encoder:
        """The encoder."""


class Encoder(ABC):
    """Turns texts and images into unit rows of one space.

    Made by `load_encoder`. Subclasses give the attributes and the protected methods below; what
    every encoder owes its caller (checked input, equal texts encoded once, the order kept, unit
    rows) is done here.

    Any number of threads may use one encoder. It is pickled as what `load_encoder` was given and
    loaded again where it arrives, once a process, and its weights are compared. A process forked
    from one that used it encodes with one thread; on a GPU it must be started by `spawn` instead.

    Attributes
    ----------
    spec : str
        What `load_encoder` was given; loads the same weights again.
    fingerprint : str
        "sha256:…" over the weights.
    revision : str or None
        Of the hub's repository, where one was asked for.
    dim : int
        Width of the embeddings.
    token_dim : int
        Width of the input token embeddings; 0 where the encoder has none to show.
    max_tokens : int or None
        Pieces of a text that are read before it is cut; None where there is no limit.
    has_text, has_images : bool
        What it reads.
    has_tokenizer : bool
        Whether pieces and their number are a tokenizer's.
    unknown_piece : str or None
        What the tokenizer puts in the place of letters that are not in its vocabulary; None where
        it knows all, as one of bytes does.
    """

    spec: str
    fingerprint: str
    revision: str | None = None
    dim: int
    token_dim: int = 0
    max_tokens: int | None = None
    has_text: bool = True
    has_images: bool = False
    has_tokenizer: bool = True
    unknown_piece: str | None = None
    loading: Recipe | None = None  # how `load_encoder` made it

    def __repr__(self) -> str:
        reads, calls = [], []
        if self.has_text:
            reads.append("text")
            calls.append(".encode_text(texts)")
        if self.has_images:
            reads.append("images")
            calls.append(".encode_images(images)")
        most = f", up to {self.max_tokens} tokens" if self.max_tokens is not None else ""
        return (
            f"Encoder({getattr(self, 'spec', '?')!r}: {' and '.join(reads) or 'nothing'} to "
            f"{getattr(self, 'dim', '?')} dimensions{most}; ask it with {', '.join(calls)}, or "
            "build a space with build_space(names, path, encoder=…))"
        )

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        if self.loading is None:
            return super().__reduce_ex__(protocol)
        return self.loading.encoder, ()

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> FloatArray:
        """Embed texts as they stand.

        Parameters
        ----------
        texts : sequence of str
            Equal ones are computed once; longer than the context, they are cut as the model's
            own tokenizer cuts them.
        batch_size : int, optional
            Texts at a time; changes memory and speed, not the rows.

        Returns
        -------
        ndarray of shape (n_texts, dim), float32
            Unit rows in the order of `texts`.

        Raises
        ------
        EncoderError
            If the encoder reads no text, or gives a row without a direction.
        ValueError
            If `texts` is a single string or holds something else.
        """
        self._need(self.has_text, "text")
        kept = self._check_texts(texts, "texts")
        size = check_batch(batch_size)
        return self._once(kept, lambda distinct: self._embed_texts(distinct, size))

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> FloatArray:
        """Embed ``template.format(name)`` for every name.

        The same rows as `encode_text` gives; towers that can share what a template's prompts
        have in common do so.

        Raises
        ------
        ValueError
            If the template does not hold exactly one ``{}``.
        """
        self._need(self.has_text, "text")
        kept = self._check_texts(names, "names")
        check_template(template)
        size = check_batch(batch_size)
        return self._once(kept, lambda distinct: self._embed_names(distinct, template, size))

    def encode_embedded(
        self,
        rows: Sequence[FloatArray],
        template: str = "{}",
        *,
        batch_size: int | None = None,
    ) -> FloatArray:
        """Embed a template with vectors of one's own in the place of the name's pieces.

        They may be no piece's: changed, mixed or learned ones. With those of
        `piece_embeddings` the rows are those of `encode_names`.

        Parameters
        ----------
        rows : sequence of ndarray of shape (n_pieces, token_dim)
            Input embeddings of each name, one or more, in the scale of the table.
        template : str
            With ``{}`` once, where they go.
        batch_size : int, optional
            Texts at a time; changes memory and speed, not the rows.

        Returns
        -------
        ndarray of shape (n_names, dim), float32
            Unit rows in the order of `rows`.

        Raises
        ------
        EncoderError
            If the encoder has no table of input embeddings to show, or words of the template run
            together with the name.
        ValueError
            If `rows` does not fit the table, or a text would be cut.
        """
        self._need(self.has_text, "text")
        check_template(template)
        size = check_batch(batch_size)
        if self.token_dim == 0:
            raise EncoderError(f"{self.spec} has no table of input token embeddings.")
        kept = check_rows(rows, self.token_dim)
        lengths = np.fromiter(map(len, kept), dtype=np.int64, count=len(kept))
        self._check_room(lengths, template)
        out = np.empty((len(kept), self.dim), dtype=np.float32)
        for length in np.unique(lengths).tolist():
            slot = find_slot(template, length, self._prompt_ids, self.count_tokens, self.spec)
            step = size or max(1, _TOKENS_AT_ONCE // len(slot.ids))
            members = np.flatnonzero(lengths == length)
            for start in range(0, len(members), step):
                some = members[start : start + step]
                with _no_forked_gpu(self.spec):
                    out[some] = self._embed_slot(slot, np.stack([kept[row] for row in some]))
        return self._unit(out, "text") if len(kept) else out

    def embedded_forward(
        self, templates: Sequence[str], n_pieces: int
    ) -> Callable[[Tensor], Tensor]:
        """Return what `encode_embedded` computes as a function that gradients flow through.

        Parameters
        ----------
        templates : sequence of str
            With ``{}`` once each; the function gives the mean of their unit rows.
        n_pieces : int
            Vectors in the name's place.

        Returns
        -------
        callable
            From a tensor of shape (n_names, n_pieces, token_dim) to one of (n_names, dim), float32
            unit rows on the CPU.

        Raises
        ------
        EncoderError
            If gradients do not flow through the encoder.
        ValueError
            If a template does not fit.
        """
        from torch.nn import functional

        self._need(self.has_text, "text")
        length = np.array([check_count(n_pieces, "n_pieces")])
        slots = []
        for template in templates:
            self._check_room(length, check_template(template))
            slots.append(
                find_slot(template, n_pieces, self._prompt_ids, self.count_tokens, self.spec)
            )

        def forward(rows: Tensor) -> Tensor:
            each = [functional.normalize(self._slot_rows(one, rows), dim=-1) for one in slots]
            return functional.normalize(sum(each[1:], each[0]).float().cpu(), dim=-1)

        return forward

    def token_states(
        self,
        names: Sequence[str],
        template: str,
        *,
        is_penultimate: bool = False,
        padded_to: int | None = None,
    ) -> TokenStates:
        """States of each name's own tokens in ``template.format(name)``, as image models read them.

        Parameters
        ----------
        names : sequence of str
            Equal ones are computed once.
        template : str
            ``"{}"`` for the tokens of texts as they stand.
        is_penultimate : bool
            What the last layer is given, without the last norm, as Stable Diffusion XL reads it;
            else what the last norm gives. Of T5 always the latter.
        padded_to : int, optional
            Tokens to which T5's prompts are padded, which its tokens attend to then. In CLIP no
            token sees the padding behind it.

        Returns
        -------
        TokenStates
            Mean over a name's tokens and that of its last one, each (n_names, width); neither
            projected nor scaled, 0 for a name without a token.

        Raises
        ------
        EncoderError
            If the encoder has no token states that an image model reads.
        """
        self._need(self.has_text, "text")
        kept = self._check_texts(names, "names")
        check_template(template)
        place = {name: row for row, name in enumerate(dict.fromkeys(kept))}
        with _no_forked_gpu(self.spec):
            found = self._token_states(list(place), template, is_penultimate, padded_to)
        rows = [place[name] for name in kept]
        return TokenStates(found.mean[rows], found.last[rows])

    def _token_states(
        self, names: list[str], template: str, is_penultimate: bool, padded_to: int | None
    ) -> TokenStates:
        """States of distinct names; adapters whose tower an image model may read override this."""
        raise EncoderError(
            f"{self.spec} is no text encoder of an image model: only CLIP's and T5's token states "
            "are read by one. Give the model's folder (diffusers:FOLDER) or file (sd:FILE)."
        )

    def encode_images(
        self, images: Sequence[ImageLike] | np.ndarray, *, batch_size: int | None = None
    ) -> FloatArray:
        """Embed images: PIL images, paths, or uint8 arrays of shape (height, width[, 3 or 4]).

        Returns
        -------
        ndarray of shape (n_images, dim), float32
            Unit rows in the order of `images`.

        Raises
        ------
        EncoderError
            If the encoder reads no images, or one cannot be read (its path and why).
        """
        self._need(self.has_images, "images")
        if _is_one_image(images):
            raise ValueError("images must be a list; put a single one into [ ].")
        size, kept = check_batch(batch_size) or 32, list(images)
        from namebasis.encoders.images import open_image

        with _no_forked_gpu(self.spec):
            parts = [
                self._embed_images([open_image(image) for image in kept[start : start + size]])
                for start in range(0, len(kept), size)
            ]
        if not parts:
            return np.empty((0, self.dim), dtype=np.float32)
        return self._unit(np.concatenate(parts), "image")

    @abstractmethod
    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of a text, without special tokens."""

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the pieces of many texts at once."""
        return [self.tokenize(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Return the number of pieces of each text, shape (n_texts,), int64."""
        kept = self._check_texts(texts, "texts")
        return np.fromiter(map(len, self.pieces(kept)), dtype=np.int64, count=len(kept))

    def token_embeddings(self, names: Sequence[str]) -> FloatArray:
        """Return the mean input token embedding of each name, (n, token_dim), not normalised.

        Raises
        ------
        EncoderError
            If the encoder has no table of them to show.
        """
        return mean_token_embeddings(*self._pieces_in_table(self._check_texts(names, "names")))

    def piece_embeddings(self, names: Sequence[str]) -> list[FloatArray]:
        """Return the input embeddings of each name's pieces, each (n_pieces, token_dim).

        Raises
        ------
        EncoderError
            If the encoder has no table of them to show.
        """
        table, ids = self._pieces_in_table(self._check_texts(names, "names"))
        return [table[np.asarray(row, dtype=np.int64)] for row in ids]

    @abstractmethod
    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        """Return the table of input embeddings, and the rows in it of each name's pieces."""

    def _prompt_ids(self, text: str) -> Sequence[int]:
        """Ids of a text as the tower is given them; encoders with a table of pieces have this."""
        raise EncoderError(f"{self.spec} takes no input embeddings of one's own.")

    def _embed_slot(self, slot: Slot, rows: FloatArray) -> FloatArray:
        """Embed texts with `rows` (n_texts, slot.size, token_dim) at the slot's places."""
        raise EncoderError(f"{self.spec} takes no input embeddings of one's own.")

    def _slot_rows(self, slot: Slot, rows: Tensor) -> Tensor:
        """What `_embed_slot` computes, by the library's own forward, with gradients."""
        raise EncoderError(
            f"{self.spec}: gradients do not flow through this encoder; take one of hf:, "
            "open_clip: or sd:."
        )

    def _check_room(self, lengths: IntArray, template: str) -> None:
        if self.max_tokens is None or not len(lengths):
            return
        around = int(self.count_tokens(template.split("{}")).sum())
        if around + int(lengths.max()) > self.max_tokens:
            row = int(lengths.argmax())
            raise ValueError(
                f"rows[{row}] has {int(lengths[row])} vectors and {template!r} {around} pieces; "
                f"{self.spec} reads {self.max_tokens} in all. Give fewer vectors or a shorter "
                "template."
            )

    @abstractmethod
    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        """Embed distinct texts in any float scale; at least one is given."""

    def _embed_names(self, names: list[str], template: str, batch_size: int | None) -> FloatArray:
        """Embed distinct names in a template; towers that can share its beginning override this."""
        return self._embed_texts([template.format(name) for name in names], batch_size)

    def _embed_images(self, images: list[Image]) -> FloatArray:
        raise EncoderError(f"{self.spec} reads no images.")

    def _once(self, texts: list[str], embed: Callable[[list[str]], FloatArray]) -> FloatArray:
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        with _no_forked_gpu(self.spec):
            embedded = embed(list(place))
        rows = self._unit(embedded, "text")
        return rows if len(place) == len(texts) else rows[[place[text] for text in texts]]

    def _need(self, has: bool, what: str) -> None:
        if not has:
            raise EncoderError(f"{self.spec} reads no {what}; use an encoder that does.")

    def _check_texts(self, texts: Sequence[str], what: str) -> list[str]:
        if isinstance(texts, (str, bytes)):
            raise ValueError(f"{what} must be a list of strings; put a single one into [ ].")
        kept = list(texts)
        for row, text in enumerate(kept):
            if not isinstance(text, str):
                raise ValueError(f"{what}[{row}] must be a string; got {type(text).__name__}.")
        try:
            "".join(kept).encode()
        except UnicodeEncodeError:
            row = next(row for row, text in enumerate(kept) if not _is_unicode(text))
            raise ValueError(
                f"{what}[{row}] holds half of a surrogate pair: {kept[row]!r}; decode it again."
            ) from None
        return kept

    def _unit(self, rows: FloatArray, what: str) -> FloatArray:
        try:
            label = f"{what} embeddings"
            return unit_rows(as_embeddings(rows, label, self.dim), label)
        except ValueError as error:
            raise EncoderError(f"{self.spec}: {error}") from None


@contextmanager
def _no_forked_gpu(spec: str) -> Iterator[None]:
    """Say in one line what torch says in several: a fork cannot use its parent's GPU."""
    try:
        yield
    except RuntimeError as error:
        if "forked subprocess" not in str(error):
            raise
        raise ForkError(f"{spec}: a forked process cannot use its parent's GPU. {SPAWN}") from None


def _is_one_image(images: object) -> bool:
    is_array = isinstance(images, np.ndarray) and images.ndim < 4
    return is_array or isinstance(images, (str, bytes, Path)) or hasattr(images, "convert")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def check_template(template: str) -> str:
    """Return a template that holds exactly one ``{}`` and no other brace.

    Raises
    ------
    ValueError
        If it does not.
    """
    text = template if isinstance(template, str) else ""
    if text.count("{}") != 1 or set(text.replace("{}", "")) & set("{}"):
        raise ValueError(f"a template must hold {{}} once, where the name goes; got {template!r}.")
    return template


def check_batch(batch_size: int | None) -> int | None:
    """Return a batch size that is None or at least 1."""
    return None if batch_size is None else check_count(batch_size, "batch_size")


def length_batches(
    lengths: IntArray, batch_size: int | None, n_tokens: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield row numbers in batches of texts of equal length, short ones first.

    Parameters
    ----------
    lengths : ndarray of shape (n,), int64
        Tokens per text.
    batch_size : int or None
        Texts at a time; None takes as many as hold `n_tokens`.
    """
    order = np.argsort(lengths, kind="stable")
    borders = np.flatnonzero(np.diff(lengths[order])) + 1
    for group in np.split(order, borders):
        size = batch_size or max(1, n_tokens // max(1, int(lengths[group[0]])))
        for start in range(0, len(group), size):
            yield group[start : start + size]


def mean_token_embeddings(table: FloatArray, ids: IdRows) -> FloatArray:
    """Average the rows of an embedding table over each text's ids; no ids give a zero row.

    Parameters
    ----------
    table : ndarray of shape (vocabulary, token_dim)
    ids : sequence of n sequences of int

    Returns
    -------
    ndarray of shape (n, token_dim), float32
    """
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
    out = np.zeros((len(ids), table.shape[1]), dtype=np.float32)
    filled = np.flatnonzero(lengths)
    if len(filled):
        flat = np.concatenate([np.asarray(ids[row], dtype=np.int64) for row in filled.tolist()])
        starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
        sums = np.add.reduceat(table[flat], starts, axis=0)
        out[filled] = sums / lengths[filled][:, None]
    return out
