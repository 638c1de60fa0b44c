"""The checkout that the services run from; the published package has none of them."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from counterfoil.cli.failures import CommandFailed


def find_checkout() -> Path:
    """Return the folder that holds services/ and shared/: the working directory, else the one this package lies in.

    Raises CommandFailed with CHECKOUT_MISSING.
    """
    here = Path(__file__).resolve()
    for folder in (Path.cwd(), *here.parents[4:5]):
        if (folder / "services" / "trainer").is_dir() and (folder / "shared").is_dir():
            return folder
    raise CommandFailed(
        "the services run from a checkout of counterfoil and this is none; change to its folder and try again",
        reason="CHECKOUT_MISSING",
    )


def module_command(module: str, *arguments: str) -> Sequence[str]:
    """Return the command that runs a module with this interpreter."""
    return (sys.executable, "-m", module, *arguments)


def module_environment(checkout: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which a process finds the checkout's modules from any folder."""
    parts = [str(checkout / part) for part in ("protos/python", "clients/python", ".")]
    inherited = [variables["PYTHONPATH"]] if variables.get("PYTHONPATH") else []
    return {**variables, "PYTHONPATH": os.pathsep.join([*parts, *inherited])}
