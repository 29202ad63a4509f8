"""Only addresses that were allowed are asked, and nothing in a request leads to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.outbound.providers.addresses import UnfitAddress, address_under, checked_base, escaped

ALLOWED = ("www.zefix.admin.ch", "api.example.ch:8443")


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("https://www.zefix.admin.ch/ZefixPublicREST", "https://www.zefix.admin.ch/ZefixPublicREST"),
        ("https://WWW.zefix.admin.ch/", "https://WWW.zefix.admin.ch"),
        ("https://www.zefix.admin.ch:443", "https://www.zefix.admin.ch:443"),
        ("https://api.example.ch:8443/v1", "https://api.example.ch:8443/v1"),
        ("http://127.0.0.1:9000/zefix", "http://127.0.0.1:9000/zefix"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_base_that_is_allowed_is_taken_without_its_last_slash(address: str, base: str) -> None:
    """AS-504: https to an allowed host and port; http on loopback."""
    assert checked_base(address, ALLOWED) == base


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://www.zefix.admin.ch", "https beyond loopback"),
        ("https://zefix.example", "not an allowed host"),
        ("https://www.zefix.admin.ch:8443", "not an allowed host"),
        ("https://www.zefix.admin.ch.evil.example", "not an allowed host"),
        ("https://www.zefix.admin.ch@evil.example", "user"),
        ("https://me:secret@www.zefix.admin.ch", "credentials"),
        ("https://www.zefix.admin.ch/?a=b", "query"),
        ("https://www.zefix.admin.ch/#part", "fragment"),
        ("https://www.zefix.admin.ch/a/../b", "dot segments"),
        ("https://www.zefix.admin.ch/%2e%2e/b", "dot segments"),
        ("https://www.zefix.admin.ch:port", "no address"),
        ("ftp://127.0.0.1", "https://"),
        ("https://", "https://"),
        ("", "https://"),
        ("http://10.0.0.1", "https beyond loopback"),
    ],
)
def test_base_that_is_not_allowed_is_refused_in_words(address: str, told: str) -> None:
    """AS-504: any other host, port or scheme, and whatever hides one, is refused."""
    with pytest.raises(UnfitAddress, match=told):
        checked_base(address, ALLOWED)


@given(value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_value_in_a_path_stays_one_segment_under_the_base(value: str) -> None:
    """AS-504, AS-540: whatever a request holds, it is one segment of the path, or refused."""
    base = "https://api.example.ch/v1"
    try:
        url = address_under(base, f"/subjects/{escaped(value)}/score", query=[("name", value)])
    except UnfitAddress:
        assert value in {".", ".."}
        return
    assert (url.scheme, url.host, url.fragment) == ("https", "api.example.ch", "")
    assert url.raw_path.count("/") == 4
    assert url.raw_path.startswith("/v1/subjects/")
    assert url.raw_path.endswith("/score")
    assert url.query.getall("name") == [value]


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a/%2E%2e/b", "/./a"])
def test_path_that_leaves_the_base_is_refused(path: str) -> None:
    """AS-504: a question cannot climb out of its base."""
    with pytest.raises(UnfitAddress, match="leaves"):
        address_under("https://api.example.ch/v1", path)
