"""A council's colour is used where it can be read, and is nothing but a colour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.web.brand import LEAST_CONTRAST, brand_of_name, brand_style, contrast_with_white, sheet_name


@pytest.mark.parametrize(("colour", "contrast"), [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54)])
def test_contrast_as_wcag_counts_it(colour: str, contrast: float) -> None:
    assert contrast_with_white(colour) == pytest.approx(contrast, abs=0.01)


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#ffff00", "#767676; } body {", "#76767\n", "#76767g"])
def test_what_is_pale_or_no_colour_is_left_out(colour: str) -> None:
    assert sheet_name(colour) is None


@given(st.integers(0, 0xFFFFFF))
def test_a_name_stands_for_its_colour_and_no_other(number: int) -> None:
    colour = f"#{number:06x}"
    name = sheet_name(colour)
    assert (name is not None) == (contrast_with_white(colour) >= LEAST_CONTRAST)
    if name is not None:
        assert brand_of_name(name) == colour
        assert brand_style(colour) == f":root {{ --brand: {colour}; }}\n"


@given(st.text())
def test_no_other_name_has_a_sheet(name: str) -> None:
    assert brand_of_name(name) is None or sheet_name(brand_of_name(name) or "") == name
