"""`python -m services NAME...` starts real servers, prints where they are, and ends them at SIGINT or SIGTERM."""

import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Final, Protocol

from services.debian import ServerMissing
from services.keycloak import Keycloak


class Server(AbstractContextManager["Server"], Protocol):
    """What every server here is: a context that ends it, and its address."""

    url: str


SERVERS: Final[Mapping[str, Callable[[], Server]]] = {"keycloak": Keycloak.start}


def main(names: list[str]) -> int:
    """Serve until told to stop; 2 for a name that is not known, 1 for a server that cannot be had."""
    if unknown := sorted(set(names) - set(SERVERS)):
        print(f"no such server: {', '.join(unknown)}; there are {', '.join(SERVERS)}", file=sys.stderr)
        return 2
    stopped = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopped)
    with ExitStack() as stack:
        for name in names or SERVERS:
            try:
                print(f"{name} {stack.enter_context(SERVERS[name]()).url}", flush=True)
            except ServerMissing as missing:
                print(f"{name}: {missing}", file=sys.stderr)
                return 1
        signal.sigwait(stopped)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
