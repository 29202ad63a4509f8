"""A service that the tests of this folder share when they do not break it, and folders for those that do."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.processes import Served, end_server_of
from tests.system.world import CALM, market_seed


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A data folder of its own; what runs on it at the end is ended."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-system-"))
    try:
        yield folder / "data"
    finally:
        end_server_of(folder / "data")
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def calm_service() -> Iterator[Served]:
    """A running service in a market that stands still. Tests bring users of their own and leave its state alone."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-system-"))
    try:
        with Served(folder / "data", settings=CALM, seed=market_seed(folder)) as served:
            yield served
    finally:
        end_server_of(folder / "data")
        shutil.rmtree(folder)
