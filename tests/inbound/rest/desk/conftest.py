"""One desk a test."""

import pytest
from tests.inbound.rest.desk.desk_api import DeskApi


@pytest.fixture
def desk() -> DeskApi:
    """The API over memory twins; nothing is configured."""
    return DeskApi()
