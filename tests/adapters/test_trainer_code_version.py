"""A run says which code made it: as stated, by the repository, or that it is not known."""

import platform
import subprocess
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from services.trainer.adapters.code_version import origin_tags

_CODE, _COMMIT = "counterfoil.code_version", "mlflow.source.git.commit"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a repository with one commit of one file."""
    (tmp_path / "code.py").write_text("pass\n")
    for command in (["init", "--quiet"], ["add", "code.py"], ["commit", "--quiet", "--message", "first"]):
        _git(tmp_path, *command)
    return tmp_path


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_a_commit_is_named_in_full(checkout: Path) -> None:
    """MLflow knows it by a tag of its own."""
    tags = origin_tags("", [], checkout=checkout)

    assert tags[_CODE] == tags[_COMMIT] == _git(checkout, "rev-parse", "HEAD")


def test_changed_files_are_told(checkout: Path) -> None:
    """The commit alone would not make the model again; a new file that nobody added changes nothing."""
    (checkout / "notes.txt").write_text("mine\n")
    untouched = origin_tags("", [], checkout=checkout)
    (checkout / "code.py").write_text("fail\n")
    changed = origin_tags("", [], checkout=checkout)

    assert not untouched[_CODE].endswith("-dirty")
    assert changed[_CODE] == f"{untouched[_CODE]}-dirty"
    assert changed[_COMMIT] == untouched[_COMMIT]


def test_what_is_stated_is_believed(checkout: Path) -> None:
    """An image was built from one commit and holds no repository, or another one."""
    tags = origin_tags("v1.2-3-gabcdef", [], checkout=checkout)

    assert tags[_CODE] == "v1.2-3-gabcdef"
    assert _COMMIT not in tags


def test_without_a_repository_it_is_the_packages_version(checkout: Path) -> None:
    """A repository of a folder above is somebody else's."""
    inside = checkout / "site"
    inside.mkdir()

    tags = origin_tags("", [], checkout=inside)

    assert tags[_CODE] == installed_version("counterfoil")
    assert _COMMIT not in tags


def test_libraries_are_told_with_python() -> None:
    """What is installed, not what was asked for."""
    tags = origin_tags("x", ["numpy", "scikit-learn"])

    assert tags["counterfoil.library.scikit-learn"] == installed_version("scikit-learn")
    assert tags["counterfoil.library.python"] == platform.python_version()
