"""What must hold of the repository as a whole: architecture, locks, the published wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("**/*.txt"))
IMAGE_LOCKS = [lock for lock in LOCKS if lock.parent.name == "requirements" and lock.stem not in {"all", "uv"}]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)


def _pins(lock: Path) -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock.read_text(), re.MULTILINE):
        pins.setdefault(name, set()).add(version)
    return pins


def test_import_contracts_hold() -> None:
    """Who may import whom, as pyproject.toml states it for import-linter."""
    outcome = _run(str(Path(sys.executable).with_name("lint-imports")))

    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_pins_hashes_and_names_no_address(lock: Path) -> None:
    """Any mirror can serve the lock, and nothing else than what was locked can be installed."""
    text = lock.read_text()

    requirements = [block for block in re.split(r"\n(?=[a-z0-9])", text, flags=re.IGNORECASE) if "==" in block]

    assert requirements
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    assert "://" not in text


@pytest.mark.parametrize("lock", IMAGE_LOCKS, ids=lambda lock: lock.name)
def test_image_lock_is_a_subset_of_the_one_lock(lock: Path) -> None:
    """An image runs the very versions that the tests ran."""
    whole = _pins(ROOT / "requirements" / "all.txt")

    strays = {name: versions for name, versions in _pins(lock).items() if not versions <= whole.get(name, set())}

    assert strays == {}


def test_scorer_lock_leaves_out_what_the_scorer_must_not_import() -> None:
    """Neither shap nor evidently nor scikit-learn comes near the service that answers lenders."""
    assert (
        _pins(ROOT / "requirements" / "scorer.txt").keys().isdisjoint({"shap", "evidently", "scikit-learn", "mlflow"})
    )


def test_wheel_holds_the_client_alone(tmp_path: Path) -> None:
    """The published package is `counterfoil`: stubs, client, command line; no service, no top-level `shared`."""
    outcome = _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT))
    assert outcome.returncode == 0, outcome.stderr

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {
        "counterfoil",
        f"counterfoil-{wheel.name.split('-')[1]}.dist-info",
    }
    assert "counterfoil/scorer/v1/scorer_pb2.py" in names
    assert "counterfoil/client/channels.py" in names
