"""Which data set a model was trained on, and where MLflow keeps its splits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SplitReference:
    """One split's Parquet file: its path among the artifacts of the data set's run, its SHA-256 (hex), its rows."""

    artifact: str
    digest: str
    rows: int


@dataclass(frozen=True)
class DatasetReference:
    """An immutable data set by id and digest, its experiment and run in MLflow, and its splits by name."""

    id: str
    digest: str
    experiment_id: str
    run_id: str
    splits: Mapping[str, SplitReference]

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts that `from_json` turns back into an equal reference."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "DatasetReference":
        """Return the reference that `to_json` wrote."""
        splits = {name: SplitReference(**split) for name, split in document["splits"].items()}
        return cls(**{**document, "splits": splits})


@dataclass(frozen=True)
class StandIn:
    """A newer data set whose applicants are scored by models of another one, that of the id `instead_of`."""

    instead_of: str
    dataset: DatasetReference

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts that `from_json` turns back into an equal object."""
        return {"instead_of": self.instead_of, "dataset": self.dataset.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "StandIn":
        """Return what `to_json` wrote."""
        return cls(document["instead_of"], DatasetReference.from_json(document["dataset"]))
