"""The page for the platform engineer names what there is."""

import re
from pathlib import Path
from typing import Final

from tidegate.settings import setting_names

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def test_page_names_only_settings_that_exist() -> None:
    """RE-383: every setting that the page names is one; the folder of secrets is compose's own."""
    named = set(re.findall(r"\bTIDEGATE_[A-Z_]*[A-Z]\b", PAGE)) - {"TIDEGATE_SECRETS_DIR"}
    assert named <= set(setting_names())


def test_page_names_every_file_of_the_secrets_of_compose() -> None:
    """RE-383: what has to be in the folder of secrets is what compose reads from it."""
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    files = set(re.findall(r"docs/deployment\.md\}/(\S+)$", compose, re.MULTILINE))
    assert len(files) == 8
    assert [name for name in sorted(files) if f"`{name}`" not in PAGE] == []


def test_page_names_every_role_and_server_that_can_be_lost() -> None:
    """RE-383: sizes are said of every deployment, and what happens of every server that is named by an address."""
    sizes, _, lost = PAGE.partition("## When a server is lost")
    for role in ("gate", "consumers", "relay", "desk", "admin"):
        assert f"\n| {role} | " in sizes
    for server in ("one replica", "Redis, empty", "Kafka", "PostgreSQL", "schema registry", "issuer", "Wallet"):
        assert f"\n| {server}" in lost
