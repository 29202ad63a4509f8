"""The bounds of the rule language, all in one place (spec/rules.md, Safety)."""

from typing import Final

NODES_MAX: Final = 256
"""Groups and leaves together in one rule."""

DEPTH_MAX: Final = 16
"""Levels of one rule: the root is level 1 and leaves count."""

ACTIVE_RULES_MAX: Final = 2_048
"""Active rules of one context (the order gate, the assessment desk)."""

LIST_LITERAL_MAX: Final = 1_000
"""Entries of a list written in a rule; managed lists have no such bound."""

TEXT_BYTES_MAX: Final = 4_096
"""UTF-8 bytes of any text in a rule: literals, paths, names, CEL."""

REGEX_BYTES_MAX: Final = 512
"""UTF-8 bytes of a regular expression."""

DIGITS_MAX: Final = 64
"""Significant digits of a number, trailing zeros as written included."""

EXPONENT_MAX: Final = 400
"""Largest absolute power of ten of a number in scientific notation (1E400 and 1E-400 pass)."""

JSON_DEPTH_MAX: Final = 128
"""Nesting of a JSON document read here; roomy, so that a rule that is too deep is told where."""

assert REGEX_BYTES_MAX <= TEXT_BYTES_MAX
# Every permitted tree must be readable as JSON: a group is two levels of JSON, its list literal and document more.
assert 2 * DEPTH_MAX + 4 < JSON_DEPTH_MAX
