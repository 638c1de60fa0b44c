"""The entry point of the `counterfoil` command."""

import sys
from typing import Final

_EXTRA: Final = frozenset({"click", "rich"})
_USAGE: Final = 2


def main() -> None:
    """Run the command line; without the extra `cli` it says how to install it and exits 2."""
    try:
        # Only here: the thin client must be installable without the command line's libraries.
        from counterfoil.cli.application import counterfoil
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write("error: the command line is not installed: pip install 'counterfoil[cli]' (EXTRA_MISSING)\n")
        sys.exit(_USAGE)
    counterfoil(prog_name="counterfoil")
