"""`python -m services NAME...` starts real servers, prints where they are, and ends them at SIGINT or SIGTERM."""

import contextlib
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Final, Protocol

from services.debian import ServerMissing
from services.kafka import Kafka
from services.keycloak import Keycloak
from services.redis import Redis
from services.registry import Registry


class Server(AbstractContextManager["Server"], Protocol):
    """What every server here is: a context that ends it, and its address."""

    url: str


SERVERS: Final[Mapping[str, Callable[[], Server]]] = {
    "redis": Redis.start,
    "kafka": Kafka.start,
    "registry": Registry.start,
    "keycloak": Keycloak.start,
}


def main(names: list[str]) -> int:
    """Serve until told to stop; 2 for a name that is not known, 1 for a server that cannot be had."""
    if unknown := sorted(set(names) - set(SERVERS)):
        print(f"no such server: {', '.join(unknown)}; there are {', '.join(SERVERS)}", file=sys.stderr)
        return 2
    # Both ways to stop unwind the stack, also while a server is still starting. A blocked signal would be inherited.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), ExitStack() as stack:
        for name in names or SERVERS:
            try:
                print(f"{name} {stack.enter_context(SERVERS[name]()).url}", flush=True)
            except ServerMissing as missing:
                print(f"{name}: {missing}", file=sys.stderr)
                return 1
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
