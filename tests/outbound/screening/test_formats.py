"""Reading lists as their publishers give them."""

import gzip
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.outbound.screening.samples import (
    EU,
    OFAC_ADDRESSES,
    OFAC_ALIASES,
    OFAC_ENTRIES,
    OWN_JSON,
    OWN_TABLE,
    SECO,
    UN,
    files_of,
    ofac_files,
)

from tidegate.core.assessment.screening.entries import ListEntry, PartyKind
from tidegate.outbound.screening.country_names import country_of
from tidegate.outbound.screening.formats import ListFiles, ListFormat, read_list
from tidegate.outbound.screening.reading import UnreadableList

OTHERS = {ListFormat.UN: UN, ListFormat.EU: EU, ListFormat.SECO: SECO, ListFormat.OWN: OWN_TABLE}


def names(entry: ListEntry) -> list[str]:
    """The names of an entry; weak ones with a question mark."""
    return [name.text + "?" * name.is_weak for name in entry.names]


def faults(list_format: ListFormat, files: ListFiles) -> list[str]:
    """What is wrong with a list."""
    with pytest.raises(UnreadableList) as refused:
        read_list(list_format, files)
    return [str(fault) for fault in refused.value.faults]


def read_or_refuse(list_format: ListFormat, files: ListFiles) -> Sequence[object]:
    """The entries of a list, or what is wrong with it; anything else that is raised fails the test."""
    try:
        return read_list(list_format, files).entries
    except UnreadableList as unreadable:
        return unreadable.faults


def told(entry: ListEntry) -> tuple[str, PartyKind, Sequence[str], Sequence[str], Sequence[str]]:
    """An entry without its names."""
    return entry.entry_id, entry.kind, entry.birth_dates, entry.countries, entry.programmes


def test_ofac_tables_are_joined_and_their_remarks_read() -> None:
    """AS-570: entries, aliases and addresses belong together; dates, nationalities and weak aliases are in remarks."""
    airline, person, vessel = read_list(ListFormat.OFAC_SDN, ofac_files()).entries
    assert names(airline) == ["ZYXAL AIRLINES, S.A.", "ZYXAL-AIR", "ZA?"]
    assert told(airline) == ("36", PartyKind.ORGANISATION, (), ("CU",), ("CUBA", "SDGT"))
    assert names(person) == ["QORVIN, Jane Mary", "QORWIN, Jane"]
    assert told(person) == ("173", PartyKind.PERSON, ("1974-02-17", "1975"), ("RU", "CH"), ("CYBER2",))
    assert told(vessel) == ("306", PartyKind.VESSEL, (), ("PA",), ("DPRK",))


def test_un_list_is_read() -> None:
    """AS-570: names of four parts, original script, aliases by quality, dates by type."""
    draft = read_list(ListFormat.UN, files_of(UN))
    person, organisation = draft.entries
    assert draft.published_on == "2026-08-27"
    assert names(person) == ["JANE MARY QORVIN", "Джейн Корвин", "Jean Qorvin", "The Star?"]
    born = ("1974-02-17", "1970", "1973")
    assert told(person) == ("EXi.001", PartyKind.PERSON, born, ("RU", "CH"), ("Exampleland",))
    assert names(organisation) == ["ZYXAL TRADING", "ZTC"]
    assert told(organisation) == ("110403", PartyKind.ORGANISATION, (), ("KP",), ("Exampleland",))


def test_eu_list_is_read() -> None:
    """AS-570: strong names before weak ones, dates with what is known of them, countries by code."""
    draft = read_list(ListFormat.EU, files_of(EU))
    person, organisation = draft.entries
    assert draft.published_on == "2026-08-26"
    assert names(person) == ["Jane Mary Qorvin", "Jean Qorvin", "The Star?"]
    born = ("1974-02-17", "1975-03", "1970", "1976")
    assert told(person) == ("EU.27.28", PartyKind.PERSON, born, ("RU", "CH"), ("EXL",))
    assert told(organisation) == ("14", PartyKind.ORGANISATION, (), (), ())
    assert names(organisation) == ["Zyxal Trading & Co"]


