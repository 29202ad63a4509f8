"""The words of the desk's rules when they are saved: what may be read, and of which type it is.

It is the rule language's DESK_VOCABULARY with ``history`` closed: only what the desk counts may be asked for.
"""

from typing import Final

from tidegate.core.assessment.history import LAST_FIELDS, ROOT, history_type
from tidegate.core.rules.vocabularies import DESK_VOCABULARY
from tidegate.core.rules.vocabulary import FieldType, Vocabulary

PROVIDERS: Final = "providers"
CONTEXT_DATA: Final = "context_data"


class _RuleVocabulary(Vocabulary):
    """Knows the counts of ``history``, whose paths hold a duration."""

    def type_of(self, path: str) -> FieldType | None:
        return history_type(path) if path.startswith(f"{ROOT}.") else super().type_of(path)

    def advice_on(self, path: str) -> str:
        if path == ROOT or path.startswith(f"{ROOT}."):
            counts = "history.count.<window> (approved, manual_review, rejected likewise) with a window such as PT24H"
            return f"known are {counts}, {', '.join(LAST_FIELDS)}"
        return super().advice_on(path)


RULE_VOCABULARY: Final = _RuleVocabulary(
    context=DESK_VOCABULARY.context,
    fields={**DESK_VOCABULARY.fields, **LAST_FIELDS},
    open_prefixes=(CONTEXT_DATA,),
    provider_fields=DESK_VOCABULARY.provider_fields,
    cel_allowed=True,
)
