"""What a refused table is told."""

from collections.abc import Callable

import pytest

from shared.errors import InvalidInput


def refusal(call: Callable[[], object]) -> tuple[str, list[str]]:
    """Return the reason and the field paths of the refusal that the call must end with."""
    with pytest.raises(InvalidInput) as caught:
        call()
    return caught.value.reason, [violation.field for violation in caught.value.violations]
