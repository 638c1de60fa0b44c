"""Run as a process: `isolated_program.py score|facts FOLDER ROWS.npy BLOCKED…` works without the blocked packages."""

import pickle
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import NoReturn


class Blocked(MetaPathFinder):
    """Makes packages impossible to import, as if they were not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  # the import system gives it
        target: ModuleType | None = None,  # noqa: ARG002  # the import system gives it
    ) -> ModuleSpec | None:
        """Raise ModuleNotFoundError for a blocked package, or leave it to the other finders."""
        if any(fullname == name or fullname.startswith(f"{name}.") for name in self._names):
            raise ModuleNotFoundError(f"{fullname} is blocked", name=fullname)
        return None


def refuse_pickle(*_: object, **__: object) -> NoReturn:
    """Stand for every way to read a pickle."""
    raise AssertionError("a pickle was read")


def main(what: str, folder: str, rows: str, *blocked: str) -> None:
    """Print a probability a line, or the names of the features."""
    sys.meta_path.insert(0, Blocked(blocked))
    pickle.load = pickle.loads = pickle.Unpickler = refuse_pickle  # type: ignore[assignment,misc]  # that is the point
    if what == "facts":
        from shared.bundle.facts import read_facts

        print("\n".join(read_facts(Path(folder)).schema.names))  # noqa: T201  # its output is its result
        return
    import numpy as np

    from shared.bundle.reading import load_bundle

    for probability in load_bundle(Path(folder)).score(np.load(rows)).probabilities:
        print(float(probability).hex())  # noqa: T201  # its output is its result


if __name__ == "__main__":
    main(*sys.argv[1:])
