"""What of a request may stand in a trace: nothing that names a person, an account, or a secret."""

import re
from typing import Final

TRACE_ID: Final = "tidegate.trace_id"
"""The product's own ``trace_id`` of a request, by which its answer and events are found; not the trace's id."""

_ID: Final = re.compile(r"(?=[^0-9]*[0-9])[0-9A-Za-z_:-]{1,64}")


def shown_trace_id(trace_id: str, *, personal: tuple[str, ...] = ()) -> dict[str, str]:
    """Give a caller's trace id as an attribute, or nothing when it may be more than an id.

    It is the caller's text. What has no digit (a name), holds anything but letters, digits and ``_ : -`` (a mail
    address, a token), is longer than 64, or holds one of ``personal`` (whom the request is about), is left out.
    """
    held = trace_id.lower()
    if _ID.fullmatch(trace_id) is None or any(each and each.lower() in held for each in personal):
        return {}
    return {TRACE_ID: trace_id}
