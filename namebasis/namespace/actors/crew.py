"""A study's work in blocks: in this process, or on actors of Ray that each open the space."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from namebasis.checks import Progress
from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace.actors.cluster import SHARE, RayCluster, check_engine, connected, share
from namebasis.namespace.actors.pool import Pool
from namebasis.namespace.computed.reading import read_by
from namebasis.namespace.objects.urls import CREDENTIALS, said, url_of
from namebasis.namespace.store.engine_errors import one_line

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

Advance = Callable[[int], None]
_Block_contra = TypeVar("_Block_contra", contravariant=True)
_Found_co = TypeVar("_Found_co", covariant=True)
_Block = TypeVar("_Block")
_Found = TypeVar("_Found")


class Job(Protocol[_Block_contra, _Found_co]):
    """What is done with each block; picklable, and told of progress in any unit."""

    def __call__(self, space: Any, block: _Block_contra, advance: Advance, /) -> _Found_co:
        """Work on one block by reading the space, and by asking its encoder."""


class Crew:
    """Does jobs in blocks in this process.

    Attributes
    ----------
    space : Space
        As the view that was asked for reads prompts.
    """

    def __init__(self, space: StoredSpace) -> None:
        self.space = space

    def map(
        self, job: Job[_Block, _Found], blocks: Sequence[_Block], advance: Advance | None = None
    ) -> list[_Found]:
        """What the job makes of each block, in their order.

        On actors `advance` is called once for each block that is done, else as the job calls it.
        """
        return [job(self.space, block, advance or _nothing) for block in blocks]


class RayCrew(Crew):
    """Does jobs in blocks on actors, which start with the first job and stay for the next."""

    def __init__(
        self, opened: StoredSpace, space: StoredSpace, ray: Any, n_actors: int | None
    ) -> None:
        super().__init__(space)
        self._ray = ray
        self._n_jobs = 0
        n, resources = share(ray, n_actors)
        function, given, *_ = opened.__reduce__()
        reopen = partial(function, *given)  # unpickled, it opens nothing before it is called
        made = partial(_Member, said(opened.path), len(opened), reopen, space.read_by)
        self._pool = Pool(ray, made, n, resources)

    def map(
        self, job: Job[_Block, _Found], blocks: Sequence[_Block], advance: Advance | None = None
    ) -> list[_Found]:
        self._n_jobs += 1
        number, sent = self._n_jobs, self._ray.put(job)
        found: dict[int, _Found] = {}
        # In a list, Ray does not unpack what was put there: an actor reads it once.
        parcels = [(number, [sent], block) for block in blocks]
        for at, (n_done, one) in self._pool.map(
            parcels, lambda at: f"the names of block {at + 1:,} of {len(blocks):,}"
        ):
            found[at] = one
            if advance is not None:
                advance(n_done)
        return [found[at] for at in range(len(blocks))]

    def close(self) -> None:
        """End the actors."""
        self._pool.close()


@contextmanager
def crew_of(
    space: StoredSpace,
    engine: str = "local",
    n_actors: int | None = None,
    address: str | None = None,
    *,
    view: str = "text",
) -> Iterator[Crew]:
    """Whoever does a study's work in blocks.

    Parameters
    ----------
    space : Space
    engine : {"local", "ray"}
    n_actors : int, optional
        Under Ray; by default one for each GPU, or else for each core.
    address : str, optional
        Of a Ray cluster; by default a Ray of its own is started, and stopped afterwards.
    view : str
        What reads prompts; see `read_by`.

    Raises
    ------
    ValueError
        If there is no such engine, or Ray's settings are given to the local one.
    MissingExtraError
        If Ray is not installed.
    NamebasisError
        If no cluster answers.
    """
    cluster = check_engine(engine, RayCluster(address, n_actors))
    if cluster is None:
        yield Crew(read_by(space, view))
        return
    with connected(cluster) as ray:
        members = RayCrew(space, read_by(space, view), ray, n_actors)
        try:
            yield members
        finally:
            members.close()


def batches(n: int, size: int) -> list[slice]:
    """Parts of `size` rows, the last one shorter, of n rows."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def counting(progress: Progress | None, total: int, done: int = 0) -> Advance:
    """Turn a progress callback of (done, total) into one that is told what was added."""

    def advance(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress(done, total)

    return advance


def _nothing(_n: int) -> None:
    """Nobody wants to know how far it is."""


class _Member:
    """In an actor: opens the space by its path or address and does jobs on blocks."""

    def __init__(
        self, path: str, n_rows: int, reopen: Callable[[], StoredSpace], view: str
    ) -> None:
        try:
            opened = reopen()
        except ReplacedError:
            raise
        except SpaceError as error:
            needs = SHARE if url_of(path) is None else CREDENTIALS
            raise SpaceError(
                f"{path}: the space cannot be opened on machine {platform.node()}. {needs} "
                f"({one_line(error)})"
            ) from None
        if len(opened) != n_rows:
            raise ReplacedError(
                f"{path}: names were added while the study began ({n_rows:,} then, "
                f"{len(opened):,} now). Run it again."
            )
        self._space = read_by(opened, view)
        self._number, self._job = 0, None

    def __call__(self, parcel: tuple[int, list[Any], Any]) -> tuple[int, Any]:
        number, (sent,), block = parcel
        if number != self._number:
            import ray

            self._number, self._job = number, ray.get(sent)
        counted = [0]

        def advance(n: int) -> None:
            counted[0] += n

        found = self._job(self._space, block, advance)  # type: ignore[misc]
        return counted[0], found
