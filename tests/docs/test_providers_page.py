"""The page on providers says what the adapters do."""

import re
from pathlib import Path

from tidegate.core.rules.json_exact import checked_json
from tidegate.demo.stub_providers.company_book import BOOK, company_full
from tidegate.demo.stub_providers.faults import Fault
from tidegate.outbound.providers import zefix
from tidegate.outbound.providers.crif import IDENTITY_FIELDS
from tidegate.outbound.providers.exchange import Question, Reply
from tidegate.outbound.providers.generic_definition import GenericDefinition, PolicyDefinition, read_definitions

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
NAMED = {name for code in re.findall(r"`([^`\n]+)`", PAGE) for name in re.findall(r"[a-z_]+", code)}


def test_providers_page_holds_a_definition_that_is_read() -> None:
    """AS-544: what an operator copies works."""
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (definition,) = read_definitions(block)
    assert definition.name == "sst"


def test_providers_page_names_every_key_of_a_definition() -> None:
    """AS-542: keys and bounds of the policy with their defaults."""
    keys = {field.alias or name for name, field in GenericDefinition.model_fields.items()}
    assert keys - NAMED == set()
    for name, field in PolicyDefinition.model_fields.items():
        default = 1 if name == "retries_max" else field.default
        assert f"`{name}` {str(default).lower()}" in PAGE, name


def test_providers_page_names_every_field_of_zefix() -> None:
    """AS-522: the rule author finds each field that an answer can have."""
    entry = {**company_full(BOOK[0]), **{key: [] for key in zefix._RELATED}, "translation": []}
    question = Question("GET", f"/api/v1/company/uid/{BOOK[0].uid}")
    fields = zefix.ZefixAdapter().read(question, Reply(200, checked_json([entry]), None, size=1))
    by_name = zefix._by_name([], name="x")
    renamed = [*zefix._TEXTS.values(), *zefix._NUMBERS.values(), *zefix._ADDRESS.values(), *zefix._RELATED.values()]
    text_names = set(re.findall(r"[a-z_]+", PAGE))
    assert {*fields, *by_name, *renamed} - text_names == set()


def test_providers_page_names_where_the_person_is_looked_for() -> None:
    """AS-530: each place of the request that CRIF is told."""
    places = {path.removeprefix("context_data.") for path in IDENTITY_FIELDS.values()}
    assert [place for place in places if f"`{place}`" not in PAGE] == []


def test_providers_page_names_every_fault_of_the_stand_ins() -> None:
    """AS-550: what can be asked of them."""
    told = PAGE.partition("Faults: ")[2].replace("\n", " ").rstrip(". ").split(", ")
    assert told == [fault.value for fault in Fault]
