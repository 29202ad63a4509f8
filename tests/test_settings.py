"""Settings: read once, unknown names refused, relations checked, nothing that could leak or lose in prod."""

from decimal import Decimal

import pytest

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.settings import GateSettings
from tidegate.settings import Role, Settings, UnreadableSettings, read_settings, setting_names
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


PROD = {
    "TIDEGATE_PROFILE": "prod",
    "TIDEGATE_OIDC_ISSUER": "https://issuer.example",
    "TIDEGATE_GRPC_ACCESS": "token",
    "TIDEGATE_AUDIT_KEY_FILE": "/run/secrets/head_key.pem",
}
SHARED = {"TIDEGATE_REDIS_URL": "redis://127.0.0.1:6379/0", "TIDEGATE_KAFKA_BOOTSTRAP": "localhost:9092,[::1]:9093"}
DATABASE = {"TIDEGATE_POSTGRES_URL": "postgresql://db/tidegate"}


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"TIDEGATE_SERVE_ROLES": "gate,desk"}, "gate and consumers go together"),
        ({"TIDEGATE_SERVE_ROLES": "consumers"}, "gate and consumers go together"),
        ({"TIDEGATE_SERVE_ROLES": "gate", "TIDEGATE_REDIS_URL": "redis://127.0.0.1"}, "gate and consumers go together"),
        ({"TIDEGATE_SERVE_ROLES": "gate,kitchen"}, "TIDEGATE_SERVE_ROLES"),
        ({"TIDEGATE_SERVE_ROLES": ""}, "TIDEGATE_SERVE_ROLES"),
        ({"TIDEGATE_SERVE_WORKERS": "2", **DATABASE}, "wants a shared account book"),
        (
            {"TIDEGATE_SERVE_WORKERS": "2", "TIDEGATE_KAFKA_BOOTSTRAP": "kafka:9092", **DATABASE},
            "wants a shared account book",
        ),
        ({"TIDEGATE_SERVE_WORKERS": "2", **SHARED}, "wants a PostgreSQL of its own"),
        ({"TIDEGATE_SCHEMA_REGISTRY_URL": "http://127.0.0.1:8081"}, "set kafka.bootstrap"),
        ({"TIDEGATE_KAFKA_BOOTSTRAP": "kafka"}, "TIDEGATE_KAFKA_BOOTSTRAP"),
        ({"TIDEGATE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "needs a username and a password"),
        ({"TIDEGATE_KAFKA_SSL_CA_FILE": "/ca.pem"}, "ssl_ca_file needs security_protocol"),
        ({"TIDEGATE_REDIS_URL": "http://127.0.0.1"}, "TIDEGATE_REDIS_URL"),
        ({"TIDEGATE_REDIS_URL": "redis://cache:port"}, "TIDEGATE_REDIS_URL"),
        ({"TIDEGATE_TRACING_OTLP_ENDPOINT": "http://"}, "names no host"),
        ({"TIDEGATE_WALLET_GRPC": "https://wallet"}, "TIDEGATE_WALLET_GRPC"),
        ({**PROD, "TIDEGATE_REDIS_URL": "redis://cache:6379"}, "redis.url must be rediss"),
        ({**PROD, "TIDEGATE_REDIS_URL": "redis://127.0.0.1@cache:6379"}, "redis.url must be rediss"),
        ({**PROD, "TIDEGATE_KAFKA_BOOTSTRAP": "127.0.0.1:9092,kafka:9092"}, "set kafka.security_protocol"),
        ({**PROD, "TIDEGATE_TRACING_OTLP_ENDPOINT": "http://collector:4317"}, "otlp_endpoint must be https"),
        (
            {**PROD, **SHARED, "TIDEGATE_SCHEMA_REGISTRY_URL": "http://registry:8081"},
            "schema_registry.url must be https",
        ),
    ],
)
def test_settings_of_servers_and_processes_that_do_not_fit_are_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    """RE-330, RE-331: what several processes cannot share, and plaintext beyond this machine in prod."""
    with pytest.raises(UnreadableSettings, match=told):
        read(monkeypatch, **variables)


@pytest.mark.parametrize(
    "variables",
    [
        {"TIDEGATE_SERVE_ROLES": "gate, consumers"},
        {"TIDEGATE_SERVE_ROLES": "desk,admin", "TIDEGATE_SERVE_WORKERS": "2", **DATABASE},
        {"TIDEGATE_SERVE_ROLES": "gate", "TIDEGATE_SERVE_WORKERS": "4", **SHARED, **DATABASE},
        {"TIDEGATE_SERVE_ROLES": "consumers", **SHARED},
        {**PROD, **SHARED, **DATABASE, "TIDEGATE_SCHEMA_REGISTRY_URL": "http://127.0.0.1:8081"},
        {**PROD, "TIDEGATE_REDIS_URL": "rediss://cache:6379"},
        {
            **PROD,
            "TIDEGATE_KAFKA_BOOTSTRAP": "kafka:9092",
            "TIDEGATE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "TIDEGATE_KAFKA_USERNAME": "me",
            "TIDEGATE_KAFKA_PASSWORD": "hunter2",
        },
        {"TIDEGATE_REDIS_URL": "redis://cache:6379", "TIDEGATE_KAFKA_BOOTSTRAP": "kafka:9092"},
    ],
)
def test_settings_of_servers_and_processes_that_fit_are_taken(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """RE-330, RE-331: the other side of each refusal; no password is shown."""
    assert "hunter2" not in repr(read(monkeypatch, **variables))


def test_settings_of_roles_are_all_of_them_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-330: one process does everything; the command line takes the same words."""
    assert read(monkeypatch).serve.roles == tuple(Role)
    named = read_settings((), {"serve": {"roles": "desk,admin"}})
    assert named.serve.roles == (Role.DESK, Role.ADMIN)
    assert not named.serve.with_accounts


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
