"""Only what is on the list of artifacts can be read of a run."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from services.trainer.domain.artifacts import Artifact, list_artifacts, read_artifact
from shared.errors import InvalidInput, NotFound


class Files:
    """The files of one run in memory."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents

    def sizes(self, run_id: str, folders: Sequence[str]) -> Mapping[str, int]:
        """Return what lies in the folders."""
        assert run_id == "run"
        return {name: len(content) for name, content in self._contents.items() if name.rpartition("/")[0] in folders}

    def read(self, run_id: str, name: str, *, chunk_bytes: int) -> Iterator[bytes]:
        """Yield the content, chunk by chunk."""
        assert run_id == "run"
        content = self._contents[name]
        yield from (content[start : start + chunk_bytes] for start in range(0, len(content), chunk_bytes))


_FILES = Files(
    {
        "model_document.md": b"# A model",
        "figures/roc_curve.png": b"\x89PNG" * 100_000,
        "scored/test.parquet": b"one applicant a row",
        "notes.txt": b"of somebody",
        "figures/Notes.svg": b"of somebody",
    }
)


def test_listed_are_documents_and_figures_alone() -> None:
    """Whatever else lies in the run stays there."""
    assert list_artifacts(_FILES, "run") == [
        Artifact("figures/roc_curve.png", "image/png", 400_000),
        Artifact("model_document.md", "text/markdown", 9),
    ]


def test_artifact_is_read_in_chunks() -> None:
    """Together they are the file; each is small enough for a message."""
    chunks = list(read_artifact(_FILES, "run", "figures/roc_curve.png"))

    assert b"".join(chunks) == b"\x89PNG" * 100_000
    assert [len(chunk) for chunk in chunks] == [262_144, 137_856]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "scored/test.parquet",
        "notes.txt",
        "figures/../model_document.md",
        "figures/a/b.png",
        "../model_document.md",
        "/etc/passwd",
        "figures/roc_curve.png\n",
        "figures/roc_curve.png/..",
        "figures\\roc_curve.png",
    ],
)
def test_name_that_is_not_on_the_list_is_refused(name: str) -> None:
    """Also where there is such a file, and before any path is made of it."""
    with pytest.raises(InvalidInput) as refusal:
        read_artifact(_FILES, "run", name)

    assert [violation.field for violation in refusal.value.violations] == ["artifact"]


@pytest.mark.parametrize("name", ["figures/cost_curve.png", "cv_results.csv"])
def test_artifact_that_this_run_lacks_is_not_found(name: str) -> None:
    """An earlier release may not have made it."""
    with pytest.raises(NotFound) as refusal:
        read_artifact(_FILES, "run", name)

    assert refusal.value.reason == "ARTIFACT_NOT_FOUND"
