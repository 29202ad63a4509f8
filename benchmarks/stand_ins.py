"""Stand-ins of outside data providers for a desk under test, served from a thread of the benchmark."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tidegate.demo.stub_providers.server import PASSWORD, USERNAME, StubProviders


class StandIns:
    """Running stand-ins: how a desk finds them, and how often they were asked."""

    def __init__(self, stub: StubProviders) -> None:
        self._stub = stub

    @property
    def settings(self) -> Mapping[str, str]:
        """Give the settings that make a desk ask Zefix here."""
        return {
            "TIDEGATE_ZEFIX_URL": f"{self._stub.url}/zefix",
            "TIDEGATE_ZEFIX_USERNAME": USERNAME,
            "TIDEGATE_ZEFIX_PASSWORD": PASSWORD,
        }

    @property
    def calls(self) -> int:
        """Count the requests to Zefix."""
        return self._stub.zefix.calls


@contextmanager
def serving_stand_ins() -> Iterator[StandIns]:
    """Serve stand-ins until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stand-ins")
    thread.start()
    try:
        stub = StubProviders()
        asyncio.run_coroutine_threadsafe(stub.start(), loop).result(10)
        try:
            yield StandIns(stub)
        finally:
            asyncio.run_coroutine_threadsafe(stub.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
