"""Where values lie among a few knots, from the bins of a drift profile: counts of bins are enough to sum it over rows.

A number lies between two knots, which stand at quantiles of the reference, closer in its tails; null is a knot of its
own. The most frequent categories are a knot each, all others one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift import Profile, Tally
from engine.measures.drift_bins import Grid, to_floats
from engine.measures.drift_categorical import CategoricalProfile, to_texts
from engine.measures.drift_numeric import NumericProfile
from engine.measures.drift_text import TextTally

QUANTILES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1.0)
CATEGORIES = 20  # with a knot of their own


def row_places(profile: Profile, values: pa.Array | pa.ChunkedArray) -> Any:
    """Return (n, knots): how near each value lies to each knot, adding up to 1; None for text."""
    places = bin_places(profile)
    return None if places is None else places[row_bins(profile, values)]


def counted_places(profile: Profile, tally: Tally) -> Any:
    """Return (knots,): the same, summed over the rows of a tally; None for text."""
    places = bin_places(profile)
    return None if places is None or isinstance(tally, TextTally) else tally.counts @ places


def bin_places(profile: Profile) -> Any:
    """Return (bins, knots): the same for each bin of a profile; None for text."""
    if isinstance(profile, NumericProfile):
        return _of_numbers(profile)
    return _of_categories(profile) if isinstance(profile, CategoricalProfile) else None


def row_bins(profile: Profile, values: pa.Array | pa.ChunkedArray) -> Any:
    """Return (n,): the bin of each value; not for text."""
    if isinstance(profile, NumericProfile):
        return profile.bins.codes(to_floats(values))
    assert isinstance(profile, CategoricalProfile)
    if isinstance(values, pa.DictionaryArray):  # a few words are coded instead of every row
        of_word = np.append(profile.codes(to_texts(values.dictionary)), 0)
        return of_word[np.asarray(pc.fill_null(values.indices.cast(pa.int64()), len(of_word) - 1))]
    return profile.codes(to_texts(values))


def _of_numbers(profile: NumericProfile) -> Any:
    """Return (bins, knots); bin 0 is null."""
    bins, counts = profile.bins, profile.counts[1:]
    if isinstance(bins, Grid):
        middles = bins.low + (np.arange(1, bins.size) + 0.5) / bins.scale
    elif len(bins.edges):
        middles = np.append(bins.edges, bins.edges[-1])
    else:
        middles = np.zeros(1)
    largest = np.finfo(np.float64).max / 4
    middles = np.clip(middles, -largest, largest)  # an edge may be infinite
    total = counts.sum()
    mass = np.cumsum(counts) / total if total else np.ones(len(counts))
    places = np.searchsorted(mass, np.minimum(QUANTILES, mass[-1]))
    knots = np.unique(middles[np.minimum(places, len(middles) - 1)])
    found = np.zeros((bins.size, len(knots) + 1))
    found[0, 0] = 1.0
    for place, row in enumerate(np.eye(len(knots)), 1):
        found[1:, place] = np.interp(middles, knots, row)
    return found


def _of_categories(profile: CategoricalProfile) -> Any:
    """Return (bins, knots); bin 0 is null, the last one what the reference never saw."""
    bins = len(profile.counts)
    own = min(CATEGORIES, len(profile.frequent)) + 1
    found = np.zeros((bins, own + 1))
    found[np.arange(bins), np.minimum(np.arange(bins), own)] = 1.0
    return found
