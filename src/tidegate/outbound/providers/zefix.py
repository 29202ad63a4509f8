"""Zefix, the Swiss central business name index (PublicREST v3; ``POST /company/search``, ``GET /company/uid/{id}``).

By UID, or by name where a request has no UID. What the answer's fields are called stands in docs/providers.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.assessment.uid import compact_uid
from tidegate.core.rules.values import Lookup, plain_decimal
from tidegate.outbound.providers.exchange import (
    NOT_FOUND,
    OK,
    NotAsked,
    Plan,
    Question,
    Reply,
    document_of,
    status_fault,
)
from tidegate.outbound.providers.reading import (
    list_at,
    members_of,
    object_at,
    request_lookup,
    text_in,
    wrong_schema,
)
from tidegate.ports.external_data import ProviderCall

NAME: Final = "zefix"
STATUSES: Final = ("ACTIVE", "BEING_CANCELLED", "CANCELLED")
"""In the order in which one of several entries of a company is chosen."""

NAME_CHARACTERS_MIN: Final = 3
"""Of a name that is searched (OpenAPI: ``CompanySearchQuery.name`` minLength)."""

_UID_PATH: Final = "/api/v1/company/uid/"
_SEARCH_PATH: Final = "/api/v1/company/search"
_TEXTS: Final = {
    "chid": "chid",
    "legalSeat": "legal_seat",
    "canton": "canton",
    "purpose": "purpose",
    "sogcDate": "sogc_date",
    "deletionDate": "deletion_date",
    "capitalCurrency": "capital_currency",
}
_NUMBERS: Final = {"ehraid": "ehraid", "legalSeatId": "legal_seat_id", "registryOfCommerceId": "registry_id"}
_ADDRESS: Final = {
    "organisation": "organisation",
    "careOf": "care_of",
    "street": "street",
    "houseNumber": "house_number",
    "addon": "addon",
    "poBox": "po_box",
    "city": "city",
    "swissZipCode": "zip",
}
_RELATED: Final = {
    "headOffices": "head_office_uids",
    "branchOffices": "branch_office_uids",
    "hasTakenOver": "has_taken_over_uids",
    "wasTakenOverBy": "taken_over_by_uids",
    "auditCompanies": "audit_company_uids",
}
_THOUSANDS: Final = re.compile("['\u2019 \u00a0\u202f]")


@dataclass(frozen=True, slots=True)
class ZefixAdapter:
    """Asks by what rules tell it: ``{"uids": [{"key", "field"}], "names": [{"key", "field"}]}``, paths in the request.

    A call that is told neither looks at ``uid_field``, then at ``name_field``. The fields of the first that the request
    has stand at the top of the answer, those of each under ``by_key.<key>`` too.
    """

    uid_field: str = "context_data.uid"
    name_field: str = "context_data.company_name"

    @property
    def name(self) -> str:
        return NAME

    def plan(self, call: ProviderCall) -> Plan:
        look = request_lookup(call.request)
        questions: dict[str, Question] = {}
        known: dict[str, Mapping[str, object]] = {}
        for wish in self._wishes(call, look):
            if wish.place in questions or wish.place in known:
                continue
            if not wish.by_uid:
                questions[wish.place] = _search(wish.value)
            elif (uid := compact_uid(wish.value)) is not None:
                questions[wish.place] = Question("GET", f"{_UID_PATH}{uid}")
            else:
                # Nobody has such a number, and nobody need be asked to know it.
                known[wish.place] = {"found": False, "uid_valid": False}
        if not questions and not known:
            raise NotAsked("the request has neither the UID nor the name of a company where rules look for it")
        return Plan(questions, known)

    def read(self, question: Question, reply: Reply) -> dict[str, object]:
        if reply.status == NOT_FOUND and (not reply.size or _error_type(reply) == "NOT_FOUND"):
            return (
                {"found": False, "uid_valid": True}
                if question.body is None
                else {"found": False, "matches": Decimal(0)}
            )
        if reply.status != OK:
            raise status_fault(reply, _error_words(reply))
        entries = [object_at(entry, f"/{at}") for at, entry in enumerate(list_at(document_of(reply), ""))]
        companies = [_company(entry, f"/{at}") for at, entry in enumerate(entries)]
        if question.body is None:
            return _by_uid(companies, uid=question.path.removeprefix(_UID_PATH))
        return _by_name(companies, name=str(object_at(question.body, "")["name"]))

    def combine(self, call: ProviderCall, parts: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
        answer: dict[str, object] = {}
        by_key: dict[str, object] = {}
        for wish in self._wishes(call, request_lookup(call.request)):
            fields = parts[wish.place]
            answer = answer or dict(fields)
            if wish.key:
                by_key[wish.key] = dict(fields)
        return answer | ({"by_key": by_key} if by_key else {})

    def _wishes(self, call: ProviderCall, look: Lookup) -> Iterator["_Wish"]:
        """Give what is to be looked up, in order; what the request does not have is left out."""
        uids, names = (_told(call.parameters, name) for name in ("uids", "names"))
        if not uids and not names:
            uid = _Wish.of("", look(self.uid_field), by_uid=True)
            chosen = uid or _Wish.of("", look(self.name_field), by_uid=False)
            yield from [chosen] if chosen else []
            return
        for told, by_uid in ((uids, True), (names, False)):
            for key, path in told:
                if (wish := _Wish.of(key, look(path), by_uid=by_uid)) is not None:
                    yield wish


@dataclass(frozen=True, slots=True)
class _Wish:
    """A UID or a name to look up, under a rule's key."""

    key: str
    value: str
    by_uid: bool

    @classmethod
    def of(cls, key: str, value: object, *, by_uid: bool) -> "_Wish | None":
        """Take what the request holds; what is no text is no UID and no name."""
        if value is None:
            return None
        if not by_uid:
            name = " ".join(value.replace("*", " ").split()) if isinstance(value, str) else ""
            return cls(key, name, by_uid) if len(name) >= NAME_CHARACTERS_MIN else None
        return cls(key, value if isinstance(value, str) else "", by_uid)

    @property
    def place(self) -> str:
        """Name the part of the plan that answers it: equal wishes share one."""
        return f"uid {compact_uid(self.value)}" if self.by_uid else f"name {self.value}"


