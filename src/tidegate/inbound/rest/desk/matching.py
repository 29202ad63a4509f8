"""If-Match at the desk: honoured where it is sent, and not required."""

from collections.abc import Awaitable, Callable

from tidegate.inbound.rest.versions import check_match

ANY_VERSION = "*"


async def version_seen(if_match: str | None, current: Callable[[], Awaitable[int]]) -> int | None:
    """Give the version that a change must find; None when its caller takes any.

    ``current`` is asked only when the header names a version.

    Raises:
        RequestRefused: 412 when the header does not name the current version.
    """
    if if_match is None:
        return None
    if ANY_VERSION in {tag.strip() for tag in if_match.split(",")}:
        return None
    version = await current()
    check_match(if_match, version)
    return version
