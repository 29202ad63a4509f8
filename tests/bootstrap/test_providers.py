"""Providers as settings choose them: all that is wrong is named, nothing is asked before it is right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tidegate.bootstrap.providers import open_providers, provider_faults
from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.server import PASSWORD, USERNAME, StubProviders
from tidegate.ports.external_data import ProviderCall
from tidegate.settings import CrifArea, ProvidersArea, Settings, UnreadableSettings, ZefixArea, read_settings

A_DEFINITION: dict[str, Any] = {
    "name": "sst",
    "base_url": "http://127.0.0.1:1/sst",
    "path": "/v1/subjects/{subject_id}/score",
    "auth": {
        "type": "client_credentials",
        "token_url": "http://127.0.0.1:1/oauth/token",
        "client_id": "stub",
        "secret": "sst",
    },
    "fields": {"score": {"path": "result.score", "type": "number", "required": True}},
}


def settings_of(zefix: dict[str, Any] | None = None, crif: dict[str, Any] | None = None, **providers: Any) -> Settings:
    known: dict[str, Any] = {"username": USERNAME, "password": PASSWORD}
    return Settings(
        zefix=ZefixArea(**known, **(zefix or {})),
        crif=CrifArea(**known, end_user_id="desk", cost_group_id="group-7", **(crif or {})),
        providers=ProvidersArea(**providers),
    )


def generic(**changes: Any) -> str:
    return json.dumps([{**A_DEFINITION, **changes}])


async def test_providers_that_settings_choose_are_opened_by_name_and_answer(tmp_path: Path) -> None:
    """AS-505, AS-544: Zefix, CRIF and a defined provider, with credentials from settings, over real sockets."""
    stub = await StubProviders().start()
    file = tmp_path / "providers.json"
    auth = {**A_DEFINITION["auth"], "token_url": f"{stub.url}/oauth/token"}
    file.write_text(generic(base_url=f"{stub.url}/sst", auth=auth))
    settings = settings_of(
        {"url": f"{stub.url}/zefix"},
        {"url": f"{stub.url}/crif/", "cost_micros": 900_000},
        generic_file=file,
        secrets={"sst": PASSWORD},
    )
    context = {"uid": BOOK[0].uid, "first_name": "Anna", "last_name": "Muster"}
    request = AssessmentRequest("t", "s", "web", "CH", "LOAN", "RETAIL", context)
    async with open_providers(settings) as providers:
        assert {name: client.billed for name, client in providers.items()} == {
            "zefix": False,
            "crif": True,
            "sst": False,
        }
        results = [await client.fetch(ProviderCall("a", request, 2_000, {})) for client in providers.values()]
    await stub.stop()
    assert [result.answer.status for result in results] == [CallStatus.SUCCESS] * 3
    assert [result.cost_micros for result in results] == [0, 900_000, 0]


async def test_providers_that_nobody_chose_are_none() -> None:
    """AS-505: without a URL nobody is asked."""
    async with open_providers(Settings()) as providers:
        assert providers == {}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            settings_of({"url": "https://zefix.example"}),
            "TIDEGATE_ZEFIX_URL: names zefix.example, which is not an allowed host",
        ),
        (settings_of({"url": "http://www.zefix.admin.ch"}), "TIDEGATE_ZEFIX_URL: must be https beyond loopback"),
        (settings_of(None, {"url": "https://crif.example"}), "TIDEGATE_CRIF_URL: names crif.example"),
        (settings_of(generic="{}"), "TIDEGATE_PROVIDERS_GENERIC: (root): "),
        (settings_of(generic=generic(path="x"), secrets={"sst": "x"}), "TIDEGATE_PROVIDERS_GENERIC: /0/path: "),
        (
            settings_of(generic=generic()),
            "TIDEGATE_PROVIDERS_GENERIC: /0/auth/secret: TIDEGATE_PROVIDERS_SECRETS has no sst",
        ),
        (settings_of(generic=generic(), secrets={"sst": "hunter2\n"}), "/0/auth/secret: sst holds what no header may"),
        (
            settings_of(generic=generic(base_url="https://sst.example"), secrets={"sst": "x"}),
            "TIDEGATE_PROVIDERS_GENERIC: /0/base_url: names sst.example",
        ),
        (settings_of(generic_file=Path("nowhere.json")), "TIDEGATE_PROVIDERS_GENERIC_FILE: cannot be read"),
    ],
)
async def test_provider_settings_that_are_not_right_are_refused_in_words(settings: Settings, told: str) -> None:
    """AS-504, AS-505, AS-542: the variable and the place are named, the secret is not."""
    (fault,) = provider_faults(settings)
    assert told in fault
    assert "hunter2" not in fault
    with pytest.raises(UnreadableSettings):
        async with open_providers(settings):
            pytest.fail("opened what is not right")


def test_provider_settings_name_every_fault_at_once(tmp_path: Path) -> None:
    """AS-542: Zefix, CRIF, two definitions and a name that is given twice."""
    file = tmp_path / "more.json"
    file.write_text(generic(auth={"type": "none"}))
    settings = settings_of(
        {"url": "ftp://x"}, {"url": "https://crif.example"}, generic=generic(auth={"type": "none"}), generic_file=file
    )
    assert [fault.split(":")[0] for fault in provider_faults(settings)] == [
        "TIDEGATE_ZEFIX_URL",
        "TIDEGATE_CRIF_URL",
        "two providers are called sst",
    ]


@pytest.mark.parametrize(
    ("area", "told"),
    [
        (lambda: ZefixArea(url="https://www.zefix.admin.ch"), "a url needs a username and a password"),
        (lambda: CrifArea(url="https://crif.example", username="a"), "a url needs a username, a password"),
        (lambda: ZefixArea(uid_field="subject id"), "pattern"),
        (lambda: CrifArea(end_user_id="a\r\nX: b"), "pattern"),
    ],
)
def test_provider_area_whose_relations_do_not_hold_is_refused(area: Callable[[], object], told: str) -> None:
    """AS-505: a provider without credentials, or with what no header may hold, is not configured."""
    with pytest.raises(ValueError, match=told):
        area()


def test_provider_settings_show_no_secret() -> None:
    """AS-505: passwords and secrets are hidden where settings are printed."""
    zefix, crif = ZefixArea(password=SecretStr("hunter3")), CrifArea(password=SecretStr("hunter4"))
    settings = Settings(zefix=zefix, crif=crif, providers=ProvidersArea(secrets={"sst": SecretStr("hunter2")}))
    assert "hunter" not in repr(settings) + str(settings.model_dump(mode="json")) + settings.model_dump_json()


def test_provider_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """AS-505, AS-542: lists and secrets as JSON, definitions as the text that they are, numbers in it exact."""
    variables = {
        "TIDEGATE_PROVIDERS_HOSTS_ALLOWED": '["www.zefix.admin.ch", "sst.example.ch:8443"]',
        "TIDEGATE_PROVIDERS_GENERIC": generic(base_url="https://sst.example.ch:8443/api"),
        "TIDEGATE_PROVIDERS_SECRETS": '{"sst": "hunter2"}',
        "TIDEGATE_ZEFIX_URL": "https://www.zefix.admin.ch/ZefixPublicREST",
        "TIDEGATE_ZEFIX_USERNAME": "me",
        "TIDEGATE_ZEFIX_PASSWORD": "hunter3",
        "TIDEGATE_CRIF_COST_MICROS": "1500000",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(variables)
    assert provider_faults(settings) == []
    assert settings.providers.hosts_allowed == ("www.zefix.admin.ch", "sst.example.ch:8443")
    assert settings.providers.secrets["sst"].get_secret_value() == "hunter2"
    assert settings.crif.cost_micros == 1_500_000
