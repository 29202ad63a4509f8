"""Pages that are written from the code say what the code says."""

import json

import reasons_table
import settings_schema
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.inbound.shared.faults import FaultCode
from tidegate.settings import Settings, setting_names


def test_settings_schema_in_docs_is_the_generated_one() -> None:
    """PL-202: docs/settings.schema.json is what tools/settings_schema.py writes."""
    assert settings_schema.SCHEMA.read_text(encoding="utf-8") == settings_schema.schema_text(), (
        "run: .venv/bin/python tools/settings_schema.py"
    )


def test_settings_page_in_docs_is_the_generated_one() -> None:
    """PL-202: docs/settings.md is what tools/settings_schema.py writes."""
    assert settings_schema.PAGE.read_text(encoding="utf-8") == settings_schema.page_text(), (
        "run: .venv/bin/python tools/settings_schema.py"
    )


def test_settings_schema_names_every_variable_once_with_its_meaning() -> None:
    """PL-202: what the process reads and what the schema names are the same variables, none without a meaning."""
    settings = list(settings_schema.settings_in(settings_schema.settings_schema()))
    assert sorted(setting.variable for setting in settings) == sorted(setting_names())
    assert [setting.variable for setting in settings if not setting.schema.get("description")] == []


def test_settings_schema_explains_no_limit_that_is_gone() -> None:
    """A meaning whose setting was removed is removed with it."""
    gate = Settings.model_json_schema()["$defs"]["GateArea"]["properties"]
    assert settings_schema.LIMITS.keys() <= gate.keys()


def test_settings_schema_is_json_that_takes_the_defaults() -> None:
    """Every setting has a default, so the schema demands none."""
    assert "required" not in json.loads(settings_schema.schema_text())


def test_reasons_page_in_docs_is_the_generated_one() -> None:
    """PL-311: docs/reasons.md is what tools/reasons_table.py writes."""
    assert reasons_table.PAGE.read_text(encoding="utf-8") == reasons_table.page_text(), (
        "run: .venv/bin/python tools/reasons_table.py"
    )


def test_reasons_page_advises_on_every_reason_and_fault() -> None:
    """PL-311: every error code is in the table, with what to do about it."""
    assert reasons_table.REASON_ADVICE.keys() == set(RejectReason)
    assert reasons_table.FAULT_ADVICE.keys() == set(FaultCode)
