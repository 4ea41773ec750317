"""Our transformers: what they make of rows, of values never seen, and after being stored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from engine.serving import artifact
from engine.serving.features import (
    SHAPES,
    CategoryFlags,
    CodedClasses,
    DateParts,
    DenseArray,
    NumberColumns,
    RareCategories,
    TextColumn,
    TextShape,
)

NAN = float("nan")


def objects(values):
    return pd.Series(np.array(values, dtype=object), dtype=object)


def categories(*values):
    return pd.DataFrame({"segment": objects(values)})


def times(*texts):
    return pd.DataFrame({"at": np.array(texts, dtype="datetime64[us]")})


def texts(*values):
    return pd.DataFrame({"text": objects(values)})


NUMBERS = pd.DataFrame({"x": [1.0, 2.0, NAN, 6.0], "flag": objects([True, False, NAN, True])})
SEEN = categories(*["online"] * 6, *["groups"] * 5, *["rare"] * 2, NAN)
WORDS = texts("The LAST night", "a quiet night, really!", NAN, 'a "quoted" #word https://example.org @anna 42?')
DAYS = times("2026-01-01T06:00", "2026-12-31T18:30", "NaT", "2024-02-29T00:00")

EVERY = [
    (DateParts(), DAYS, times("1969-07-20T20:17", "NaT")),
    (DateParts(cyclic=True), DAYS, times("2100-03-01T00:00", "NaT")),
    (RareCategories(), SEEN, categories("never seen", NAN, "online")),
    (CategoryFlags(), SEEN, categories("never seen", NAN, "online")),
    (NumberColumns(), NUMBERS, pd.DataFrame({"x": [NAN, 1e12], "flag": objects([NAN, True])})),
    (NumberColumns(scale=True), NUMBERS, pd.DataFrame({"x": [NAN, 1e12], "flag": objects([NAN, True])})),
    (TextShape(), WORDS, texts("", NAN, "ÜBER 9000 \U0001f680")),
    (make_pipeline(TextColumn(), TfidfVectorizer(), DenseArray()), WORDS, texts("", NAN, "words never seen")),
]
NAMES = [type(one).__name__ + ("+" if getattr(one, "cyclic", getattr(one, "scale", 0)) else "") for one, _, _ in EVERY]


@pytest.mark.parametrize(("transformer", "seen", "unseen"), EVERY, ids=NAMES)
def test_stored_transformer_answers_as_before_even_what_it_never_saw(transformer, seen, unseen):
    transformer.fit(seen)
    content = artifact.dump(transformer)
    trusted, refused = artifact.sort_types(artifact.untrusted_types(content))
    assert refused == []
    loaded = skops.io.loads(content, trusted=trusted)
    for rows in (seen, unseen, unseen.iloc[:0] if "Pipeline" not in type(transformer).__name__ else unseen):
        made = np.asarray(loaded.transform(rows))
        assert made.shape[0] == len(rows)
        np.testing.assert_array_equal(made, np.asarray(transformer.transform(rows)))
    assert artifact.dump(loaded) == content


@pytest.mark.parametrize(("transformer", "seen", "_unseen"), EVERY[:-1], ids=NAMES[:-1])
def test_transformer_names_each_column_that_it_makes(transformer, seen, _unseen):
    made = transformer.fit_transform(seen)
    named = transformer.get_feature_names_out()
    assert made.dtype == np.float64
    assert made.shape == (len(seen), len(named))
    assert len(set(named)) == len(named)


def test_dates_become_the_parts_of_the_calendar():
    found = DateParts().fit(DAYS)
    assert found.get_feature_names_out().tolist() == ["at.month", "at.day", "at.weekday", "at.yearday", "at.hour"]
    made = found.transform(times("2026-01-01T06:00", "2024-12-31T18:30", "1969-12-31T00:00")).tolist()
    assert made == [[1, 1, 3, 1, 6], [12, 31, 1, 366, 18.5], [12, 31, 2, 365, 0]]


def test_dates_agree_with_pandas_over_a_century():
    days = pd.date_range("1950-01-01", "2050-01-01", freq="97h")
    made = DateParts().fit_transform(pd.DataFrame({"at": days.to_numpy().astype("datetime64[us]")}))
    wanted = np.column_stack([days.month, days.day, days.day_of_week, days.day_of_year, days.hour])
    np.testing.assert_array_equal(made, wanted)


def test_dates_without_time_of_day_have_no_hour():
    assert len(DateParts().fit(times("2026-01-01", "2026-01-02")).get_feature_names_out()) == 4


def test_missing_date_is_missing_in_parts_and_nothing_in_cycles():
    assert np.isnan(DateParts().fit(DAYS).transform(times("NaT"))).all()
    assert DateParts(cyclic=True).fit(DAYS).transform(times("NaT")).tolist() == [[0.0] * 10]


def test_cycle_ends_where_it_begins():
    first, last = DateParts(cyclic=True).fit(DAYS).transform(times("2026-01-05T00:00", "2026-01-12T00:00"))[:, 4:6]
    np.testing.assert_allclose(first, last)


def test_categories_are_coded_by_how_common_they_are():
    coder = RareCategories().fit(SEEN)
    made = coder.transform(categories("online", "groups", "rare", "never seen", NAN, None, ""))
    assert made[:, 0].tolist() == [2, 3, 1, 1, 0, 0, 0]


def test_equally_common_categories_are_coded_by_name():
    rows = ["b", "a", "c"] * 5
    assert RareCategories().fit(categories(*rows)).codes_ == RareCategories().fit(categories(*sorted(rows))).codes_
    assert RareCategories().fit(categories(*rows)).codes_ == [{"a": 2.0, "b": 3.0, "c": 4.0}]


def test_categories_stay_below_their_limit():
    rows = categories(*[f"value {count % 40}" for count in range(400)])
    made = RareCategories(max_categories=10).fit_transform(rows)
    assert len(np.unique(made)) == 9  # eight known and the others
    assert made.max() == 9


def test_flags_are_one_for_each_code():
    flags = CategoryFlags().fit(SEEN)
    assert flags.get_feature_names_out().tolist() == [
        "segment=(null)",
        "segment=(other)",
        "segment=online",
        "segment=groups",
    ]
    made = flags.transform(categories("groups", "never seen", NAN))
    assert made.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]


def test_answers_are_categories_too():
    rows = pd.DataFrame({"is_reply": np.array([True, False] * 5)})
    assert RareCategories().fit_transform(rows)[:2, 0].tolist() == [3, 2]


def test_numbers_pass_as_they_are():
    np.testing.assert_array_equal(
        NumberColumns().fit_transform(NUMBERS), [[1.0, 1.0], [2.0, 0.0], [NAN, NAN], [6.0, 1.0]]
    )


def test_scaled_numbers_are_centred_and_gaps_take_the_median():
    scaler = NumberColumns(scale=True).fit(NUMBERS)
    made = scaler.transform(NUMBERS)
    assert scaler.medians_ == [2.0, 1.0]
    assert np.delete(made, 2, axis=0).mean(axis=0) == pytest.approx([0.0, 0.0])
    assert np.delete(made, 2, axis=0).std(axis=0) == pytest.approx([1.0, 1.0])
    assert made[2] == pytest.approx(made[1] + [0.0, (1.0 - 0.0) / scaler.spreads_[1]])


@pytest.mark.parametrize("values", [[3.0, 3.0], [NAN, NAN]])
def test_numbers_without_spread_become_zero(values):
    assert NumberColumns(scale=True).fit_transform(pd.DataFrame({"x": values})).tolist() == [[0.0], [0.0]]


def test_shape_of_text_is_counted():
    text = 'AB 12 "x"! https://a.b @c #d ?'
    made = dict(zip(SHAPES, TextShape().fit_transform(texts(text))[0].tolist(), strict=True))
    assert made == {
        "length": len(text),
        "words": 7,
        "capitals": pytest.approx(2 / len(text)),
        "digits": pytest.approx(2 / len(text)),
        "links": 1,
        "mentions": 1,
        "tags": 1,
        "exclaims": 1,
        "questions": 1,
        "quoted": 0,
    }
    assert TextShape().fit_transform(texts('"Quoted" from its start'))[0][-1] == 1


def test_missing_text_has_no_shape():
    assert TextShape().fit_transform(texts(NAN, "")).tolist() == [[0.0] * 10] * 2


def test_text_column_gives_text_for_every_row():
    assert TextColumn().fit_transform(texts("a", NAN, None)) == ["a", "", ""]
    assert TextColumn().transform(np.array(["a", None], dtype=object)) == ["a", ""]


def test_class_paths_and_parameters_are_permanent():
    permanent = {
        "DateParts": {"cyclic": False},
        "RareCategories": {"max_categories": 60, "min_count": 5},
        "CategoryFlags": {"max_categories": 60, "min_count": 5},
        "NumberColumns": {"scale": False},
        "TextColumn": {},
        "TextShape": {},
        "DenseArray": {},
    }
    kinds = (DateParts, RareCategories, CategoryFlags, NumberColumns, TextColumn, TextShape, DenseArray)
    assert {kind.__name__: kind().get_params() for kind in kinds} == permanent
    assert {kind.__module__ for kind in (*kinds, CodedClasses)} == {"engine.serving.features"}
    assert CodedClasses(None).get_params() == {"estimator": None}


def test_classes_are_numbered_by_name_and_answered_by_name():
    from sklearn.naive_bayes import GaussianNB

    class Numbered(GaussianNB):
        def fit(self, table, target):
            assert sorted(set(target.tolist())) == [0, 1, 2]
            return super().fit(table, target)

    table = np.array([[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]])
    names = np.array(["low", "low", "high", "high", "10", "10"], dtype=object)
    fitted = CodedClasses(Numbered()).fit(table, names)
    assert fitted.classes_.tolist() == ["10", "high", "low"]
    assert fitted.predict(table).tolist() == names.tolist()
    assert fitted.predict_proba(table).argmax(axis=1).tolist() == [2, 2, 1, 1, 0, 0]
    weighted = CodedClasses(GaussianNB()).fit(table, names, sample_weight=[9.0, 1, 1, 1, 1, 1])
    assert weighted.estimator_.class_prior_.argmax() == 2