def test_seco_list_is_read_without_what_was_delisted_or_modified() -> None:
    """AS-570: the main identity first, spellings of its parts as aliases; contents of modifications are not read."""
    draft = read_list(ListFormat.SECO, files_of(SECO))
    person, vessel = draft.entries
    assert (draft.published_on, draft.left_out) == ("2026-08-25", 1)
    assert names(person) == ["Qorvin Jane", "Корвин Jane", "The Star?"]
    assert told(person) == ("100", PartyKind.PERSON, ("1974-02-17", "1975"), ("RU",), ("Exampleland",))
    assert told(vessel) == ("200", PartyKind.VESSEL, (), (), ())


def test_own_lists_are_read_from_a_table_and_from_json() -> None:
    """AS-570: the same entry in both; other columns of a table are passed over."""
    person, organisation = read_list(ListFormat.OWN, files_of(OWN_TABLE)).entries
    assert names(person) == ["Qorvin, Jane", "Jean Qorvin", "The Star"]
    assert told(person) == ("1", PartyKind.PERSON, ("1974-02-17", "1975"), ("RU", "CH"), ())
    assert told(organisation) == ("2", PartyKind.UNKNOWN, (), (), ())
    written = read_list(ListFormat.OWN, files_of(OWN_JSON)).entries
    assert told(written[0]) == ("1", PartyKind.PERSON, ("1974-02",), ("RU",), ("OWN",))
    assert names(written[1]) == ["Zyxal Trading"]


def test_columns_of_a_table_may_have_other_names() -> None:
    """AS-570: a table is read as it comes, when it is said what its columns hold."""
    table = b"no,full\n7,Jane Qorvin\n"
    entry = read_list(ListFormat.OWN, files_of(table, {"id": "no", "name": "full"})).entries[0]
    assert (entry.entry_id, names(entry)) == ("7", ["Jane Qorvin"])


@pytest.mark.parametrize("list_format", OTHERS)
def test_a_packed_list_is_read_as_a_plain_one(list_format: ListFormat) -> None:
    """AS-570: gzip is unpacked."""
    plain, packed = OTHERS[list_format], gzip.compress(OTHERS[list_format])
    assert read_list(list_format, files_of(packed)).entries == read_list(list_format, files_of(plain)).entries


def test_a_table_in_the_alphabet_of_windows_is_read() -> None:
    """AS-570: OFAC's tables may come so."""
    table = "id,name\n1,Müller\n".encode("cp1252")
    assert names(read_list(ListFormat.OWN, files_of(table)).entries[0]) == ["Müller"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b'9,"X"\r\n', "has 2 columns, not 12"),
        (OFAC_ENTRIES.splitlines(keepends=True)[0], "entry 36 is there twice"),
        (b'A9,"X",-0- ,"C",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n', "its number is 'A9', not a number"),
        (b'9,"X","ghost","C",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n', "its type is 'ghost'"),
        (b'9,-0- ,-0- ,"C",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n', "has no name"),
        (b'9,"X"x,-0- ,"C",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n', "is no row of comma-separated values"),
    ],
)
def test_a_row_of_ofac_that_cannot_be_read_is_named(row: bytes, why: str) -> None:
    """AS-571: file and line, and nothing is imported."""
    first, rest = OFAC_ENTRIES.split(b"\r\n", 1)
    found = faults(ListFormat.OFAC_SDN, ofac_files(first + b"\r\n" + row + rest))
    assert found[0].startswith("sdn.csv, line 2: ")
    assert why in found[0]


