"""How the settings of a connection reach the driver."""

import ssl
from pathlib import Path

import pytest

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.publisher import KafkaEventPublisher
from tidegate.ports.event_bus import OutgoingEvent

SASL = {"sasl_mechanism", "sasl_plain_username", "sasl_plain_password"}


@pytest.mark.parametrize(
    ("protocol", "with_tls", "with_sasl"),
    [("PLAINTEXT", False, False), ("SSL", True, False), ("SASL_PLAINTEXT", False, True), ("SASL_SSL", True, True)],
)
def test_protocol_decides_what_the_driver_is_told(protocol: str, *, with_tls: bool, with_sasl: bool) -> None:
    """RE-217: TLS checks the broker's certificate and name; a name and a password go where SASL asks for them alone."""
    connection = KafkaConnection(
        "broker:9093", security_protocol=protocol, sasl_mechanism="SCRAM-SHA-512", username="u", password="p"
    )
    arguments = connection.arguments()
    context = arguments.get("ssl_context")
    assert arguments["security_protocol"] == protocol
    assert (context is not None, arguments.keys() >= SASL) == (with_tls, with_sasl)
    assert "p" not in arguments.values() or with_sasl
    if context is not None:
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_authority_that_cannot_be_read_is_trouble(tmp_path: Path) -> None:
    """RE-217: a wrong path is told as what it is, and nothing is sent without it."""
    missing = KafkaConnection("broker:9093", security_protocol="SSL", ssl_ca_file=tmp_path / "missing.pem")
    with pytest.raises(DependencyFailed, match="kafka: FileNotFoundError"):
        await KafkaEventPublisher(missing).publish([OutgoingEvent("topic", "key", b"", "id")])


def test_password_is_not_shown() -> None:
    """RE-217: a connection that is printed tells no secret."""
    assert "hidden" not in repr(KafkaConnection("broker:9093", username="u", password="hidden"))
