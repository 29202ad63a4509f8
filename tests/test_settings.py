"""Settings: read once, unknown names refused, relations checked, nothing that could leak or lose in prod."""

from decimal import Decimal

import pytest

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.settings import GateSettings
from tidegate.settings import Settings, UnreadableSettings, read_settings, setting_names
from tidegate.usecases.pretrade.recording import Durability


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """Read settings as if only these variables were set."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings(variables)


def test_settings_when_nothing_is_set_are_the_demo_on_embedded_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-201, PL-205: the defaults serve the demo on loopback, and the gate's limits are those of the specification."""
    settings = read(monkeypatch)
    assert (settings.profile, settings.postgres.url, settings.oidc.issuer) == ("demo", None, None)
    assert settings.gate.durability is Durability.JOURNAL
    assert settings.gate.limits() == GateSettings()


def test_settings_from_variables_reach_their_area(monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-201: TIDEGATE_<AREA>_<FIELD>; units stand in the names, decimals stay exact."""
    settings = read(
        monkeypatch,
        TIDEGATE_GATE_DURABILITY="relaxed",
        TIDEGATE_GATE_MARK_AGE_MS_MAX="1234",
        TIDEGATE_GATE_LIQUIDATION_WARN_RATIO="0.75",
        TIDEGATE_GATE_KYC_MAX_LEVERAGE='{"L0": "2"}',
        TIDEGATE_OIDC_AUDIENCE="gate",
    )
    limits = settings.gate.limits()
    assert settings.gate.durability is Durability.RELAXED
    assert (limits.mark_age_ms_max, limits.liquidation_warn_ratio) == (1234, Decimal("0.75"))
    assert (limits.kyc_max_leverage[KycLevel.L0], limits.kyc_max_leverage[KycLevel.L2]) == (Decimal(2), Decimal(125))
    assert settings.oidc.audience == "gate"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"TIDEGATE_GATE_MARK_AGE": "1"}, "TIDEGATE_GATE_MARK_AGE is not a setting"),
        ({"TIDEGATE_GATE_MARK_AGE_MS_MAX": "soon"}, "TIDEGATE_GATE_MARK_AGE_MS_MAX"),
        ({"TIDEGATE_GATE_REPEAT_MAX": "3"}, "repeat_max needs a repeat_window_ms"),
        ({"TIDEGATE_GATE_BATCH_MAX": "9999"}, "batch_max must not be above queue_max"),
        ({"TIDEGATE_GRPC_HOST": "0.0.0.0"}, "loopback alone"),
        ({"TIDEGATE_REST_HOST": "10.0.0.1"}, "loopback alone"),
        ({"TIDEGATE_PROFILE": "prod"}, "refuses the tiny issuer"),
        ({"TIDEGATE_PROFILE": "prod", "TIDEGATE_OIDC_ISSUER": "https://issuer.example"}, "wants tokens"),
        ({"TIDEGATE_OIDC_ISSUER": "http://issuer.example"}, "must be https beyond loopback"),
        ({"TIDEGATE_TOPICS_SUFFIX": "Dev!"}, "TIDEGATE_TOPICS_SUFFIX"),
        (
            {
                "TIDEGATE_PROFILE": "prod",
                "TIDEGATE_OIDC_ISSUER": "https://issuer.example",
                "TIDEGATE_GRPC_ACCESS": "token",
            },
            "set audit.key_file",
        ),
        (
            {
                "TIDEGATE_PROFILE": "prod",
                "TIDEGATE_OIDC_ISSUER": "https://issuer.example",
                "TIDEGATE_GRPC_ACCESS": "token",
                "TIDEGATE_AUDIT_KEY_FILE": "/run/secrets/head_key.pem",
                "TIDEGATE_AUDIT_SETTLE_MS": "19999",
            },
            "audit.settle_ms of 20000 at least",
        ),
    ],
)
def test_settings_that_are_not_right_are_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    """PL-202, PL-206, AS-631: unknown names, wrong values and broken relations are each named."""
    with pytest.raises(UnreadableSettings, match=told.replace("(", r"\(")):
        read(monkeypatch, **variables)


def test_settings_with_several_faults_name_every_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-202: one reading is enough to mend them all."""
    with pytest.raises(UnreadableSettings) as refused:
        read(monkeypatch, TIDEGATE_NONSENSE="1", TIDEGATE_REST_PORT="70000", TIDEGATE_GATE_QUEUE_MAX="0")
    assert len(refused.value.faults) == 3


def test_settings_given_on_the_command_line_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-201: --rest beats TIDEGATE_REST_PORT, and leaves the rest of the area as it was set."""
    monkeypatch.setenv("TIDEGATE_REST_PORT", "1")
    monkeypatch.setenv("TIDEGATE_REST_HOST", "::1")
    settings = read_settings(["TIDEGATE_REST_PORT", "TIDEGATE_REST_HOST"], {"rest": {"port": 2}})
    assert (settings.rest.host, settings.rest.port) == ("::1", 2)


def test_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-201: the database's address may hold a password, so it is not printed."""
    settings = read(monkeypatch, TIDEGATE_POSTGRES_URL="postgresql://me:hunter2@db/tidegate")
    assert "hunter2" not in repr(settings)
