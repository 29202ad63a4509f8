"""Companies that exist nowhere, with numbers that are right in form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.core.assessment.uid import uid_check_digit


@dataclass(frozen=True, slots=True)
class BookedCompany:
    """A company in the stand-in's register; ``body`` is its UID without the check digit."""

    name: str
    body: str
    status: str = "ACTIVE"
    legal_form: str = "0106"
    seat: str = "Bern"
    canton: str = "BE"
    capital: str | None = "100'000.00"
    since: str = "2009-04-01"
    deleted: str | None = None

    @property
    def uid(self) -> str:
        """Give the UID in compact form."""
        return f"CHE{self.body}{uid_check_digit(self.body)}"


BOOK: Final = (
    BookedCompany("Tidewater Logistik AG", "20000001", seat="Basel", canton="BS", capital="2'500'000.00"),
    BookedCompany("Uferweg Immobilien GmbH", "20000002", legal_form="0107", capital="20'000.00", since="2024-11-19"),
    BookedCompany("Leuchtturm Handels AG", "20000003", status="BEING_CANCELLED", seat="Zug", canton="ZG"),
    BookedCompany("Ebbe und Flut Treuhand", "20000004", legal_form="0101", capital=None, seat="Thun"),
    BookedCompany(
        "Sandbank Invest AG", "20000005", status="CANCELLED", seat="Genève", canton="GE", deleted="2021-06-30"
    ),
    BookedCompany("Seezeichen Technik AG", "20000007", seat="Lugano", canton="TI", capital="12'000'000.50"),
    BookedCompany(
        "Seezeichen Technik AG", "20000007", status="CANCELLED", seat="Chur", canton="GR", deleted="2018-02-28"
    ),
    BookedCompany("Boje Bau Genossenschaft", "20000008", legal_form="0108", capital=None, seat="Luzern", canton="LU"),
    BookedCompany("Kaimauer Stiftung", "20000009", legal_form="0110", capital=None, since="1987-05-12"),
)
"""One of them moved from one canton to another and has an entry in each."""

_FORMS: Final[Mapping[str, tuple[int, str, str]]] = {
    "0101": (1, "Einzelunternehmen", "EIU"),
    "0106": (3, "Aktiengesellschaft", "AG"),
    "0107": (4, "Gesellschaft mit beschränkter Haftung", "GmbH"),
    "0108": (5, "Genossenschaft", "Gen"),
    "0110": (7, "Stiftung", "Sti"),
}


def entries_of(uid: str) -> Iterator[BookedCompany]:
    """Give the entries of a UID."""
    return (company for company in BOOK if company.uid == uid)


def company_short(company: BookedCompany) -> dict[str, object]:
    """Give what Zefix calls CompanyShort."""
    number, form, short = _FORMS[company.legal_form]
    entry: dict[str, object] = {
        "name": company.name,
        "ehraid": int(company.body) % 1_000_000,
        "uid": company.uid,
        "chid": f"CH{company.body}12345"[:13],
        "legalSeatId": 351,
        "legalSeat": company.seat,
        "registryOfCommerceId": 36,
        "legalForm": {
            "id": number,
            "uid": company.legal_form,
            "name": {"de": form, "fr": None, "it": None, "en": None},
            "shortName": {"de": short, "fr": None, "it": None, "en": None},
        },
        "status": company.status,
        "sogcDate": company.deleted or company.since,
        "deletionDate": company.deleted,
    }
    return entry


def company_full(company: BookedCompany) -> dict[str, object]:
    """Give what Zefix calls CompanyFull."""
    publication = {
        "sogcDate": company.since,
        "sogcId": 1_000_000_000 + int(company.body),
        "registryOfCommerceId": 36,
        "registryOfCommerceCanton": company.canton,
        "registryOfCommerceJournalId": 17,
        "registryOfCommerceJournalDate": company.since,
        "message": f"{company.name}, in {company.seat}, {company.uid}. Neueintragung.",
        "mutationTypes": [{"id": 2, "key": "status.neu"}],
    }
    return company_short(company) | {
        "translation": None,
        "purpose": f"Zweck der {company.name} ist, dass es sie nicht gibt.",
        "sogcPub": [publication],
        "address": {
            "organisation": company.name,
            "careOf": None,
            "street": "Hafenstrasse",
            "houseNumber": "7",
            "addon": None,
            "poBox": None,
            "city": company.seat,
            "swissZipCode": "3000",
        },
        "canton": company.canton,
        "capitalNominal": company.capital,
        "capitalCurrency": None if company.capital is None else "CHF",
        "headOffices": None,
        "furtherHeadOffices": None,
        "branchOffices": None,
        "hasTakenOver": None,
        "wasTakenOverBy": None,
        "auditCompanies": None,
        "oldNames": [{"name": f"{company.name} (vormals)", "sequenceNr": 1, "translation": None}],
        "cantonalExcerptWeb": None,
        "zefixDetailWeb": {"de": None, "fr": None, "it": None, "en": None},
    }
