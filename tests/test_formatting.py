"""Counts and durations as people write them."""

import pytest

from pipeline.formatting import counted, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.085, "85 ms"), (0.9996, "1 s"), (9, "9 s"), (31.84, "31.8 s"), (119.96, "2 min"),
     (725, "12 min 5 s"), (7200, "2 h"), (12000, "3 h 20 min")],
)  # fmt: skip
def test_durations_have_a_useful_precision(seconds: float, text: str) -> None:
    """Long durations are shown without fractions, and a zero at the end is left out."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [(0, ["page"], "0 pages"), (1, ["page"], "1 page"), (1200, ["page"], "1,200 pages"),
     (2, ["retry", "retries"], "2 retries")],
)  # fmt: skip
def test_counts_agree_with_their_nouns(number: int, nouns: list[str], text: str) -> None:
    """One is singular, all else is plural, and thousands are separated."""
    assert counted(number, *nouns) == text
