"""What every suite shares: where other people's data lies, which sizes to run at, how hypothesis searches."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.servers import kafka_server, redis_server, registry_server

# Here and nowhere else: a fixture that a folder imports is another one, and starts a server of its own.
__all__ = ["kafka_server", "redis_server", "registry_server"]

ROOT = Path(__file__).resolve().parent.parent
FULL = os.environ.get("TIDEGATE_FULL") == "1"

# The same examples on every run, so that a red build is red again on the next machine; no deadline, since a busy
# machine is no defect.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
# make prove searches anew each time, and longer. What it finds becomes a named test.
settings.register_profile(
    "full", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("full" if FULL else "ci")


def _shared_data_dir() -> Path:
    return Path(os.environ.get("TIDEGATE_SHARED") or ROOT.parent / "shared") / "data"


SERVERS_TIMEOUT_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test is the first to ask for a server waits, on a machine that has none yet, until it is fetched."""
    for item in items:
        if item.get_closest_marker("servers") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SERVERS_TIMEOUT_S))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked shared_data is skipped where that data is absent, and only there."""
    if item.get_closest_marker("shared_data") and not _shared_data_dir().is_dir():
        pytest.skip(f"no shared data at {_shared_data_dir()}: set TIDEGATE_SHARED to the folder that holds data/")


@pytest.fixture(scope="session")
def shared_data_dir() -> Path:
    """The folder of other people's data (instruments, margin ladders, markets, ...); mark the test shared_data."""
    return _shared_data_dir()


@pytest.fixture(scope="session")
def full_sizes() -> bool:
    """True under make prove (TIDEGATE_FULL=1): run at the sizes that the requirements name."""
    return FULL
