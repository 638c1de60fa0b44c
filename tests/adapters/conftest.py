"""A prepared MLflow."""

from collections.abc import Iterator

import pytest

from tests.adapters.mlflow_stores import MlflowStore, Prepared, connected, prepare_at_once


@pytest.fixture(scope="session")
def prepared_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return a store that two processes prepared at once, which takes seconds, and how they ended."""
    return prepare_at_once(tmp_path_factory.mktemp("mlflow") / "mlruns", processes=2)


@pytest.fixture(scope="module")
def mlflow_store(prepared_mlflow: Prepared) -> Iterator[MlflowStore]:
    """Yield the prepared store, connected; tests take names of their own for models and experiments."""
    with connected(prepared_mlflow.store) as store:
        yield store