def test_an_alias_without_its_entry_is_named() -> None:
    """AS-571: a part of a list that does not fit the rest is not imported without a word."""
    orphan = b'99,1,"aka","X",-0- \r\n'
    found = faults(ListFormat.OFAC_SDN, ofac_files(OFAC_ENTRIES, OFAC_ALIASES + orphan, addresses=OFAC_ADDRESSES))
    assert found == ["alt.csv, line 3: belongs to entry 99, which is not there"]


@pytest.mark.parametrize(
    ("list_format", "content", "why"),
    [
        (ListFormat.UN, UN.replace(b"ZYXAL TRADING", b"").replace(b"ZTC", b""), "list, line 21: has no name"),
        (ListFormat.UN, UN.replace(b"110403", b"EXi.001"), "list, line 21: entry EXi.001 is there twice"),
        (ListFormat.UN, UN.replace(b"110403", b""), "has neither REFERENCE_NUMBER nor DATAID"),
        (ListFormat.UN, UN[:-10], "list, line 27: is no XML: "),
        (ListFormat.UN, EU, "list, line 2: its root is export, not CONSOLIDATED_LIST"),
        (ListFormat.UN, b"", "list, line 1: is no XML: no element found"),
        (ListFormat.UN, b"\x1f\x8bxxxx", "is no sound gzip file"),
        (ListFormat.UN, gzip.compress(UN)[:-20], "ends too early"),
        (ListFormat.EU, EU.replace(b'"Zyxal Trading &amp; Co"', b'""'), "list, line 15: has no name"),
        (ListFormat.EU, EU.replace(b'logicalId="14"', b""), "has neither euReferenceNumber nor logicalId"),
        (ListFormat.SECO, SECO.replace(b'<target ssid="200">', b"<target>"), "list, line 30: has no ssid"),
        (ListFormat.SECO, SECO.replace(b'<target ssid="200">', b'<target ssid="100">'), "entry 100 is there twice"),
        (ListFormat.OWN, b"id,title\n1,x\n", "list, line 1: its header lacks name; it has id, title"),
        (ListFormat.OWN, b"id,name\n1\n", "list, line 2: has 1 columns, the header 2"),
        (ListFormat.OWN, b"id,name\n1,x\n\n1,y\n", "list, line 4: entry 1 is there twice"),
        (ListFormat.OWN, b"id,name\n,x\n", "list, line 2: has no id"),
        (ListFormat.OWN, b"id,name\n1,\n", "list, line 2: has no name"),
        (ListFormat.OWN, b'id,name\n1,"x"y\n', "list, line 2: is no row of comma-separated values"),
        (ListFormat.OWN, b"id,name,kind\n1,x,GHOST\n", "its kind is GHOST, not one of PERSON"),
        (ListFormat.OWN, b"id,name,birth_dates\n1,x,17 Feb\n", "its date of birth 17 Feb is no ISO 8601 date"),
        (ListFormat.OWN, b"id,name\n1,a\x00b\n", "list, line 2: holds U+0000"),
        (ListFormat.OWN, b"id,name\n1," + b"x" * 1_001 + b"\n", "has a name of 1001 characters, at most 1000"),
        (ListFormat.OWN, b"id,name\n", "holds no entry that can be read"),
        (ListFormat.OWN, b"", "its header lacks id, name; it has nothing"),
        (ListFormat.OWN, b'{"entries": 1}', "is neither a list of entries nor"),
        (ListFormat.OWN, b'[{"id": "1", "name": "x", "nmae": "y"}]', "/0 has nmae, which is none of"),
        (ListFormat.OWN, b'[{"id": 1, "name": "x"}]', "/0/id is not a text"),
        (ListFormat.OWN, b'[{"id": "1", "name": "x", "aliases": "y"}]', "/0/aliases is not a list of texts"),
        (ListFormat.OWN, b"[1]", "/0 is not an object"),
        (ListFormat.OWN, b'[{"id": "1", "id": "2"}]', "a key is named twice"),
        (ListFormat.OWN, b'[{"id": NaN}]', "NaN is not a JSON number"),
        (ListFormat.OWN, b"[", "not JSON"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(list_format: ListFormat, content: bytes, why: str) -> None:
    """AS-571: every format says what is wrong and where, and nothing is imported."""
    assert any(why in fault for fault in faults(list_format, files_of(content)))


def test_every_fault_is_told_at_once() -> None:
    """AS-571: a list is corrected once, not fault by fault."""
    table = b"id,name\n,x\n2,\n3,y\n3,z\n"
    assert faults(ListFormat.OWN, files_of(table)) == [
        "list, line 2: has no id",
        "list, line 3: has no name",
        "list, line 5: entry 3 is there twice",
    ]


def test_what_cannot_be_read_may_be_skipped_but_not_everything() -> None:
    """AS-571: the rest is imported when that is asked for, and what was skipped is told."""
    draft = read_list(ListFormat.OWN, files_of(b"id,name\n1,x\n2,\n"), skips_unreadable=True)
    assert [str(fault) for fault in draft.faults] == ["list, line 3: has no name"]
    with pytest.raises(UnreadableList, match="no entry"):
        read_list(ListFormat.OWN, files_of(b"id,name\n2,\n"), skips_unreadable=True)


LAUGHS = b"""<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>"""
OUTSIDE = b"""<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/hostname">]>"""
PARAMETER = b"""<!DOCTYPE l [<!ENTITY % a SYSTEM "file:///etc/hostname"> %a;]>"""


@pytest.mark.parametrize("declared", [LAUGHS, OUTSIDE, PARAMETER])
@pytest.mark.parametrize("list_format", [ListFormat.UN, ListFormat.EU, ListFormat.SECO])
def test_xml_that_declares_entities_is_refused(list_format: ListFormat, declared: bytes) -> None:
    """AS-572: no entity is expanded and nothing outside is read, whatever the document asks for."""
    head, rest = OTHERS[list_format].split(b"\n", 1)
    found = faults(list_format, files_of(head + declared + rest))
    assert found == ["list, line 1: declares an entity or refers to one outside, which is never read"]


def test_xml_that_nests_without_end_is_refused() -> None:
    """AS-572: depth is bounded, so that no document can use up the stack or the memory."""
    deep = b"<CONSOLIDATED_LIST>" + b"<a>" * 100
    assert faults(ListFormat.UN, files_of(deep)) == ["list, line 1: nests deeper than 64"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ch", "CH"), ("Russia", "RU"), ("RUSSIAN FEDERATION", "RU"), ("Korea, North", "KP"), ("Türkiye", "TR"),
        ("Iran (Islamic Republic of)", "IR"), ("Congo, Democratic Republic of the", "CD"), ("Atlantis", "Atlantis"),
        ("Cote d'Ivoire", "CI"), ("Côte d'Ivoire", "CI"),
    ],
)  # fmt: skip
def test_countries_are_known_by_the_names_that_lists_use(text: str, code: str) -> None:
    """AS-570: names become codes where one is known, and stay what they are where none is."""
    assert country_of(text) == code


@given(content=st.binary(max_size=200), list_format=st.sampled_from(ListFormat))
def test_no_bytes_make_a_reader_raise_anything_but_its_fault(content: bytes, list_format: ListFormat) -> None:
    """AS-571: whatever is handed in, it is a list, or a fault in words."""
    assert read_or_refuse(list_format, files_of(content))


@given(place=st.integers(0, 2_500), wrong=st.binary(min_size=1, max_size=4), list_format=st.sampled_from(list(OTHERS)))
def test_damage_anywhere_is_read_or_named(place: int, wrong: bytes, list_format: ListFormat) -> None:
    """AS-571: a list with a few bytes exchanged is read or refused, and never raises anything else."""
    content = OTHERS[list_format]
    at = place % len(content)
    assert read_or_refuse(list_format, files_of(content[:at] + wrong + content[at + len(wrong) :]))
