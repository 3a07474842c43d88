"""Values that are equal but for the rounding of text, found by sorting."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_MOST_COMPARED = 256
"""Clusters of vectors that each further vector is compared with. A radial acquisition has some sixty orientations; a
hostile study of 100,000 must not cost the square of it, so what comes later is a cluster of its own."""


def cluster_numbers(numbers: Floats, absolute: float, relative: float = 0.0) -> Labels:
    """Label of the cluster of each number, ascending with the numbers.

    A cluster ends where the next larger number is further away than the tolerance.

    Args:
        numbers: Finite, shape ``(n,)``, in any order.
        absolute: Tolerance in the unit of the numbers.
        relative: Added to it, as a part of the number's size.
    """
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    begins = np.diff(ordered) > absolute + relative * np.abs(ordered[1:])
    labels = np.empty(len(numbers), dtype=np.int64)
    labels[order] = np.concatenate(([0], np.cumsum(begins))) if len(numbers) else 0
    return labels


def cluster_vectors(vectors: Sequence[Sequence[float]] | Floats, tolerance: float) -> Labels:
    """Label of the cluster of each vector, ascending with the first vector of each cluster.

    Two vectors are in one cluster where no component of theirs differs by more than the tolerance from the cluster's
    smallest vector (first component first).

    Args:
        vectors: Finite, shape ``(n, components)``, in any order.
        tolerance: Of each component.
    """
    distinct, inverse = np.unique(np.asarray(vectors, dtype=np.float64), axis=0, return_inverse=True)
    firsts = np.empty((min(len(distinct), _MOST_COMPARED), distinct.shape[1]))
    labels = np.empty(len(distinct), dtype=np.int64)
    count = 0
    for index, vector in enumerate(distinct):
        near = np.flatnonzero((np.abs(firsts[:count] - vector) <= tolerance).all(axis=1))
        if len(near):
            labels[index] = near[0]
            continue
        labels[index] = count
        if count < _MOST_COMPARED:
            firsts[count] = vector
        count += 1
    return labels[inverse.reshape(-1)]


def runs(ordered: Labels) -> list[tuple[int, int]]:
    """Begin and end of each run of equal labels."""
    bounds = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(ordered)]
    return list(pairwise(bounds))
