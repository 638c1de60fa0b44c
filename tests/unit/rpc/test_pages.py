"""Page sizes and tokens, the same in every list."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput
from shared.rpc.pages import DEFAULT_PAGE_SIZE, decode_token, encode_token, page_size

# Text that UTF-8 can hold: no lone surrogates.
texts = st.text(st.characters(codec="utf-8"))


@pytest.mark.parametrize(("requested", "used"), [(0, DEFAULT_PAGE_SIZE), (1, 1), (1000, 1000)])
def test_a_page_size_within_bounds_is_used(requested: int, used: int) -> None:
    """Zero is the default, as absence is."""
    assert page_size(requested) == used


@pytest.mark.parametrize("requested", [-1, 1001])
def test_a_page_size_out_of_bounds_is_refused(requested: int) -> None:
    """The error names the field and the bounds."""
    with pytest.raises(InvalidInput, match="1 to 1000") as error:
        page_size(requested)

    assert error.value.violations[0].field == "page_size"


@given(texts)
def test_a_token_gives_its_position_back(position: str) -> None:
    """Whatever the position holds, the token is text that fits a URL."""
    token = encode_token(position)

    assert decode_token(token) == position
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_no_position_is_no_token() -> None:
    """An empty token means the first page on the way in and that nothing follows on the way out."""
    assert encode_token("") == ""
    assert decode_token("") == ""


@pytest.mark.parametrize("token", ["a", "!!!!", "zurück", "_w", "a b"])
def test_what_was_never_a_token_is_refused(token: str) -> None:
    """Whether no base64 or no text inside it, the error names the field."""
    with pytest.raises(InvalidInput) as error:
        decode_token(token)

    assert error.value.violations[0].field == "page_token"


@given(texts)
def test_any_token_is_decoded_or_refused(token: str) -> None:
    """Nothing that a client sends becomes an internal error."""
    with suppress(InvalidInput):
        position = decode_token(token)

        assert decode_token(encode_token(position)) == position
