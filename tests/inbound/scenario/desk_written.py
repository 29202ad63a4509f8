"""A situation of the desk as the document that ``tidegate assess`` reads."""

from tests.core.assessment.builders import NOW_US
from tests.core.assessment.situations import LISTS, Situation

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.kernel.readings import instant_text
from tidegate.core.rules.json_exact import write_json


def written_situation(situation: Situation) -> str:
    """The situation as a document of ``tidegate assess``."""
    scoped = {
        "rules": [
            {
                "rule_code": rule.rule_code,
                "category": rule.category.value,
                "weight": rule.weight,
                "logic_config": rule.logic_config,
                "scope": {key: sorted(values) for key, values in rule.scope.items()},
                "is_active": rule.is_active,
            }
            for rule in situation.rules
        ],
        "thresholds": [
            {
                "score_from": each.score_from,
                "score_to": each.score_to,
                "decision": each.decision.value,
                "scope": {key: sorted(values) for key, values in each.scope.items()},
            }
            for each in situation.thresholds
        ],
    }
    outside = {
        name: answer.fields if answer.status is CallStatus.SUCCESS else {"failure": answer.status.value.lower()}
        for name, answer in situation.outside.items()
    }
    rows = [
        {
            "subject_id": row.subject_id,
            "created_at": instant_text(row.created_us),
            "decision": row.decision.value,
            "risk_score": row.risk_score,
        }
        for row in situation.past
    ]
    request = situation.request
    members = {"subject_id": request.subject_id, **request.attributes(), "context_data": request.context_data}
    lists = {each.name: list(each.entries) for each in LISTS}
    return write_json(
        {
            "now": instant_text(NOW_US),
            **scoped,
            "lists": lists,
            "providers": outside,
            "history": rows,
            "request": members,
        }
    )
