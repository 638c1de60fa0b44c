"""`python -m shared.tables.parsing` compiles the parser of CSV files, where there is a C++ compiler.

Without one it says what follows from that and exits 0. A compiler that fails makes it exit 1.
"""

import sys

from shared.compiling import install
from shared.tables.parsing.library import LIBRARY

if __name__ == "__main__":
    sys.exit(install(LIBRARY, otherwise="parser of CSV files not compiled, Arrow parses them, slower"))
