"""Words for Bayes factors.

Jeffreys, Theory of Probability, 3rd ed. (Oxford, 1961), Appendix B: steps of 1/2 in log10 B.
Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773, Sec. 3.2: steps in 2 ln B.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable

REFERENCES = (
    "Jeffreys, Theory of Probability, 3rd ed. (Oxford University Press, 1961), Appendix B",
    "Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773",
)
BARE = "not worth more than a bare mention"
UNDECIDED = "undecided: the error is too large"
JEFFREYS_STEPS = (0.5, 1.0, 1.5, 2.0)
JEFFREYS_WORDS = (BARE, "substantial", "strong", "very strong", "decisive")
KASS_RAFTERY_STEPS = (2.0, 6.0, 10.0)
KASS_RAFTERY_WORDS = (BARE, "positive", "strong", "very strong")


def jeffreys(log10_b: float, error: float | None = None) -> str:
    """Grade of a Bayes factor on the scale of Jeffreys, with its direction; none if its error leaves that open."""
    return _graded(log10_b, error or 0.0, lambda x: x, JEFFREYS_STEPS, JEFFREYS_WORDS)


def kass_raftery(log10_b: float, error: float | None = None) -> str:
    """Grade of a Bayes factor on the scale of Kass and Raftery, with its direction; none if its error leaves that
    open."""
    return _graded(log10_b, error or 0.0, twice_ln, KASS_RAFTERY_STEPS, KASS_RAFTERY_WORDS)


def twice_ln(log10_b: float) -> float:
    """2 ln B, on the scale of a likelihood ratio test."""
    return 2.0 * math.log(10.0) * log10_b


def _graded(
    log10_b: float, error: float, scale: Callable[[float], float], steps: tuple[float, ...], words: tuple[str, ...]
) -> str:
    if abs(log10_b) < error and scale(error) > steps[0]:
        return UNDECIDED
    word = words[bisect.bisect_left(steps, scale(abs(log10_b)))]
    return word if word == BARE else f"{word} evidence {'for' if log10_b > 0.0 else 'against'}"
