"""Which code a run was made by, and on which libraries."""

import platform
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
_COMMIT_TAG, _CODE_TAG, _LIBRARY_TAG = "mlflow.source.git.commit", "counterfoil.code_version", "counterfoil.library."
_SECONDS = 10.0
UNKNOWN = "unknown"


def origin_tags(stated: str, libraries: Iterable[str], *, checkout: Path = CHECKOUT) -> dict[str, str]:
    """Return the tags of a run that name the code, Python and the libraries' versions.

    `stated` is what the settings say of the code, for an image that holds no repository; it is believed.
    """
    commit = "" if stated else _commit(checkout)
    tags = {f"{_LIBRARY_TAG}{library}": installed_version(library) for library in libraries}
    tags |= {_CODE_TAG: stated or commit or _package(), f"{_LIBRARY_TAG}python": platform.python_version()}
    return tags | ({_COMMIT_TAG: commit.removesuffix("-dirty")} if commit else {})


def _commit(checkout: Path) -> str:
    """Return the commit of a checkout, with -dirty where its files differ; empty where it is none."""
    git = shutil.which("git")
    # A folder above may be somebody else's repository.
    if git is None or not (checkout / ".git").exists():
        return ""
    commit = _said([git, "-C", str(checkout), "rev-parse", "HEAD"])
    changed = _said([git, "-C", str(checkout), "status", "--porcelain", "--untracked-files=no"])
    return f"{commit}-dirty" if commit and changed else commit


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        # A run is made all the same; it says that its code is not known.
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _package() -> str:
    try:
        return installed_version("counterfoil")
    except PackageNotFoundError:
        return UNKNOWN
