"""`python -m services.scorer.rendering` compiles the rendering of answers, where there is a C++ compiler.

Without one it says what follows from that and exits 0. A compiler that fails makes it exit 1.
"""

import sys

from services.scorer.rendering.library import LIBRARY
from shared.errors import Precondition


def main() -> int:
    """Return the exit code."""
    try:
        LIBRARY.build()
    except Precondition as error:
        sys.stderr.write(f"rendering not compiled, answers are written in Python, slower: {error.message}\n")
        return int(error.reason != "NO_COMPILER")
    return 0


if __name__ == "__main__":
    sys.exit(main())
