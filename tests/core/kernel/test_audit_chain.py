"""The pure chain: whatever is changed afterwards is seen, and nothing else is."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.kernel.audit_chain import (
    BEFORE_ALL,
    AuditedRow,
    ChainEntry,
    ChainHead,
    ChainTip,
    canonical_texts,
    chained,
    next_head,
)
from tidegate.core.kernel.canonical_json import canonical_json
from tidegate.core.kernel.chain_check import ChainCheck, ChainFault, ChainFaultKind


@dataclass(frozen=True)
class Kept:
    """What a store holds of one partition."""

    rows: tuple[AuditedRow, ...]
    entries: tuple[ChainEntry, ...] = ()
    heads: tuple[ChainHead, ...] = ()


def a_row(number: int, **columns: str | None) -> AuditedRow:
    return AuditedRow(number // 3, f"{number:04d}", {"decision": "APPROVED", "reason": None, **columns})


def sealed(rows: list[AuditedRow], *, batches: list[int]) -> Kept:
    """Seal rows in batches of these sizes; rows that no batch takes are left over."""
    tip = ChainTip()
    entries: list[ChainEntry] = []
    heads: list[ChainHead] = []
    waiting = sorted(rows, key=lambda row: row.place)
    for number, size in enumerate(batches):
        batch, waiting = waiting[:size], waiting[size:]
        made = chained("p", tip, rows=batch)
        covered = batch[-1].position - bool(waiting) if batch else tip.covered_to
        head = next_head("p", tip, last=made[-1] if made else None, covered_to=covered, made_us=number)
        entries += made
        heads.append(head)
        place = made[-1].place if made else tip.place
        tip = ChainTip(head.sequence, place, head.entry_hash, head.number, max(covered, tip.covered_to))
    return Kept(tuple(rows), tuple(entries), tuple(heads))


def faults(
    kept: Kept, *, pinned: tuple[ChainHead, ...] = (), forged: frozenset[int] = frozenset(), page: int = 2
) -> list[ChainFault]:
    check = ChainCheck("p", pinned=pinned)
    streams: dict[str, list[Any]] = {
        "entries": list(kept.entries),
        "heads": list(kept.heads),
        "rows": sorted(kept.rows, key=lambda row: row.place),
    }
    found: list[ChainFault] = []
    while (wanted := check.wants) is not None:
        batch, streams[wanted] = streams[wanted][:page], streams[wanted][page:]
        if wanted == "entries":
            found += check.feed_entries(batch)
        elif wanted == "rows":
            found += check.feed_rows(batch)
        else:
            found += check.feed_heads(batch, forged=[head.number for head in batch if head.number in forged])
    if not found:
        assert check.verified_rows == len(kept.entries)
        assert check.verified_rows + check.pending_rows == len(kept.rows)
    return found


def kinds(found: list[ChainFault]) -> list[str]:
    return [fault.kind.value for fault in found]


ROWS = [a_row(number) for number in range(9)]
WHOLE = sealed(ROWS, batches=[4, 3, 2])
LAST = WHOLE.heads[-1]


def without(items: tuple[object, ...], place: int) -> tuple[object, ...]:
    return items[:place] + items[place + 1 :]


@pytest.mark.parametrize("page", [1, 2, 100])
def test_untouched_chain_has_no_fault(page: int) -> None:
    """AS-601: What nobody has touched is found whole, however it is paged."""
    assert faults(WHOLE, page=page, pinned=(LAST,)) == []


def test_row_too_young_to_be_sealed_is_pending() -> None:
    """AS-601: A row later than what the last head covers has no entry yet, and that is no fault."""
    assert faults(replace(WHOLE, rows=(*WHOLE.rows, a_row(99)))) == []


@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize("column", ["decision", "reason"])
def test_changed_column_is_found_at_its_row(place: int, column: str) -> None:
    """AS-602: One changed column of one row is found, and named."""
    row = WHOLE.rows[place]
    changed = replace(row, columns={**row.columns, column: "APPROVEE"})
    (fault,) = faults(replace(WHOLE, rows=(*without(WHOLE.rows, place), changed)))  # type: ignore[arg-type]
    assert (fault.kind, fault.row_id, fault.sequence) == (ChainFaultKind.ROW_CHANGED, row.row_id, place + 1)


def test_null_and_empty_text_are_not_the_same() -> None:
    """AS-602: Null made an empty text is a change."""
    changed = replace(WHOLE.rows[0], columns={**WHOLE.rows[0].columns, "reason": ""})
    assert kinds(faults(replace(WHOLE, rows=(changed, *WHOLE.rows[1:])))) == ["ROW_CHANGED"]


def test_swapped_rows_are_found() -> None:
    """AS-603: Two rows that have exchanged their ids are both found."""
    one, other = a_row(1, decision="REJECTED"), a_row(7)
    kept = sealed([one, other, a_row(4)], batches=[3])
    swapped = (
        replace(other, row_id=one.row_id, position=one.position),
        replace(one, row_id=other.row_id, position=other.position),
    )
    assert kinds(faults(replace(kept, rows=(*swapped, a_row(4))))) == ["ROW_CHANGED", "ROW_CHANGED"]


@pytest.mark.parametrize("place", range(9))
def test_deleted_row_is_found(place: int) -> None:
    """AS-604: A row that is gone is found, and named."""
    (fault,) = faults(replace(WHOLE, rows=without(WHOLE.rows, place)))  # type: ignore[arg-type]
    assert (fault.kind, fault.row_id) == (ChainFaultKind.ROW_MISSING, WHOLE.rows[place].row_id)


@pytest.mark.parametrize("position", [-5, 0, 1, 2])
def test_inserted_row_is_found(position: int) -> None:
    """AS-605: A row that came later into a sealed time is found, before the first row and at the last position too."""
    inserted = AuditedRow(position, "zzzz", {})
    (fault,) = faults(replace(WHOLE, rows=(*WHOLE.rows, inserted)))
    assert (fault.kind, fault.row_id) == (ChainFaultKind.ROW_INSERTED, "zzzz")


def test_row_and_entry_edited_together_are_found_by_the_next_head() -> None:
    """AS-606: Whoever rewrites rows and all entries, but has no key, cannot make the heads fit."""
    rows = [replace(row, columns={"decision": "FORGED"}) if row is ROWS[5] else row for row in ROWS]
    forged = sealed(rows, batches=[4, 3, 2])
    found = faults(replace(forged, heads=WHOLE.heads))
    assert kinds(found) == ["HEAD_DIFFERS", "HEAD_DIFFERS"]
    assert found[0].sequence == 7


def test_head_signed_with_another_key_is_found() -> None:
    """AS-606: A head whose signature does not hold is a fault by itself."""
    assert kinds(faults(WHOLE, forged=frozenset({2}))) == ["HEAD_CHANGED"]


def test_chain_cut_short_is_found_by_its_own_heads_and_by_a_kept_one() -> None:
    """AS-607: A tail that is gone is found by the heads that are left, or by one that was kept elsewhere."""
    shorter = replace(WHOLE, rows=WHOLE.rows[:7], entries=WHOLE.entries[:7])
    assert kinds(faults(shorter)) == ["TAIL_MISSING"]
    no_heads = replace(shorter, heads=WHOLE.heads[:2])
    assert kinds(faults(no_heads)) == []
    assert kinds(faults(no_heads, pinned=(LAST,))) == ["TAIL_MISSING"]
    gone = Kept(())
    assert kinds(faults(gone, pinned=(LAST,))) == ["TAIL_MISSING"]


def test_rows_alone_cut_off_are_missing() -> None:
    """AS-604: Rows deleted at the end are missing, however many."""
    assert kinds(faults(replace(WHOLE, rows=WHOLE.rows[:6]))) == ["ROW_MISSING"] * 3


def test_entries_behind_the_last_head_are_found() -> None:
    """AS-606: Entries that no head signs are a fault."""
    assert kinds(faults(replace(WHOLE, heads=WHOLE.heads[:2]))) == ["ENTRY_NOT_SIGNED"]


def test_entry_taken_out_is_found_with_the_row_it_was_about() -> None:
    """AS-606: A gap in the chain is found, and the row that lost its entry."""
    found = kinds(faults(replace(WHOLE, entries=without(WHOLE.entries, 2))))  # type: ignore[arg-type]
    assert found[:2] == ["ROW_INSERTED", "ENTRY_MISSING"]


def test_head_taken_out_is_found() -> None:
    """AS-606: A gap in the heads is found."""
    assert kinds(faults(replace(WHOLE, heads=without(WHOLE.heads, 1)))) == ["HEAD_MISSING"]  # type: ignore[arg-type]


def test_kept_head_with_another_hash_is_found() -> None:
    """AS-607: A chain that was made anew, with a key even, does not go through the heads that were kept."""
    other = sealed([a_row(number, decision="OTHER") for number in range(9)], batches=[4, 3, 2])
    assert "HEAD_DIFFERS" in kinds(faults(other, pinned=(LAST,)))


@pytest.mark.parametrize("field", ["position", "row_id", "content_hash", "entry_hash", "sequence"])
@pytest.mark.parametrize("place", [0, 4, 8])
def test_changed_entry_is_found(field: str, place: int) -> None:
    """AS-606: Each part of each entry is bound."""
    entry = WHOLE.entries[place]
    values: dict[str, Any] = {
        "position": entry.position - 1,
        "row_id": "9",
        "content_hash": bytes(32),
        "entry_hash": bytes(32),
        "sequence": 77,
    }
    changed = replace(entry, **{field: values[field]})
    assert faults(replace(WHOLE, entries=(*WHOLE.entries[:place], changed, *WHOLE.entries[place + 1 :])))


rows_strategy = st.lists(
    st.builds(
        AuditedRow,
        st.integers(-5, 5),
        st.text("abc", min_size=1, max_size=3),
        st.dictionaries(st.sampled_from("xyz"), st.none() | st.text(max_size=3).filter(str.isprintable), max_size=3),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row.place,
)


@given(rows_strategy, st.lists(st.integers(0, 5), max_size=5), st.integers(1, 5))
def test_any_sealing_is_whole(rows: list[AuditedRow], batches: list[int], page: int) -> None:
    """AS-601: Rows sealed in any batches are found whole, and rows left over are pending."""
    kept = sealed(rows, batches=batches)
    assert faults(kept, page=page, pinned=kept.heads) == []


def _tampered(kept: Kept, draw: st.DataObject) -> Kept:
    """Change one thing that has been sealed; heads stay, since they are signed."""
    place = draw.draw(st.integers(0, len(kept.entries) - 1))
    entry = kept.entries[place]
    row = next(row for row in kept.rows if row.place == entry.place)
    others = tuple(each for each in kept.rows if each is not row)
    what = draw.draw(st.sampled_from(["change", "delete", "insert", "move", "entry", "both", "rewrite"]))
    if what == "change":
        return replace(kept, rows=(*others, replace(row, columns={**row.columns, "x": "tampered"})))
    if what == "delete":
        return replace(kept, rows=others)
    if what == "insert":
        return replace(kept, rows=(*kept.rows, AuditedRow(row.position - 1, "tampered", {})))
    if what == "move":
        return replace(kept, rows=(*others, replace(row, position=row.position + draw.draw(st.integers(1, 20)))))
    entries = (*kept.entries[:place], *kept.entries[place + 1 :])
    if what == "entry":
        return replace(kept, entries=entries)
    if what == "both":
        return replace(kept, rows=others, entries=entries)
    changed = sorted((*others, replace(row, columns={"x": "tampered"})), key=lambda each: each.place)
    again = sealed(changed, batches=[len(kept.entries)])
    return replace(kept, rows=tuple(changed), entries=again.entries)


@given(rows_strategy, st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(1, 5), st.data())
def test_any_later_change_is_found(rows: list[AuditedRow], batches: list[int], page: int, data: st.DataObject) -> None:
    """AS-602: Whatever one changes of rows and entries without the key is found."""
    kept = sealed(rows, batches=batches)
    assert faults(_tampered(kept, data), page=page)


def test_hashes_stay_what_they_were() -> None:
    """AS-601: The form of the chain is fixed: what was sealed years ago verifies then too."""
    assert WHOLE.entries[0].content_hash.hex() == "f1187ba176c8718fb72909d689e198bf5a65146d8bc4e0978fa44d86fdc688de"
    assert WHOLE.entries[-1].entry_hash.hex() == "0378f1696054419742a794b9c19139b622d65e2ce42d60629a719978fdf711d2"
    assert WHOLE.heads[-1].text() == (
        b'{"covered_to":"2","entry_hash":"' + WHOLE.entries[-1].entry_hash.hex().encode() + b'","kind":"SEAL",'
        b'"made_us":"2","note":"","number":"3","partition":"p","sequence":"9"}'
    )
    assert ChainTip().covered_to == BEFORE_ALL


@given(st.dictionaries(st.text("ab_Z1", max_size=3), st.none() | st.text(), max_size=4))
def test_quick_writing_is_canonical_json(members: dict[str, str | None]) -> None:
    """AS-601: What is hashed is RFC 8785 canonical JSON, though it is written quickly."""
    assert canonical_texts(members) == canonical_json(members).encode()
