"""Takes a gRPC port off the network while calls on its connections go on, which the library itself has no way to do.

Several workers listen on one port; one that leaves must stop to be chosen for new connections before it ends. Closing a
listening socket resets what was shaken hands on and not accepted yet. So first it refuses to begin any handshake (a
filter that drops SYN: the caller repeats it after a second, and then another worker is chosen), those under way are let
end, and then the socket leaves. Linux alone.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from typing import Final

SETTLE_S: Final = 0.2
"""What handshakes under way are given to end and to be accepted."""

_SO_ATTACH_FILTER: Final = 26
_DROP_SYN: Final = (
    (0x30, 0, 0, 13),  # the flags of the TCP header
    (0x54, 0, 0, 0x12),  # of them SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone begins a handshake:
    (0x06, 0, 0, 0),  # dropped
    (0x06, 0, 0, 0xFFFF_FFFF),  # all else passes
)
"""A program of the classic packet filter: code, jump if true, jump if not, operand."""


async def leave(port: int) -> None:
    """Take this process's listening sockets of a port off the network; connections that there are go on."""
    with contextlib.ExitStack() as stack:
        listening = [stack.enter_context(found) for found in _listening_on(port)]
        for listener in listening:
            _begin_none(listener)
        await asyncio.sleep(SETTLE_S)
        for listener in listening:
            listener.shutdown(socket.SHUT_RD)


def _listening_on(port: int) -> Iterator[socket.socket]:
    """Give the listening sockets of a port that this process has, each as a further handle on it."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        try:
            found = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # no socket, or closed meanwhile
            continue
        if _is_listening_on(found, port):
            yield found
        else:
            found.close()


def _is_listening_on(found: socket.socket, port: int) -> bool:
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        return False
    listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return bool(listening) and found.getsockname()[1] == port


def _begin_none(listener: socket.socket) -> None:
    program = b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN)
    kept = ctypes.create_string_buffer(program)
    described = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(kept))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
