"""Topic names, dead-letter names and record keys (spec/pretrade.md section 7)."""

import uuid

import pytest

from tidegate.wire.topics import (
    ALL_TOPICS,
    DESK_TOPICS,
    FREEZE_ACCOUNT_TOPIC,
    IN_TOPICS,
    OUT_TOPICS,
    base_name,
    dlq_name,
    key_field,
    record_key,
    topic_name,
)

USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"


def test_topic_name_joins_name_and_environment() -> None:
    """PT-701: the environment is a suffix."""
    assert topic_name("risk.violation.v1", environment="dev") == "risk.violation.v1.dev"


@pytest.mark.parametrize("name", ALL_TOPICS)
def test_base_name_inverts_topic_name(name: str) -> None:
    """PT-701: what a consumer reads is called by the name its schema has."""
    assert base_name(topic_name(name, environment="prod"), environment="prod") == name


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("risk.liquidation.trigger.v1", "dev"),
        ("risk.violation.v1.dev", "dev"),
        ("", "dev"),
        ("risk.violation.v1", ""),
        ("risk.violation.v1", "Dev"),
        ("risk.violation.v1", "a.b"),
        ("risk.violation.v1", "dev\n"),
        ("risk.violation.v1", "d" * 33),
    ],
)
def test_topic_name_outside_the_closed_lists_is_refused(name: str, environment: str) -> None:
    """PT-701: no topic outside the closed lists and no environment that would change a name's shape."""
    with pytest.raises(ValueError, match="not a"):
        topic_name(name, environment=environment)


@pytest.mark.parametrize("topic", ["risk.violation.v1", "risk.violation.v1.prod", "other.v1.dev", "dev"])
def test_base_name_of_a_foreign_topic_is_refused(topic: str) -> None:
    """PT-701: a record of another environment or system is never taken for ours."""
    with pytest.raises(ValueError, match="not a topic"):
        base_name(topic, environment="dev")


def test_topic_lists_are_the_sources_lists() -> None:
    """Section 7: fourteen topics of the consumer group and the marks come in, five go out, one is only read."""
    assert set(IN_TOPICS) == {
        "user.created.v1",
        "user.updated.v1",
        "user.verified.v1",
        "user.kyc.updated.v1",
        "user.frozen.v1",
        "user.unfrozen.v1",
        "position.updated.v1",
        "position.closed.v1",
        "risk.exposure.v2",
        "order.command.v1",
        "engine.event.v1",
        "wallet.balance_changed.v1",
        "md.instrument.created.v1",
        "md.instrument.updated.v1",
        "md.mark.v1",
    }
    assert set(OUT_TOPICS) == {
        "risk.pretrade_decision.v1",
        "risk.exposure_snapshot.v1",
        "risk.violation.v1",
        "risk.margin_call.v1",
        "risk.liquidation.v1",
    }
    assert len(ALL_TOPICS) == len(set(ALL_TOPICS)) == 23
    assert FREEZE_ACCOUNT_TOPIC not in (*IN_TOPICS, *OUT_TOPICS)


def test_dlq_name_follows_the_full_topic_name() -> None:
    """PT-709: unreadable records go to `<topic>.dlq`."""
    assert dlq_name("md.mark.v1.dev") == "md.mark.v1.dev.dlq"


@pytest.mark.parametrize("topic", ["md.mark.v1.dev.dlq", "t" * 246])
def test_dlq_name_that_kafka_or_sense_forbids_is_refused(topic: str) -> None:
    """PT-709: no dead letters of dead letters; no name longer than Kafka's 249 bytes."""
    with pytest.raises(ValueError, match="no dead-letter topic"):
        dlq_name(topic)


def test_dlq_name_at_the_bound_passes() -> None:
    """PT-709: 249 bytes in all is a name."""
    assert len(dlq_name("t" * 245)) == 249


@pytest.mark.parametrize("name", ALL_TOPICS)
def test_key_field_is_symbol_for_market_data_and_subject_for_the_desk(name: str) -> None:
    """PT-702: keyed by user_id, md.* by symbol; AS-380: what the desk announces by subject_id."""
    expected = "symbol" if name.startswith("md.") else "subject_id" if name in DESK_TOPICS else "user_id"
    assert key_field(name) == expected


@pytest.mark.parametrize("written", [USER, USER.upper(), uuid.UUID(USER)])
def test_record_key_of_a_user_is_one_text_however_written(written: object) -> None:
    """PT-702: one user is one key, so one partition, whether the id came as a UUID or as its text."""
    assert record_key("risk.violation.v1", {"user_id": written, "symbol": "X"}) == USER.encode()


def test_record_key_of_a_symbol_keeps_its_case() -> None:
    """PT-702: symbols are case-sensitive."""
    assert record_key("md.mark.v1", {"symbol": "kPEPEUSDT"}) == b"kPEPEUSDT"


def test_record_key_of_a_subject_keeps_its_case() -> None:
    """AS-380: a subject's id is the caller's own text."""
    assert record_key("risk.assessment.failed.v1", {"subject_id": "Kunde-7"}) == b"Kunde-7"