def _told(parameters: Mapping[str, object], name: str) -> list[tuple[str, str]]:
    """Read a list of ``{"key", "field"}``."""
    told = parameters.get(name)
    rows = told if isinstance(told, Sequence) and not isinstance(told, str) else ()
    return [(str(row["key"]), str(row["field"])) for row in rows if isinstance(row, Mapping)]


def _search(name: str) -> Question:
    return Question("POST", _SEARCH_PATH, body={"name": name, "activeOnly": False})


def _by_uid(companies: Sequence[dict[str, object]], *, uid: str) -> dict[str, object]:
    for at, company in enumerate(companies):
        if compact_uid(str(company["uid"])) != uid:
            wrong_schema(f"/{at}/uid", "the UID that was asked for", got=company["uid"])
    if not companies:
        return {"found": False, "uid_valid": True}
    # A company that moved has an entry in each canton's register; the living one speaks for it.
    return {**_chosen(companies), "uid_valid": True, "entries": Decimal(len(companies))}


def _by_name(companies: Sequence[dict[str, object]], *, name: str) -> dict[str, object]:
    wanted = _folded(name)
    equal = [company for company in companies if _folded(str(company["name"])) == wanted]
    matches = {"matches": Decimal(len(companies)), "exact_matches": Decimal(len(equal))}
    return {**_chosen(equal), **matches} if equal else {"found": False, **matches}


def _chosen(companies: Sequence[dict[str, object]]) -> dict[str, object]:
    ranks = [STATUSES.index(str(company["status"])) for company in companies]
    return companies[ranks.index(min(ranks))]


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _company(entry: Mapping[str, object], pointer: str) -> dict[str, object]:
    """Adapt a CompanyShort or CompanyFull."""
    status = text_in(entry, "status", pointer=pointer)
    if status not in STATUSES:
        wrong_schema(f"{pointer}/status", f"one of {', '.join(STATUSES)}", got=status)
    uid = text_in(entry, "uid", pointer=pointer)
    company: dict[str, object] = {
        "found": True,
        "name": text_in(entry, "name", pointer=pointer),
        "uid": compact_uid(uid) or uid,
        "status": status,
    }
    company |= _renamed(entry, _TEXTS, kind=str, pointer=pointer)
    company |= _renamed(entry, _NUMBERS, kind=Decimal, pointer=pointer)
    company |= _capital(members_of(entry, {"capitalNominal": str}, pointer=pointer))
    if entry.get("legalForm") is not None:
        company["legal_form"] = _legal_form(object_at(entry["legalForm"], f"{pointer}/legalForm"), pointer)
    if entry.get("address") is not None:
        address = object_at(entry["address"], f"{pointer}/address")
        company["address"] = _renamed(address, _ADDRESS, kind=str, pointer=f"{pointer}/address")
    for key, name in _RELATED.items():
        if entry.get(key) is not None:
            company[name] = _uids(list_at(entry[key], f"{pointer}/{key}"))
    company |= _names(entry, pointer) | _publications(entry, pointer)
    return company


