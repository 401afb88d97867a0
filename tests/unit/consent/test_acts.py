"""How the ledger names who may receive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muniment.api.sharing import Body, Recipient
from muniment.consent.acts import body_of, recipient_key

EMPLOYERS = Recipient(
    id="employers", title="Employers", kind="kind-of-body", bodies=(Body(id="works", name="Generated Works Ltd"),)
)


def test_a_declared_body_goes_by_its_id_however_it_is_written() -> None:
    for written in ("works", "Generated Works Ltd", " generated  works LTD "):
        assert body_of(EMPLOYERS, written, "en") == ("employers/works", "Generated Works Ltd")


@given(name=st.text(min_size=1))
def test_case_and_blanks_do_not_make_another_body(name: str) -> None:
    assert recipient_key("employers", f"  {name}  ") == recipient_key("employers", name)
    assert recipient_key("employers", name) != recipient_key("employers")


def test_an_accent_makes_no_other_body_however_it_is_stored() -> None:
    composed, apart = "Caf\u00e9 Ltd", "Cafe\u0301 LTD"
    assert recipient_key("employers", composed) == recipient_key("employers", apart)
    cafe = Recipient(id="employers", title="E", kind="kind-of-body", bodies=(Body(id="cafe", name=composed),))
    assert body_of(cafe, apart, "en") == ("employers/cafe", composed)
