"""Numbers as a report states them."""

SIGNIFICANT_DIGITS = 6
"""Finer than any scanner measures; the text fits VR DS (16 characters) and is the same on every machine."""

RELATIVE_ROUNDING = 0.5 * 10.0 ** (1 - SIGNIFICANT_DIGITS)
"""Largest part of a number that rounding to so many digits changes."""


def rounded(value: float) -> float:
    """The value with ``SIGNIFICANT_DIGITS`` digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
