"""What a run leaves for people to read: a fixed list, so that nothing else of a run's folder can be asked for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from services.trainer.domain.versions import RunFiles
from shared.errors import InvalidInput, NotFound

CHUNK_BYTES: Final = 256 * 1024
MODEL_DOCUMENT: Final = "model_document.md"
FIGURES: Final = "figures"
_FIGURE: Final = re.compile(rf"{FIGURES}/[a-z0-9_]{{1,64}}\.png")
_DOCUMENTS: Final[Mapping[str, str]] = {
    MODEL_DOCUMENT: "text/markdown",
    "trials.json": "application/json",
    "cv_results.csv": "text/csv",
    "feature_importance.csv": "text/csv",
    "scorecard.csv": "text/csv",
}


@dataclass(frozen=True)
class Artifact:
    """A file of a run, named within it."""

    name: str
    content_type: str
    size_bytes: int


def list_artifacts(files: RunFiles, run_id: str) -> list[Artifact]:
    """Return the artifacts of a run that may be read, by name."""
    sizes = files.sizes(run_id, ["", FIGURES])
    return [Artifact(name, _content_type(name), sizes[name]) for name in sorted(sizes) if _content_type(name)]


def read_artifact(files: RunFiles, run_id: str, name: str) -> Iterator[bytes]:
    """Yield an artifact's content in chunks of at most 256 KiB.

    Raises InvalidInput for a name that no artifact has, and NotFound ARTIFACT_NOT_FOUND where this run lacks it.
    """
    if not _content_type(name):
        known = ", ".join(_DOCUMENTS)
        raise InvalidInput.of("artifact", f"must be one of {known} or {FIGURES}/NAME.png; see ListModelArtifacts")
    if name not in files.sizes(run_id, [FIGURES if name.startswith(FIGURES) else ""]):
        raise NotFound(
            f"this version has no {name}; `counterfoil model artifacts` lists those it has",
            reason="ARTIFACT_NOT_FOUND",
            metadata={"artifact": name},
        )
    return files.read(run_id, name, chunk_bytes=CHUNK_BYTES)


def _content_type(name: str) -> str:
    return "image/png" if _FIGURE.fullmatch(name) else _DOCUMENTS.get(name, "")
