"""The tiny issuer: the same kind of tokens as Keycloak's, on loopback, never in production."""

import stat
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.inbound.shared.tokens import NOW_S, FakeClock, PublishedKeys

from tidegate.demo.issuer import KEY_FILE, IssuerRefused, NoIssuerKeys, TinyIssuer, TokenWish
from tidegate.inbound.shared.token_guard import TokenGuard, Unauthenticated
from tidegate.outbound.identity.verification import VerificationKey, verification_keys

ISS = "http://127.0.0.1:8080/issuer"
WISH = TokenWish(("RISK_ADMIN", "RISK_AUDITOR"), NOW_S)


def _guard(issuer: TinyIssuer, *, audience: str = "tidegate") -> TokenGuard:
    keys = PublishedKeys()
    keys._keys = verification_keys(issuer.jwks(), {})
    return TokenGuard(keys, FakeClock(), issuer=ISS, audience=audience)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_token_of_the_tiny_issuer_is_taken(algorithm: str) -> None:
    """PL-110: the token carries the roles that were asked for and passes every rule of the guard."""
    issuer = TinyIssuer.start(ISS, profile="demo")
    principal = await _guard(issuer).principal(issuer.token(WISH, algorithm=algorithm))
    assert principal.roles == {"RISK_ADMIN", "RISK_AUDITOR"}
    assert principal.subject == "demo"


@pytest.mark.parametrize(
    "wish",
    [
        TokenWish(("RISK_ADMIN",), NOW_S, audience="another"),
        TokenWish(("RISK_ADMIN",), NOW_S, ttl_s=-60),
        TokenWish(("RISK_ADMIN",), NOW_S + 3_600, ttl_s=-3_660),
    ],
)
async def test_a_token_for_another_audience_or_an_expired_one_can_be_made_and_is_refused(wish: TokenWish) -> None:
    """PL-110: audience and lifetime are those asked for, so that refusals can be shown too."""
    issuer = TinyIssuer.start(ISS, profile="demo")
    with pytest.raises(Unauthenticated):
        await _guard(issuer).principal(issuer.token(wish))


async def test_another_process_signs_with_the_keys_in_the_data_folder(tmp_path: Path) -> None:
    """PL-110: tidegate token --data DIR gives what the running server accepts, and the keys outlive a restart."""
    serving = TinyIssuer.start(ISS, profile="demo", data_dir=tmp_path)
    token = TinyIssuer.kept_in(tmp_path).token(WISH)
    assert (await _guard(serving).principal(token)).subject == "demo"
    restarted = TinyIssuer.start(ISS, profile="demo", data_dir=tmp_path)
    assert restarted.jwks() == serving.jwks()


def test_a_restart_at_another_port_signs_as_the_new_issuer(tmp_path: Path) -> None:
    """The data folder names the issuer that was started last."""
    TinyIssuer.start(ISS, profile="demo", data_dir=tmp_path)
    TinyIssuer.start("http://127.0.0.1:9/issuer", profile="demo", data_dir=tmp_path)
    assert TinyIssuer.kept_in(tmp_path).issuer == "http://127.0.0.1:9/issuer"


def test_the_key_file_is_the_owners_alone(tmp_path: Path) -> None:
    """Keys lie in the data folder with mode 0600; a file open to others is not used."""
    TinyIssuer.start(ISS, profile="demo", data_dir=tmp_path)
    path = tmp_path / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(NoIssuerKeys, match="0600"):
        TinyIssuer.kept_in(tmp_path)
    with pytest.raises(NoIssuerKeys):
        TinyIssuer.start(ISS, profile="demo", data_dir=tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"issuer": "x", "keys": {"RS256": {}, "ES256": {}}}'])
def test_a_key_file_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, content: str) -> None:
    """A spoilt file is named; it is never replaced in silence."""
    path = tmp_path / KEY_FILE
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(NoIssuerKeys, match="cannot be read"):
        TinyIssuer.kept_in(tmp_path)


def test_a_data_folder_without_keys_is_said_to_be_so(tmp_path: Path) -> None:
    """A token cannot be signed before a server was started."""
    with pytest.raises(NoIssuerKeys, match="no server"):
        TinyIssuer.kept_in(tmp_path)


@pytest.mark.parametrize(
    ("issuer", "profile"),
    [
        (ISS, "prod"),
        ("http://0.0.0.0:8080/issuer", "demo"),
        ("http://192.0.2.7/issuer", "demo"),
        ("http://issuer.example/issuer", "demo"),
        ("https://127.0.0.1/issuer", "demo"),
        ("", "demo"),
    ],
)
def test_the_tiny_issuer_refuses_prod_and_any_place_but_loopback(issuer: str, profile: str) -> None:
    """PL-205: profile prod refuses the tiny issuer; profile demo stands on loopback."""
    with pytest.raises(IssuerRefused):
        TinyIssuer.start(issuer, profile=profile)


def test_the_discovery_document_lies_under_iss_and_leads_to_public_keys() -> None:
    """The documents are served where OpenID Connect Discovery looks for them, without private members."""
    issuer = TinyIssuer.start(ISS, profile="demo")
    with TestClient(issuer.app(), base_url="http://127.0.0.1:8080", client=("127.0.0.1", 1)) as client:
        discovery = client.get("/.well-known/openid-configuration").json()
        assert discovery["issuer"] == ISS
        assert discovery["jwks_uri"] == f"{ISS}/jwks"
        jwks = client.get("/jwks").json()
    assert not any("d" in key for key in jwks["keys"])
    published: dict[str, tuple[VerificationKey, ...]] = {**verification_keys(jwks, {})}
    assert len(published) == 2


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks"])
def test_a_caller_from_elsewhere_is_not_answered(path: str) -> None:
    """Loopback only, whatever address the server listens on."""
    issuer = TinyIssuer.start(ISS, profile="demo")
    with TestClient(issuer.app(), client=("192.0.2.7", 1)) as client:
        assert client.get(path).status_code == 403
