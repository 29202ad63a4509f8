"""Legal entity identifiers (ISO 17442)."""

import re
from typing import Final

_FORM: Final = re.compile(r"[0-9A-Z]{18}[0-9]{2}", re.ASCII)


def is_lei(text: str) -> bool:
    """Tell whether a text is an LEI: 18 letters or digits in upper case and two check digits, ISO 7064 mod 97-10.

    Letters count as 10 (A) to 35 (Z); the number that all twenty make leaves 1 when divided by 97.
    """
    return _FORM.fullmatch(text) is not None and int("".join(str(int(sign, 36)) for sign in text)) % 97 == 1
