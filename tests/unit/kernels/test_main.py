"""`python -m shared.kernels` as `make install` runs it, in a copy of the package that holds no library yet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import shared.kernels.native as native_module

SHARED = Path(native_module.__file__).parents[1]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder with a package `shared` that has the kernel's sources and nothing compiled."""
    (tmp_path / "shared").mkdir()
    for name in ("__init__.py", "compiling.py", "errors.py"):
        shutil.copy(SHARED / name, tmp_path / "shared")
    ignored = shutil.ignore_patterns("compiled", "__pycache__")
    shutil.copytree(SHARED / "kernels", tmp_path / "shared" / "kernels", ignore=ignored)
    return tmp_path


def compile_kernel(package: Path, compiler: Path) -> subprocess.CompletedProcess[str]:
    """Run the program with CXX naming the compiler."""
    environment = {"PATH": os.environ["PATH"], "CXX": str(compiler), "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "shared.kernels"]
    return subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)


def test_without_a_compiler_the_install_goes_on(package: Path) -> None:
    """Exit code 0, and one line says what computes in the kernel's place."""
    outcome = compile_kernel(package, package / "no-such-compiler")

    assert outcome.returncode == 0
    assert "numba or LightGBM and numpy compute contributions: there is no C++ compiler" in outcome.stderr
    assert not list(package.rglob("*.so"))


def test_a_compiler_that_fails_stops_the_install(package: Path) -> None:
    """Exit code 1 with the compiler's own words, and nothing half made is left behind."""
    compiler = package / "failing"
    compiler.write_text("#!/bin/sh\necho no such flag >&2\nexit 3\n")
    compiler.chmod(0o755)

    outcome = compile_kernel(package, compiler)

    assert outcome.returncode == 1
    assert "no such flag" in outcome.stderr
    assert not list((package / "shared" / "kernels" / "compiled").iterdir())
