"""The house rules that no linter has, as code: `python tools/tidy.py [ROOT]` prints offences and ends with 1 if any.

A rule that must give way is opted out of on the line of the offence, or the line above it, with its reason:
`# tidy: allow-function-length - the table reads best in one piece`.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from house import places, purity, shape, testing
from house.tree import Offence, OptOut, Source, Tree, read_tree

SOURCE_RULES: tuple[Callable[[Source], Iterable[Offence]], ...] = (
    *shape.RULES,
    *purity.RULES,
    *testing.SOURCE_RULES,
)
TREE_RULES: tuple[Callable[[Tree], Iterable[Offence]], ...] = (*places.TREE_RULES, *testing.TREE_RULES)


def offences(root: Path) -> list[Offence]:
    """Every offence in the tree, sorted by place."""
    tree = read_tree(root)
    found = [offence for rule in TREE_RULES for offence in rule(tree)]
    for source in tree.sources:
        broken = [offence for rule in SOURCE_RULES for offence in rule(source)]
        found += [offence for offence in broken if not source.excuses(offence)]
        found += [offence for opt_out in source.opt_outs for offence in _idle(source.path, opt_out)]
    return sorted(set(found))


def _idle(path: str, opt_out: OptOut) -> Iterator[Offence]:
    if opt_out.reason is None:
        yield Offence(
            path,
            opt_out.line,
            "opt-out",
            f"allow-{opt_out.rule} gives no reason",
            "write ` - ` and the reason behind it",
        )
    elif not opt_out.used:
        yield Offence(path, opt_out.line, "opt-out", f"allow-{opt_out.rule} excuses nothing", "delete it")


def main(arguments: list[str]) -> int:
    """Print the offences under the given root (default: this repository); 1 when there are any."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    found = offences(root)
    for offence in found:
        print(offence)
    print(f"tidy: {len(found)} offence{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
