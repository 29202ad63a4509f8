"""Keys of a live issuer: discovered, cached, rotated, never flooded (spec/assessment.md section 6)."""

import asyncio
import random

import pytest
from aiohttp import web
from tests.outbound.identity.issuers import HttpIssuer, Ticks, a_jwk

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.identity.endpoints import DOCUMENT_BYTES_MAX, UnfitAddress
from tidegate.outbound.identity.issuer_keys import (
    FIRST_GAP_MS,
    KEYS_AGE_MS_MAX,
    REFRESH_AGE_MS,
    RETRY_GAP_MS,
    UNKNOWN_KID_GAP_MS,
    IssuerKeys,
)

TEN_MINUTES_MS = 600_000


async def test_keys_are_discovered_once_and_cached(issuer: HttpIssuer, keys: IssuerKeys) -> None:
    """One discovery and one JWKS serve any number of questions; the key stays the same object."""
    first = await keys.of("one")
    assert len(first) == 1
    assert (await keys.of("one"))[0] is first[0]
    assert issuer.asked == {"discovery": 1, "jwks": 1, "elsewhere": 0}


async def test_ten_thousand_random_kids_fetch_once(issuer: HttpIssuer, keys: IssuerKeys) -> None:
    """A flood of unknown kids against a cold cache, all at once, costs the issuer one fetch."""
    drawn = random.Random(7)
    floods = [keys.of(f"{drawn.getrandbits(128):x}") for _ in range(10_000)]
    assert not any(await asyncio.gather(*floods))
    assert issuer.asked["jwks"] == 1


async def test_ten_thousand_random_kids_fetch_once_beside_known_ones(
    issuer: HttpIssuer, keys: IssuerKeys, ticks: Ticks
) -> None:
    """With keys at hand a flood costs one fetch in 10 s, and known kids are answered all the while."""
    await keys.of("one")
    for each in range(10_000):
        ticks.now_ms += 1 if each % 2 else 0  # 5 s in all
        assert not await keys.of(f"random-{each}")
        assert await keys.of("one")
    assert issuer.asked["jwks"] == 2
    ticks.now_ms += UNKNOWN_KID_GAP_MS - 5_000
    await keys.of("another")
    assert issuer.asked["jwks"] == 3


async def test_a_new_key_is_taken_at_once_after_a_rotation(issuer: HttpIssuer, keys: IssuerKeys) -> None:
    """Rotation needs no restart and no wait: the first token of the new key fetches it."""
    await keys.of("one")
    issuer.keys = [a_jwk("two"), *issuer.keys]
    assert await keys.of("two")
    assert await keys.of("one")
    assert issuer.asked["jwks"] == 2


async def test_a_replaced_key_of_the_same_kid_is_another_key(
    issuer: HttpIssuer, keys: IssuerKeys, ticks: Ticks
) -> None:
    """What was verified with the old key is not taken for verified with the new one."""
    (old,) = await keys.of("one")
    issuer.keys = [a_jwk("one")]
    ticks.now_ms += KEYS_AGE_MS_MAX
    (new,) = await keys.of("one")
    assert new is not old


async def test_a_retired_key_is_refused_within_ten_minutes(issuer: HttpIssuer, keys: IssuerKeys, ticks: Ticks) -> None:
    """Asked all the time or not at all: at ten minutes a key gone from the JWKS is gone here."""
    await keys.of("one")
    issuer.keys = [a_jwk("two")]
    ticks.now_ms += TEN_MINUTES_MS
    assert not any(await asyncio.gather(*(keys.of("one") for _ in range(50))))


