"""Which addresses a provider may have, and how a question becomes one of them."""

from collections.abc import Collection, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from yarl import URL

_DOTS: Final = frozenset({".", ".."})


class UnfitAddress(ValueError):
    """An address that no provider may have; the message says why."""


def checked_base(address: str, hosts_allowed: Collection[str]) -> str:
    """Give the base URL without its last slash when a provider may have it.

    That is https, to a host that is allowed (by name, or ``name:port`` for another port than 443), with no user, query
    or fragment; or http or https to loopback.

    Raises:
        UnfitAddress: any other.
    """
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise UnfitAddress("is no address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise UnfitAddress("must start with https:// and name a host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment or "?" in address:
        raise UnfitAddress("must hold no user, query or fragment; credentials are settings of their own")
    if _DOTS.intersection(unquote(parts.path).split("/")):
        raise UnfitAddress("must hold no dot segments")
    if not is_loopback(host):
        if parts.scheme != "https":
            raise UnfitAddress("must be https beyond loopback")
        named = host if port in {None, 443} else f"{host}:{port}"
        if named not in {allowed.lower() for allowed in hosts_allowed}:
            raise UnfitAddress(f"names {named}, which is not an allowed host")
    return address.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def address_under(base: str, path: str, *, query: Sequence[tuple[str, str]] = ()) -> URL:
    """Give the URL of an escaped path under a base.

    Raises:
        UnfitAddress: the path leaves the base.
    """
    if not path.startswith("/") or _DOTS.intersection(unquote(segment) for segment in path.split("/")):
        raise UnfitAddress("the path leaves the provider's base URL")
    return URL(f"{base}{path}{'?' if query else ''}{urlencode(query)}", encoded=True)


def escaped(value: str) -> str:
    """Escape a value for one segment of a path: nothing in it is structure."""
    return quote(value, safe="")
