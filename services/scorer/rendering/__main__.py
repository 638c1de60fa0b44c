"""`python -m services.scorer.rendering` compiles the rendering of answers, where there is a C++ compiler.

Without one it says what follows from that and exits 0. A compiler that fails makes it exit 1.
"""

import sys

from services.scorer.rendering.library import LIBRARY
from shared.compiling import install

if __name__ == "__main__":
    sys.exit(install(LIBRARY, otherwise="rendering not compiled, answers are written in Python, slower"))
