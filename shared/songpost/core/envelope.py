"""Cholesky factors of sparse symmetric positive definite matrices, by the envelope method, in plain Python.

A lower triangle is a list of rows; a row is the first column that may be other than zero, and its entries from there
to the diagonal. The factor fills nothing outside that envelope (George and Liu 1981, chapter 4), so rows that reach
back only a little cost only a little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

Triangle = list[tuple[int, list[float]]]


def factorised(matrix: Triangle) -> Triangle:
    """L with L L' = matrix, in the same envelope. `ValueError` if it is not positive definite."""
    factor: Triangle = []
    for row, (first, line) in enumerate(matrix):
        built: list[float] = []
        for column in range(first, row):
            start, above = factor[column]
            known = built[start - first :] if start > first else built
            reached = above[first - start :] if first > start else above
            built.append((line[column - first] - sum(map(mul, known, reached))) / above[-1])
        built.append(math.sqrt(line[row - first] - sum(map(mul, built, built))))
        factor.append((first, built))
    return factor


def forward(factor: Triangle, right: Sequence[float]) -> list[float]:
    """Solve L x = right."""
    solution: list[float] = []
    for (first, line), value in zip(factor, right, strict=True):
        solution.append((value - sum(map(mul, line, solution[first:]))) / line[-1])
    return solution


def backward(factor: Triangle, right: Sequence[float]) -> list[float]:
    """Solve L' x = right, taking each unknown, once found, out of the equations before it."""
    solution = list(right)
    for row in range(len(factor) - 1, -1, -1):
        first, line = factor[row]
        solution[row] = value = solution[row] / line[-1]
        for before, entry in enumerate(line[:-1], first):
            solution[before] -= entry * value
    return solution