def _renamed(holder: Mapping[str, object], names: Mapping[str, str], *, kind: type, pointer: str) -> dict[str, object]:
    found = members_of(holder, dict.fromkeys(names, kind), pointer=pointer)
    return {names[key]: value for key, value in found.items()}


def _capital(found: Mapping[str, object]) -> dict[str, object]:
    """Read the capital, which Zefix gives as text; what is no number is left out."""
    amount = plain_decimal(_THOUSANDS.sub("", str(found.get("capitalNominal", ""))))
    return {} if amount is None else {"capital_nominal": amount}


def _legal_form(form: Mapping[str, object], pointer: str) -> dict[str, object]:
    at = f"{pointer}/legalForm"
    adapted = _renamed(form, {"id": "id"}, kind=Decimal, pointer=at) | _renamed(
        form, {"uid": "uid"}, kind=str, pointer=at
    )
    for key, name in (("name", "name"), ("shortName", "short_name")):
        if form.get(key) is not None:
            languages = object_at(form[key], f"{at}/{key}")
            adapted[name] = members_of(languages, dict.fromkeys(("de", "fr", "it", "en"), str), pointer=f"{at}/{key}")
    return adapted


def _uids(entries: Sequence[object]) -> list[object]:
    uids = (entry.get("uid") for entry in entries if isinstance(entry, Mapping))
    return [compact_uid(uid) or uid for uid in uids if isinstance(uid, str)]


def _names(entry: Mapping[str, object], pointer: str) -> dict[str, object]:
    names: dict[str, object] = {}
    if entry.get("oldNames") is not None:
        rows = [
            object_at(row, f"{pointer}/oldNames/{at}") for at, row in enumerate(list_at(entry["oldNames"], pointer))
        ]
        names["old_names"] = [text_in(row, "name", pointer=f"{pointer}/oldNames/{at}") for at, row in enumerate(rows)]
    if entry.get("translation") is not None:
        names["translations"] = [name for name in list_at(entry["translation"], pointer) if isinstance(name, str)]
    return names


def _publications(entry: Mapping[str, object], pointer: str) -> dict[str, object]:
    """Adapt ``sogcPub``: how many publications, the first and last of their dates, the keys of what changed."""
    if entry.get("sogcPub") is None:
        return {}
    place = f"{pointer}/sogcPub"
    rows = [object_at(row, f"{place}/{at}") for at, row in enumerate(list_at(entry["sogcPub"], place))]
    dates = sorted(text_in(row, "sogcDate", pointer=f"{place}/{at}") for at, row in enumerate(rows))
    changed = (kind for row in rows for kind in list_at(row.get("mutationTypes") or [], f"{place}/mutationTypes"))
    keys = (kind.get("key") for kind in changed if isinstance(kind, Mapping))
    published: dict[str, object] = {
        "count": Decimal(len(rows)),
        "mutation_types": sorted({key for key in keys if isinstance(key, str)}),
    }
    return {"sogc": published | ({"first_date": dates[0], "last_date": dates[-1]} if dates else {})}


def _error(reply: Reply) -> Mapping[str, object]:
    error = reply.document.get("error") if isinstance(reply.document, Mapping) else None
    return error if isinstance(error, Mapping) else {}


def _error_type(reply: Reply) -> str:
    kind = _error(reply).get("type")
    return kind if isinstance(kind, str) else ""


def _error_words(reply: Reply) -> str:
    message = _error(reply).get("message")
    words = [_error_type(reply), message if isinstance(message, str) else ""]
    return ": ".join(word[:200] for word in words if word)
