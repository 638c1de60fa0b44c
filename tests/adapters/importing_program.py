"""Run as a process: `importing_program.py URI CACHE` asks for a model in two threads that both need MLflow first."""

import sys
import threading
from pathlib import Path

from shared.bundle.registry import ModelRegistry
from shared.errors import NotFound


def ask(registry: ModelRegistry) -> None:
    """Ask for a model that nobody registered, and print what came of it."""
    try:
        registry.resolve("nobody", "1")
    except (NotFound, ImportError, AttributeError) as error:
        sys.stdout.write(f"{type(error).__name__}\n")


def main() -> None:
    """Ask in two threads, the second while the first imports MLflow, and once more when all is over."""
    registry = ModelRegistry(sys.argv[1], cache=Path(sys.argv[2]))
    first = threading.Thread(target=ask, args=(registry,))
    first.start()
    while first.is_alive() and "mlflow.tracking" not in sys.modules:
        first.join(0.001)
    ask(registry)
    first.join()
    ask(registry)


if __name__ == "__main__":
    main()
