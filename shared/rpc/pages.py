"""Pages of a list: sizes and opaque tokens, the same in every service."""

import base64
import binascii

from shared.errors import InvalidInput

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


def page_size(requested: int) -> int:
    """Return the size to use: 0 means the default of 50; raises InvalidInput below 0 and above 1,000."""
    if not 0 <= requested <= MAX_PAGE_SIZE:
        raise InvalidInput.of("page_size", f"is {requested}; give 1 to {MAX_PAGE_SIZE}, or 0 for {DEFAULT_PAGE_SIZE}")
    return requested or DEFAULT_PAGE_SIZE


def encode_token(position: str) -> str:
    """Return a position as an opaque token; empty stays empty, which means that nothing follows."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    """Return the position in a token, empty for the first page; raises InvalidInput for what was never a token."""
    try:
        padded = (token + "=" * (-len(token) % 4)).encode("ascii")
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise InvalidInput.of("page_token", "is not a token of this service; leave it empty to start anew") from error
