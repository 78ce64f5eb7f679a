"""The explorer's process: started, asked by the example's client, and stopped by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from namebasis.space import Space

pytest.importorskip("uvicorn", reason="needs the extra explore")

from namebasis.explore.server import free_port

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of its own, and the line that it said."""
    port = free_port("127.0.0.1", 18_760)
    command = ["-m", "namebasis", "explore", str(folder / "my.space"), "--no-open"]
    with subprocess.Popen(
        [sys.executable, *command, "--port", str(port)], env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as found:  # fmt: skip
        assert found.stderr is not None
        said = found.stderr.readline()
        yield found, said
        found.kill()


def client(address: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NAMEBASIS_SERVICE": address}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / "client.py"), *words], text=True,
        env=environment, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.long
def test_the_example_asks_and_ctrl_c_is_quiet(
    process: tuple[subprocess.Popen[str], str], space: Space
) -> None:
    running, said = process
    address = said.split()[2]
    assert said == f"exploring at {address} (Ctrl-C stops)\n"
    done = client(address, "a senior lady")  # the port is open as soon as it is named
    assert done.returncode == 0, done.stderr
    *names, prompt = done.stdout.splitlines()
    found = space.nearest("a senior lady", 5).to_dict()["names"]
    assert names == [f"{one['similarity']:.2f}  {one['name']}" for one in found]
    assert prompt == space.paint("a senior lady", 2, syntax="comfyui").to_dict()["prompt"]
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (out, err) == ("", "")
    assert running.returncode in (0, 130)


def test_the_example_needs_nothing_and_has_30_lines() -> None:
    text = (REPOSITORY / "examples" / "client.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    words = [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert {word.partition(".")[0] for word in words} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("nonsense.invalid", "nonsense.invalid is no address of this machine"),
        ("203.0.113.7", "203.0.113.7 is no address of this machine"),
    ],
)
def test_a_host_that_is_none_is_not_taken_for_a_busy_port(host: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        free_port(host, 18_800)
