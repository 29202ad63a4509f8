"""Companies that want an account: invented ones, most of them in the stand-in's register."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid5

from tidegate.core.assessment.uid import uid_check_digit
from tidegate.demo.desk_book import Applicant
from tidegate.demo.desk_rows import CREDIT, ONBOARDING
from tidegate.demo.stub_providers.company_book import BOOK

HUNG_REQUEST_MS: Final = 600
"""What the register is given for an answer in the demo, so that one that hangs does not hold the show up."""

_TRACES: Final = UUID("f1c0a9d2-5a55-4f2b-9a0e-6f3d2f1b7c44")
_UIDS: Final[Mapping[str, str]] = {company.name: company.uid for company in BOOK}


@dataclass(frozen=True, slots=True)
class Owner:
    """A beneficial owner as the application names them."""

    name: str
    birth_date: str = "1971-03-14"
    country: str = "CH"


@dataclass(frozen=True, slots=True)
class Company:
    """An application for an account. ``subject`` names the applicant in the demo; ``uid`` None: as the register has it,
    by the name.
    """

    subject: str
    name: str
    country: str = "CH"
    employees: int = 40
    age_months: int = 96
    trade: str = "LOGISTICS"
    owner: Owner | None = field(default_factory=lambda: Owner("Regula Brunner"))
    uid: str | None = None

    @property
    def register_uid(self) -> str:
        """Give the UID that the application names."""
        return self.uid if self.uid is not None else _UIDS[self.name]


def _uid(body: str) -> str:
    return f"CHE{body}{uid_check_digit(body)}"


SOUND: Final = Company("sound", "Tidewater Logistik AG", age_months=200)
ORDINARY: Final = Company("ordinary", "Kaimauer Stiftung", employees=12, trade="EDUCATION")
YOUNG: Final = Company("young", "Uferweg Immobilien GmbH", employees=3, age_months=12, trade="CASINO")
WINDING_UP: Final = Company("winding-up", "Leuchtturm Handels AG", trade="RETAIL")
STRUCK_OFF: Final = Company("struck-off", "Sandbank Invest AG", trade="HOLDING")
UNHEARD_OF: Final = Company("unheard-of", "Nebelhorn Beratung AG", trade="CONSULTING", uid=_uid("20000019"))
MISTYPED: Final = Company("mistyped", "Tidewater Logistik AG", age_months=200, uid="CHE123456789")
BARRED: Final = Company("barred", "Kaimauer Stiftung", country="KP", trade="EDUCATION")
LISTED: Final = Company("listed", "SCHWARZWASSER Rohstoff Handel A.G.", trade="COMMODITIES", uid=_uid("20000027"))
"""Written otherwise than on the list, and still found."""

OWNED_BY_LISTED: Final = Company(
    "owner-listed",
    "Ebbe und Flut Treuhand",
    trade="TRUSTEE",
    owner=Owner("Dr. Vetrogonov, Rostislav", "1964-09-02", "BY"),
)
NOBODYS: Final = Company("no-owner", "Tidewater Logistik AG", owner=None)
UNANSWERED: Final = Company("unanswered", "Boje Bau Genossenschaft", trade="CONSTRUCTION")
"""The register answers 500 when it is asked about this one."""

HUNG: Final = Company("hung", "Seezeichen Technik AG", trade="ENGINEERING")
"""The register hangs when it is asked about this one."""

HASTY: Final = Company("hasty", "Kaimauer Stiftung", employees=30, age_months=60)
"""Applies again and again, each time as a slightly larger company."""


def onboarding_request(company: Company, *, run: str, attempt: int = 0) -> dict[str, Any]:
    """Write an application as a request. ``run`` is in the subject's name: a data folder may see many runs of the demo,
    and the same again would be a duplicate.
    """
    subject = f"{company.subject}/{run}"
    owner = company.owner
    return {
        "trace_id": trace_of(f"{subject}/{attempt}"),
        "subject_id": subject,
        "source_system": "DEMO_ONBOARDING",
        "country": company.country,
        "product_type": ONBOARDING,
        "risk_category": "COMPLIANCE",
        "context_data": {
            "company_name": company.name,
            "uid": company.register_uid,
            "employees": company.employees + attempt,
            "age_months": company.age_months,
            "trade": company.trade,
            "owner": None
            if owner is None
            else {"name": owner.name, "birth_date": owner.birth_date, "country": owner.country},
        },
    }


def credit_request(applicant: Applicant, *, run: str) -> dict[str, Any]:
    """Write an application for credit as a request."""
    subject = f"{applicant.name}/{run}"
    return {
        "trace_id": trace_of(subject),
        "subject_id": subject,
        "source_system": "DEMO_CREDIT",
        "country": "DE",
        "product_type": CREDIT,
        "risk_category": "CREDIT",
        "context_data": dict(applicant.attributes),
    }


def trace_of(text: str) -> str:
    """Name a request: the same text, the same trace."""
    return str(uuid5(_TRACES, text))
