"""Nothing of one machine or one network is in the repository."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from house.tree import Offence, Tree

# Written with brackets so that these lines do not find themselves.
_MACHINE_PATH = re.compile(r"(?<![\w.\-])/(?:[w]ork|[r]oot|[h]ome/\w+|[U]sers/\w+|tmp/[b]rief)(?=[/\s\"'`,;:)\]]|$)")
_REGISTRY_HOST = re.compile(
    r"\b(?:pypi[.]org|pythonhosted[.]org|registry[.]npmjs[.]org|registry[.]yarnpkg[.]com|crates[.]io"
    r"|proxy[.]golang[.]org|repo1?[.]maven[.](?:org|apache[.]org)|deb[.]debian[.]org)\b"
)
_LOCK_ADDRESS = re.compile(
    r"\w+://|^\s*--(?:index-url|extra-index-url|find-links|trusted-host)\b|\s@\s+\S+", re.MULTILINE
)
_LOCKS = {"package-lock.json"}


def places(tree: Tree) -> Iterator[Offence]:
    """No machine's paths and no registry's host in any tracked file; no address in a lock."""
    for path in tree.paths:
        text = tree.text(path)
        if text is None:
            continue
        name = PurePosixPath(path).name
        is_lock = name.endswith(".lock") or name in _LOCKS
        for number, line in enumerate(text.splitlines(), start=1):
            yield from _on_line(path, number, line=line)
            if is_lock and _LOCK_ADDRESS.search(line):
                yield Offence(
                    path,
                    number,
                    "lock-address",
                    "the lock says where to download from",
                    "write it with make lock: hashes say what, the machine's own settings say where from",
                )


def _on_line(path: str, number: int, *, line: str) -> Iterator[Offence]:
    if match := _MACHINE_PATH.search(line):
        yield Offence(
            path,
            number,
            "machine-path",
            f"{match[0]} exists on one machine",
            "find it from the file's own place, an argument or a TIDEGATE_ variable",
        )
    if match := _REGISTRY_HOST.search(line):
        yield Offence(
            path,
            number,
            "registry-host",
            f"{match[0]} is named",
            "name the package; its client knows its registry",
        )


TREE_RULES = (places,)
