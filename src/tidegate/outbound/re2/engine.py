"""RE2 in the shape in which the rule language takes it: a pattern becomes a test that searches a text."""

from collections.abc import Callable

import re2


def compile_regex(pattern: str) -> Callable[[str], bool]:
    """Compile a pattern.

    Raises:
        ValueError: the pattern is not RE2; the message says why.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(str(error)) from error
    return lambda text: compiled.search(text) is not None
