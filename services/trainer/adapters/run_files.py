"""The files of runs in MLflow."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient

from services.trainer.adapters.tracking import fetch_artifact
from shared.mlflow_store import reaching_mlflow


class MlflowFiles:
    """RunFiles in MLflow; every method raises Unavailable MLFLOW_UNAVAILABLE where it does not answer."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def sizes(self, run_id: str, folders: Sequence[str]) -> Mapping[str, int]:
        """Return the bytes of each file in the folders ("" is the run's own), by its name within the run."""
        with reaching_mlflow():
            found = [each for folder in folders for each in self._client.list_artifacts(run_id, folder or None)]
        return {each.path: int(each.file_size or 0) for each in found if not each.is_dir}

    def read(self, run_id: str, name: str, *, chunk_bytes: int) -> Iterator[bytes]:
        """Yield the content of a file that the run has."""
        with tempfile.TemporaryDirectory() as folder:
            fetched = fetch_artifact(self._client, run_id, name, Path(folder))
            with fetched.open("rb") as file:
                while chunk := file.read(chunk_bytes):
                    yield chunk
