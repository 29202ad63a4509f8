"""The assignment of greatest worth between rows and columns, each used once at most (the Hungarian method)."""

from collections.abc import Mapping, Sequence
from typing import Final

_NOWHERE: Final = -1


def best_assignment(worth: Mapping[tuple[int, int], int]) -> Sequence[tuple[int, int]]:
    """Give the pairs of row and column whose worths sum up to the most; what has no worth is not assigned.

    Worths are positive. Of several assignments of the same sum it is always the same one.
    """
    rows = sorted({row for row, _ in worth})
    columns = sorted({column for _, column in worth})
    size = max(len(rows), len(columns))
    cost = [
        [
            -worth.get((rows[row], columns[column]), 0) if row < len(rows) and column < len(columns) else 0
            for column in range(size)
        ]
        for row in range(size)
    ]
    assigned = ((row, column) for column, row in enumerate(_row_of_column(cost)))
    real = ((rows[row], columns[column]) for row, column in assigned if row < len(rows) and column < len(columns))
    return sorted(pair for pair in real if pair in worth)


def _row_of_column(cost: Sequence[Sequence[int]]) -> list[int]:
    """The square assignment of least cost, row by row along the cheapest path of exchanges."""
    size = len(cost)
    row_potential, column_potential = [0] * size, [0] * (size + 1)
    row_of = [_NOWHERE] * (size + 1)
    for row in range(size):
        row_of[size] = row
        column, path = size, [size] * size
        least: list[int | None] = [None] * size
        seen = [False] * (size + 1)
        while row_of[column] != _NOWHERE:
            seen[column] = True
            at = row_of[column]
            step, nearest = None, _NOWHERE
            for to in range(size):
                if seen[to]:
                    continue
                reduced = cost[at][to] - row_potential[at] - column_potential[to]
                best = least[to]
                if best is None or reduced < best:
                    least[to], path[to], best = reduced, column, reduced
                if step is None or best < step:
                    step, nearest = best, to
            assert step is not None, "a column is free as long as rows come one by one"
            for to in range(size + 1):
                if seen[to]:
                    row_potential[row_of[to]] += step
                    column_potential[to] -= step
                elif to < size and (rest := least[to]) is not None:
                    least[to] = rest - step
            column = nearest
        while column != size:
            row_of[column] = row_of[path[column]]
            column = path[column]
    return row_of[:size]
