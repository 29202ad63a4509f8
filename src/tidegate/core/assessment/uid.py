"""Swiss company numbers: UID, the unique enterprise identification number of the Federal Statistical Office."""

import re
from typing import Final

_FORM: Final = re.compile(r"CHE[- ]?([0-9]{3})[. ]?([0-9]{3})[. ]?([0-9]{3})(?: ?(?:MWST|TVA|IVA))?", re.ASCII)
_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4)


def compact_uid(text: str) -> str | None:
    """Give a UID in its compact form (``CHE107787577``), or None when the text is no UID.

    Read are ``CHE-107.787.577``, with blanks for signs or without any, either case, a VAT suffix (MWST, TVA, IVA)
    dropped. The last digit must be the check digit: weights 5 4 3 2 7 6 5 4, modulus 11 (eCH-0097); a number whose
    check digit would be 10 was never given to anyone.
    """
    form = _FORM.fullmatch(text.strip().upper())
    if form is None:
        return None
    digits = "".join(form.groups())
    return f"CHE{digits}" if uid_check_digit(digits[:8]) == int(digits[8]) else None


def uid_check_digit(body: str) -> int | None:
    """Give the check digit of the eight digits of a UID; None for a body that none exists for (it would be 10)."""
    check = (11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, body, strict=True)) % 11) % 11
    return None if check == 10 else check
