"""Rankers of ours: what a user takes next, from what users took before. Class paths and parameters are permanent.

All are fitted on a frame whose first column names the user, and one tuple of item texts per row, oldest first. They
answer per row `(items, scores)`, the best first, items that the user has taken already last. A user nobody knows is
answered with what most users take. Fitted state is plain lists and arrays.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from engine.serving.ranks import Answer, by_factors, by_neighbours, listed, user_text, weights

LENGTH = 10  # items of an answer
MIN_USERS = 4  # an item that few users took is like everything else they took, which says little
BLOCK = 512  # items compared with all others at once
WHOLE = 256  # a matrix of that many users or items is decomposed as a whole


class MostPopular(BaseEstimator):  # type: ignore[misc]
    """What most users took, without what this one took already: the baseline of every ranking.

    A score is the share of users that took the item.
    """

    def __init__(self, length: int = LENGTH) -> None:
        self.length = length

    def fit(self, frame: Any, truth: Any) -> MostPopular:
        """Learn who took what, in which order. Items are kept commonest first, ties by name."""
        users = user_texts(frame)
        counts = Counter(item for taken in truth for item in taken)
        self.items_ = sorted(counts, key=lambda item: (-counts[item], item))
        place = {item: number for number, item in enumerate(self.items_)}
        taken_by: dict[str, list[int]] = {}
        for user, taken in zip(users, truth, strict=True):
            if user:
                taken_by.setdefault(user, []).extend(place[item] for item in taken)
        self.users_ = sorted(taken_by)
        lengths = [len(taken_by[user]) for user in self.users_]
        self.starts_ = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.taken_ = np.array([item for user in self.users_ for item in taken_by[user]], dtype=np.int64)
        self.shares_ = np.array([counts[item] for item in self.items_], dtype=np.float64) / max(len(self.users_), 1)
        self._learn()
        return self

    def predict(self, frame: Any) -> list[Answer]:
        """Return the best items of each row's user with their scores."""
        place = {user: number for number, user in enumerate(self.users_)}
        known: dict[str, Answer] = {}
        answers = []
        for user in user_texts(frame):
            if user not in known:
                known[user] = self._answer(place.get(user))
            answers.append(known[user])
        return answers

    def _learn(self) -> None:
        """Learn more than counts."""

    def _scores(self, taken: Any) -> Any:
        """Return one score per item for a user by the places of what they took, oldest first."""
        return self.shares_

    def _answer(self, user: int | None) -> Answer:
        taken = self.taken_[:0] if user is None else self.taken_[self.starts_[user] : self.starts_[user + 1]]
        return listed(self.items_, self._scores(taken) if len(taken) else self.shares_, taken, self.length)


class _Recent(MostPopular):
    """A ranker that weighs what a user took lately more: `recency` items ago counts 1/e, 0 counts all alike."""

    def _weights(self, taken: Any) -> Any:
        return weights(len(taken), self.recency)

    def _matrix(self) -> Any:
        """Return users by items, 1 where taken."""
        from scipy.sparse import csr_matrix

        lengths = np.diff(self.starts_)
        rows = np.repeat(np.arange(len(self.users_)), lengths)
        shape = (len(self.users_), len(self.items_))
        matrix = csr_matrix((np.ones(len(rows)), (rows, self.taken_)), shape=shape)
        matrix.data[:] = 1.0  # an item taken twice is taken
        return matrix


class ItemNeighbours(_Recent):
    """Items like those the user took: shrunken cosine between items, the nearest of each only.

    Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22(1), 2004.
    """

    def __init__(self, neighbours: int = 60, shrink: float = 20.0, recency: float = 20.0, length: int = LENGTH) -> None:
        self.neighbours = neighbours
        self.shrink = shrink
        self.recency = recency
        self.length = length

    def _learn(self) -> None:
        from scipy.sparse import csr_matrix

        matrix = self._matrix()
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        size = len(self.items_)
        common = int((counts >= MIN_USERS).sum())  # items are in order of their counts
        columns = matrix[:, :common].tocsc()
        rows, places, values = [], [], []
        for start in range(0, common, BLOCK):
            block = columns[:, start : start + BLOCK]
            here = np.arange(start, start + block.shape[1])
            likeness = (block.T @ columns).toarray()
            likeness /= np.sqrt(np.outer(counts[here], counts[:common])) + self.shrink
            likeness[here - start, here] = 0.0
            kept = min(self.neighbours, common)
            nearest = np.argpartition(-likeness, kept - 1, axis=1)[:, :kept]
            rows.append(np.repeat(here, kept))
            places.append(nearest.ravel())
            values.append(np.take_along_axis(likeness, nearest, axis=1).ravel())
        joined = [np.concatenate(each) if each else np.zeros(0) for each in (values, rows, places)]
        near = csr_matrix((joined[0], (joined[1].astype(np.int64), joined[2].astype(np.int64))), shape=(size, size))
        near.eliminate_zeros()
        # row j then holds what item j gives to the items that have it for a neighbour
        by_source = near.T.tocsr()
        by_source.sort_indices()
        self.near_starts_ = by_source.indptr.astype(np.int64)
        self.near_items_ = by_source.indices.astype(np.int32)
        self.near_values_ = by_source.data.astype(np.float32)

    def _scores(self, taken: Any) -> Any:
        return by_neighbours(self.near_starts_, self.near_items_, self.near_values_, taken, self._weights(taken))


class ItemFactors(_Recent):
    """A truncated singular value decomposition of users by items; a user is what they took, folded in.

    Source: Cremonesi, Koren and Turrin, Performance of recommender algorithms on top-N recommendation tasks (PureSVD),
    RecSys 2010.
    """

    def __init__(self, factors: int = 32, recency: float = 20.0, length: int = LENGTH) -> None:
        self.factors = factors
        self.recency = recency
        self.length = length

    def _learn(self) -> None:
        matrix = self._matrix()
        size = min(self.factors, min(matrix.shape) - 1)
        if size < 1:
            self.vectors_ = np.zeros((len(self.items_), 1))
            return
        values, vectors = _decomposed(matrix, size)
        # Below its rank a matrix has no direction of its own: any vector would do there, and another each time.
        told = values > values.max() * max(matrix.shape) * np.finfo(np.float64).eps
        self.vectors_ = np.ascontiguousarray(vectors[told].T)

    def _scores(self, taken: Any) -> Any:
        return by_factors(self.vectors_, taken, self._weights(taken))


def _decomposed(matrix: Any, size: int) -> tuple[Any, Any]:
    """Return the largest `size` singular values of a sparse matrix, and their right vectors as rows; always the same.

    The iteration begins where it is told to, and where it finds an invariant subspace it goes on from a drawn vector:
    both are fixed. A small matrix, of which that is likely, is decomposed as a whole.
    """
    if min(matrix.shape) <= WHOLE:
        _, values, vectors = np.linalg.svd(matrix.toarray(), full_matrices=False)
        return values[:size], vectors[:size]
    from scipy.sparse.linalg import svds

    # the sign of a vector cancels in the scores
    _, values, vectors = svds(matrix, k=size, v0=np.ones(min(matrix.shape)), rng=np.random.default_rng(7))
    return values, vectors


def user_texts(frame: Any) -> list[str]:
    """Return the users of a frame's rows as text; nobody is empty."""
    return list(map(user_text, frame.iloc[:, 0].tolist()))
