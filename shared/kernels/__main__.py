"""`python -m shared.kernels` compiles the kernel, where there is a C++ compiler.

Without one it says what follows from that and exits 0: numba computes contributions then if it is installed, else
LightGBM its own, the same within 1e-12 and slower, and numpy those of other trees, the same bits and slower still. A
compiler that fails makes it exit 1.
"""

import sys

from shared.compiling import install
from shared.kernels.native import LIBRARY

if __name__ == "__main__":
    sys.exit(install(LIBRARY, otherwise="kernel not compiled, numba or LightGBM and numpy compute contributions"))
