"""The desk's parts that are played on purpose: each is about one way in which the desk answers, and says which."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

from tidegate.demo import desk_companies as companies
from tidegate.demo.desk_book import Applicant, repayment_scores
from tidegate.demo.desk_client import DeskRefused
from tidegate.demo.desk_companies import Company, credit_request, onboarding_request, trace_of
from tidegate.demo.desk_floor import DeskExpected, DeskFloor

DeskScene = Callable[[DeskFloor], Awaitable[None]]

APPROVED: Final = "APPROVED"
REVIEW: Final = "MANUAL_REVIEW"
REJECTED: Final = "REJECTED"
VELOCITY_FREE: Final = 3
"""Applications of one company within an hour that pass; the next one is looked at by a person."""

SANCTIONED: Final = "ONB-SANCTIONS-COMPANY"
UNHEARD_CODE: Final = "A99"
"""A code that the study does not have."""

SINGLES: Final[Sequence[tuple[Company, DeskExpected]]] = (
    (companies.SOUND, DeskExpected(APPROVED, ("ONB-LONG-STANDING",))),
    (companies.ORDINARY, DeskExpected(APPROVED)),
    (companies.YOUNG, DeskExpected(REVIEW, ("ONB-YOUNG-AND-SMALL", "ONB-CASH-TRADE"))),
    (companies.WINDING_UP, DeskExpected(REVIEW, ("ONB-REGISTER-WINDING-UP",))),
    (companies.STRUCK_OFF, DeskExpected(REJECTED, ("ONB-REGISTER-CANCELLED",))),
    (companies.UNHEARD_OF, DeskExpected(REVIEW, ("ONB-REGISTER-NOT-FOUND",))),
    (companies.MISTYPED, DeskExpected(REVIEW, ("ONB-REGISTER-NOT-FOUND",))),
    (companies.BARRED, DeskExpected(REJECTED, ("ONB-COUNTRY-BARRED",))),
    (companies.LISTED, DeskExpected(REJECTED, (SANCTIONED,))),
    (companies.OWNED_BY_LISTED, DeskExpected(REVIEW, ("ONB-SANCTIONS-OWNER",))),
    (companies.NOBODYS, DeskExpected(REVIEW, ("ONB-PAPERS-MISSING",))),
    (companies.UNANSWERED, DeskExpected(REVIEW, warnings=("zefix: FAILURE", "ONB-REGISTER-CANCELLED: UNKNOWN"))),
    (companies.HUNG, DeskExpected(REVIEW, warnings=("zefix: TIMEOUT",))),
)
"""One application, one answer."""


def _single(company: Company, expected: DeskExpected) -> DeskScene:
    async def scene(floor: DeskFloor) -> None:
        await floor.ask(named(company), onboarding_request(company, run=floor.run), expected=expected)

    return scene


def named(company: Company) -> str:
    """Give the name under which a company's answer is shown and kept."""
    return f"{company.name} ({company.subject})"


async def _asked_again(floor: DeskFloor) -> None:
    """The same under a new trace is answered from the record, under its own trace."""
    first = floor.answers.get(named(companies.SOUND))
    request = onboarding_request(companies.SOUND, run=floor.run)
    request["trace_id"] = trace_of(f"{request['subject_id']}/again")
    who = f"{companies.SOUND.name} (asked again)"
    again = await floor.ask(who, request, expected=DeskExpected(APPROVED, repeated=True))
    if again is not None and first is not None and again["assessment_id"] != first["assessment_id"]:
        floor.surprise(who, "another assessment than the first time")


async def _under_one_key(floor: DeskFloor) -> None:
    """A key stands for one request: the same again gets the same answer, another one is refused."""
    company, key = companies.ORDINARY, f"order-form-{floor.run}"
    request = onboarding_request(company, run=floor.run, attempt=1)
    first = await floor.ask(f"{company.name} (with a key)", request, expected=DeskExpected(APPROVED), key=key)
    who = f"{company.name} (same key)"
    again = await floor.ask(who, request, expected=DeskExpected(APPROVED, repeated=True), key=key)
    if first is not None and again is not None and first["assessment_id"] != again["assessment_id"]:
        floor.surprise(who, "another assessment than the first time")
    other = onboarding_request(company, run=floor.run, attempt=2)
    try:
        await floor.desk.evaluate(other, key=key)
    except DeskRefused as refusal:
        floor.refused(f"{company.name} (same key, another request)", refusal, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    else:
        floor.surprise(who, "the key was taken for another request")


async def _too_hasty(floor: DeskFloor) -> None:
    """Who applies again and again within the hour is looked at by a person."""
    for attempt in range(VELOCITY_FREE + 1):
        free = attempt < VELOCITY_FREE
        expected = DeskExpected(APPROVED) if free else DeskExpected(REVIEW, ("ONB-VELOCITY",))
        request = onboarding_request(companies.HASTY, run=floor.run, attempt=attempt)
        await floor.ask(f"{companies.HASTY.name} (time {attempt + 1})", request, expected=expected)


async def _malformed(floor: DeskFloor) -> None:
    """A request that cannot be read is no decision: every fault is named, nothing is stored."""
    request: dict[str, Any] = {
        **onboarding_request(companies.SOUND, run=floor.run),
        "country": "Switzerland",
        "surprise": 1,
    }
    del request["subject_id"]
    names = ("/country", "/subject_id", "/surprise")
    try:
        await floor.desk.evaluate(request)
    except DeskRefused as refusal:
        floor.refused("a malformed request", refusal, status=HTTPStatus.UNPROCESSABLE_ENTITY, says=names)
    else:
        floor.surprise("a malformed request", "it was evaluated")


async def _without_role(floor: DeskFloor) -> None:
    """An auditor may read and not ask."""
    try:
        await floor.desk.trespass(onboarding_request(companies.SOUND, run=floor.run))
    except DeskRefused as refusal:
        floor.refused("an auditor's request", refusal, status=HTTPStatus.FORBIDDEN)
    else:
        floor.surprise("an auditor's request", "it was evaluated")


ONBOARDING_SCENES: Final[Sequence[DeskScene]] = (
    *(_single(company, expected) for company, expected in SINGLES),
    _asked_again,
    _under_one_key,
    _too_hasty,
    _malformed,
    _without_role,
)
"""In the order they are played."""


async def play_credit(floor: DeskFloor, applicants: Sequence[Applicant]) -> None:
    """Everybody who asks for credit, then one with an attribute missing and one with a code that nobody knows."""
    scored = []
    for applicant in applicants:
        who = f"{applicant.name}{_repaid(applicant)}"
        answer = await floor.ask(who, credit_request(applicant, run=floor.run), expected=DeskExpected())
        if answer is not None:
            scored.append((applicant, answer["risk_score"]))
    floor.summary.scores = repayment_scores(scored)
    model = dict(applicants[0].attributes)
    del model["checking_status"]
    for name, attributes in (
        ("no-account-named", model),
        ("unheard-of-code", {**model, "checking_status": UNHEARD_CODE}),
    ):
        request = credit_request(Applicant(name, attributes), run=floor.run)
        answer = await floor.ask(name, request, expected=DeskExpected())
        if answer is not None and answer["decision"] == APPROVED:
            floor.surprise(name, "it was approved though the desk cannot know the risk")


def _repaid(applicant: Applicant) -> str:
    return {True: " (repaid)", False: " (did not repay)", None: ""}[applicant.repaid]
