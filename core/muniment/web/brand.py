"""A council's colour on its pages: data in, a style sheet of one line out.

The colour is drawn on white and white on it, so one with too little contrast (WCAG 2.2, success criterion 1.4.3: 4.5 to
1) is left out and the page keeps the plain style.
"""

from __future__ import annotations

import re

__all__ = ["brand_of_name", "brand_style", "contrast_with_white", "sheet_name"]

COLOUR = re.compile(r"#[0-9a-f]{6}")
NAME = re.compile(r"brand-([0-9a-f]{6})\.css")
LEAST_CONTRAST = 4.5


def contrast_with_white(colour: str) -> float:
    """The contrast of `#rrggbb` with white, from 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    red, green, blue = (_linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def sheet_name(colour: str) -> str | None:
    """The name of the style sheet for a colour; None for one that is malformed or would be hard to read."""
    colour = colour.lower()
    if not COLOUR.fullmatch(colour) or contrast_with_white(colour) < LEAST_CONTRAST:
        return None
    return f"brand-{colour[1:]}.css"


def brand_of_name(name: str) -> str | None:
    """The colour that a style sheet's name stands for; None if it is no such name or too pale."""
    match = NAME.fullmatch(name)
    colour = f"#{match[1]}" if match else None
    return colour if colour is not None and sheet_name(colour) == name else None


def brand_style(colour: str) -> str:
    """The style sheet."""
    return f":root {{ --brand: {colour}; }}\n"