async def test_a_retired_key_is_refused_after_the_refresh_behind_the_scenes(
    issuer: HttpIssuer, keys: IssuerKeys, ticks: Ticks
) -> None:
    """Keys of five minutes are refreshed without anybody waiting for it."""
    await keys.of("one")
    issuer.keys = [a_jwk("two")]
    issuer.gate.clear()
    ticks.now_ms += REFRESH_AGE_MS
    assert await keys.of("one")  # answered while the issuer is still thinking
    issuer.gate.set()
    assert await keys.of("two")  # waits for the same fetch
    assert not await keys.of("one")
    assert issuer.asked["jwks"] == 2


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500, body=b"oops"),
        web.Response(status=200, body=b"{"),
        web.Response(status=200, body=b"[]"),
        web.Response(status=200, body=b'{"keys": {}}'),
        web.Response(status=200, body=b'{"keys": [' + b"{}," * 300 + b"{}]}"),
        web.Response(status=200, body=b"[" * 50_000),
        web.Response(status=200, body=b'"' + b"x" * DOCUMENT_BYTES_MAX + b'"'),
        web.Response(status=200, body=b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"}),
        web.Response(status=302, body=b"", headers={"Location": "/elsewhere"}),
        web.Response(status=204, body=b""),
    ],
    ids=["500", "no JSON", "a list", "keys an object", "300 keys", "deep", "too large", "gzip", "redirect", "204"],
)
async def test_keys_are_kept_when_the_fetch_fails(
    issuer: HttpIssuer, keys: IssuerKeys, ticks: Ticks, answer: web.Response
) -> None:
    """An issuer that answers badly changes nothing, and no redirect is followed; it is asked again 10 s later."""
    await keys.of("one")
    issuer.answer = answer
    assert not await keys.of("unknown")
    assert await keys.of("one")
    ticks.now_ms += TEN_MINUTES_MS
    assert await keys.of("one")
    assert issuer.asked["elsewhere"] == 0
    issuer.answer = None
    issuer.keys = [a_jwk("two")]
    ticks.now_ms += RETRY_GAP_MS
    assert await keys.of("two")
    assert not await keys.of("one")


async def test_keys_are_kept_when_the_issuer_is_gone(issuer: HttpIssuer, keys: IssuerKeys, ticks: Ticks) -> None:
    """Nobody listens any more: held keys serve on."""
    await keys.of("one")
    await issuer.stop()
    ticks.now_ms += TEN_MINUTES_MS
    assert await keys.of("one")
    assert not await keys.of("unknown")


async def test_an_issuer_that_never_answered_is_a_failed_dependency(
    issuer: HttpIssuer, keys: IssuerKeys, ticks: Ticks
) -> None:
    """Without keys nothing is refused for good: the caller may come again, and the issuer is asked once a second."""
    issuer.answer = web.Response(status=503, body=b"")
    assert await keys.probe() is not None
    for _ in range(5):
        with pytest.raises(DependencyFailed):
            await keys.of("one")
    assert issuer.asked["discovery"] == 1
    issuer.answer = None
    ticks.now_ms += FIRST_GAP_MS
    assert await keys.of("one")
    assert await keys.probe() is None


async def test_many_that_wait_share_one_fetch_and_one_that_leaves_ends_nothing(
    issuer: HttpIssuer, keys: IssuerKeys
) -> None:
    """Fetches are single-flight; a cancelled caller does not cancel it for the others."""
    issuer.gate.clear()
    waiting = [asyncio.create_task(keys.of("one")) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    issuer.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(each, tuple) and len(each) == 1 for each in found[1:])
    assert issuer.asked["jwks"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://127.0.0.1:1/realm"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user:secret@127.0.0.1/jwks"},
    ],
)
async def test_a_discovery_document_of_another_or_with_an_unfit_address_is_not_followed(
    issuer: HttpIssuer, keys: IssuerKeys, change: dict[str, object]
) -> None:
    """The document must name our issuer exactly, and its JWKS must be https or on loopback."""
    issuer.discovery |= change
    with pytest.raises(DependencyFailed):
        await keys.of("one")
    assert issuer.asked["jwks"] == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://issuer.example/realm",
        "ftp://127.0.0.1/",
        "127.0.0.1:80",
        "http://",
        "http://[::2]/",
        "http://127.0.0.1:x/",
    ],
)
async def test_an_issuer_that_is_neither_https_nor_loopback_is_refused(address: str) -> None:
    """Plain http is taken on loopback only."""
    with pytest.raises(UnfitAddress):
        IssuerKeys.open(address)


@pytest.mark.parametrize("address", ["https://issuer.example/realm", "http://localhost:8080/r", "http://[::1]:8080/r"])
async def test_an_issuer_on_https_or_loopback_is_taken(address: str) -> None:
    """The other side of the rule."""
    await IssuerKeys.open(address).close()
