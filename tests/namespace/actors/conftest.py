"""One Ray for all long tests but those that watch it start and stop."""

from __future__ import annotations

import os
import sys

import pytest

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"


@pytest.fixture(scope="session")
def two_cores() -> None:
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)


@pytest.fixture(autouse=True)
def ray_of_long_tests(request: pytest.FixtureRequest) -> None:
    """The others ask none, which takes ten seconds of a core to start and goes on taking."""
    pytest.importorskip("ray", reason="the ray extra is not installed")
    if request.node.get_closest_marker("long"):
        request.getfixturevalue("two_cores")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Ray ends with the last of these tests; a fixture would hold it to the end of all."""
    is_last = nextitem is None or nextitem.path.parent != item.path.parent
    if is_last and (ray := sys.modules.get("ray")):
        ray.shutdown()
