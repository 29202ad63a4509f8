"""The changelog tells integrators of every reject reason, in precedence order."""

import re
from importlib.metadata import version
from pathlib import Path

from tidegate.core.pretrade.reasons import RejectReason

CHANGELOG = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")


def test_changelog_has_an_entry_for_the_version_that_is_installed() -> None:
    """An integrator finds what the version they run has changed."""
    assert f"\n## [{version('tidegate')}]" in CHANGELOG


def test_changelog_first_release_names_every_reason_in_precedence_order() -> None:
    """PT-129: the precedence that callers rely on is written down for them."""
    told = CHANGELOG.partition("## [0.1.0]")[2].partition("### Reject reasons")[2].partition("STALE_DATA, RATE")[0]
    assert re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", told) == [reason.value for reason in RejectReason]
