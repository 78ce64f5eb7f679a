"""Where actors run: a Ray of namebasis' own, or a cluster that already runs."""

from __future__ import annotations

import logging
import math
import os
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from namebasis.checks import check_count
from namebasis.errors import MissingExtraError, NamebasisError
from namebasis.namespace.store.engine_errors import one_line

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

ENGINES = ("local", "ray")

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # or it writes a token into the home folder
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # or an actor that dies is told of on stderr
}
"""Ray reads these when it is imported; what the user has set stays."""
_GREETING = b"Set ray log level from environment variable"

SHARE = "A Ray cluster needs a folder that all its machines share, under the same path."

EncoderFactory = Callable[[], "Encoder"]
Resources = dict[str, float]


@dataclass(frozen=True)
class RayCluster:
    """Where the actors of a build or a study run.

    Attributes
    ----------
    address : str or None
        Of a cluster to join; None starts a Ray of its own, and stops it afterwards. A Ray that
        this process is connected to already is used as it is.
    n_actors : int or None
        Actors at work at once; None is one for each GPU, or one for each core where there is
        no GPU.
    encoder_factory : callable or None
        Gives the encoder inside a build's actor; picklable. None is `load_encoder` with the spec
        and revision of the driver's encoder.
    """

    address: str | None = None
    n_actors: int | None = None
    encoder_factory: EncoderFactory | None = None


def check_engine(engine: str, cluster: RayCluster) -> RayCluster | None:
    """Return where Ray's actors run; None for the local engine.

    Raises
    ------
    ValueError
        If there is no such engine, or settings of Ray are given to the local one.
    """
    if engine not in ENGINES:
        said = " (a search engine answers nearest, basis and explore)" * (":" in engine)
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}; got {engine!r}{said}.")
    if cluster.n_actors is not None:
        check_count(cluster.n_actors, "n_actors")
    if engine == "ray":
        return cluster
    given = [one.name for one in fields(cluster) if getattr(cluster, one.name) is not None]
    if given:
        raise ValueError(f"{given[0]} works only with engine='ray'.")
    return None


def share(ray: Any, n_actors: int | None, n_blocks: int | None = None) -> tuple[int, Resources]:
    """How many actors, at most one for each block, and the cores and GPUs of each."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cores = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1]
    n_gpus = int(sum(node.get("GPU", 0) for node in nodes))
    n_actors = n_actors or n_gpus or max(1, sum(cores))
    n_actors = n_actors if n_blocks is None else max(1, min(n_actors, n_blocks))
    each: float = min(sum(cores) // n_actors, *cores) if cores else 0
    if each < 1 and cores:  # more actors than cores share them
        each = math.floor(100 * sum(cores) / n_actors) / 100
    return n_actors, {"num_cpus": each or 1, "num_gpus": min(1, n_gpus // n_actors)}


@contextmanager
def without_greeting() -> Iterator[None]:
    """Keep away the line with which Ray's library says on stderr that it read its log level.

    It is written before that level holds, so no level and no logger of Python's stops it.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # closed
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            held.seek(0)
            others = [line for line in held if _GREETING not in line]
            with os.fdopen(stderr, "wb", buffering=0) as stream, suppress(OSError):
                stream.write(b"".join(others))


@contextmanager
def connected(cluster: RayCluster) -> Iterator[Any]:
    """Connect to Ray, or start one of one's own; only that one is stopped afterwards."""
    for variable, value in SETTINGS.items():
        os.environ.setdefault(variable, value)
    try:
        import ray
    except ImportError:
        raise MissingExtraError("the ray engine", "ray") from None
    if ray.is_initialized():
        yield ray
        return
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if cluster.address is None:
            n_cpus = max(cluster.n_actors or 1, _usable_cores())
            with warnings.catch_warnings():
                # Ray's own processes are forked and at once become other programs.
                warnings.filterwarnings("ignore", "lance is not fork-safe")
                with without_greeting():
                    ray.init("local", num_cpus=n_cpus, include_dashboard=False, **quiet)
        else:
            _knock(cluster.address)
            with without_greeting():
                ray.init(cluster.address, **quiet)
    except (OSError, ValueError) as error:
        where = cluster.address or "local"
        raise NamebasisError(f"no Ray cluster answers at {where}: {one_line(error)}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError within seconds where nobody listens; Ray itself tries for many minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon:
        if not port.isdecimal():
            raise ValueError(f"its port must be a number, got {port!r}")
        socket.create_connection((host, int(port)), timeout=5).close()


def _usable_cores() -> int:
    """Cores that this process may use, which in a container are not all of the machine's."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
