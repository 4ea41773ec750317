"""The same fitted model is the same bytes in every process."""

from __future__ import annotations

from sklearn.feature_extraction.text import TfidfVectorizer

from engine.serving.artifact import dump, sort_types, untrusted_types
from engine.serving.strict_skops import skops_io


def test_text_features_are_the_same_bytes_wherever_their_words_lay_in_memory() -> None:
    """A vectorizer keeps the address of its stop words, which another process has elsewhere."""
    texts = ["a great wall", "great news of a wall", "fake news"]
    first, second = (TfidfVectorizer().fit(texts) for _ in range(2))
    second._stop_words_id = first._stop_words_id + 64
    assert dump(first) == dump(second)
    trusted, _ = sort_types(untrusted_types(dump(second)))
    loaded = skops_io().loads(dump(second), trusted=trusted)
    assert (loaded.transform(texts) != first.transform(texts)).nnz == 0


def test_a_word_that_is_called_as_an_address_stays() -> None:
    model = TfidfVectorizer(token_pattern=r"\S+").fit(["#first _stop_words_id stop_words fixed_vocabulary_"])
    trusted, _ = sort_types(untrusted_types(dump(model)))
    assert skops_io().loads(dump(model), trusted=trusted).vocabulary_ == model.vocabulary_
