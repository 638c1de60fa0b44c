"""The compiled library of the renderer."""

from pathlib import Path
from typing import Final

from shared.compiling import CompiledLibrary

LIBRARY: Final = CompiledLibrary(Path(__file__).with_name("rendering.cpp"), flags=("-O2",))
