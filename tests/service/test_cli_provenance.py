"""`counterfoil model compare`, `lineage`, `artifacts` and `artifact` over a real channel."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.trainer.v1 import artifact_pb2, dataset_pb2, lineage_pb2, training_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_compare_sets_every_model_of_the_data_set_beside_the_dummy(services: FakeServices) -> None:
    """The best of a line is marked, and each cost is told as a share of the dummy's."""
    services.answer("CompareRuns", samples.comparison())

    outcome = services.run("model", "compare", "ds-0123456789ab")

    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert services.asked("CompareRuns") == [lineage_pb2.CompareRunsRequest(dataset=samples.DATASET)]
    assert ["test_business_cost", "0.8000", "0.5800", "*", "0.6000"] in lines
    assert ["credit-default/2", "-", "72.5%", "champion"] in lines


def test_compare_names_a_model_without_its_version_by_its_training(services: FakeServices) -> None:
    """A version that was deleted is still a run to learn from."""
    services.answer("CompareRuns", samples.comparison())

    assert "tj-0123456789ab" in services.run("model", "compare", "ds-0123456789ab").stdout


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("credit-default/2", samples.VERSION),
        ("2", samples.VERSION),
        ("ds-0123456789ab", samples.DATASET),
        (samples.DATASET, samples.DATASET),
    ],
)
def test_lineage_takes_a_version_or_a_data_set(services: FakeServices, typed: str, name: str) -> None:
    """By the short name or the full one."""
    services.answer("GetLineage", samples.lineage())

    assert services.run("model", "lineage", typed).exit_code == 0
    assert services.asked("GetLineage") == [lineage_pb2.GetLineageRequest(name=name)]


def test_lineage_goes_from_tables_to_aliases(services: FakeServices) -> None:
    """What the data set was made of, which training made which version, and who moved its aliases."""
    services.answer("GetLineage", samples.lineage())

    outcome = services.run("model", "lineage", "2")

    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["bureau", "parquet", "12,345", "e" * 12] in lines
    assert ["data", "set", samples.DATASET] in lines
    assert ["tj-0123456789ab", "succeeded", "unverified", "credit-default/2", "0.0912", "champion"] in lines
    assert "CN=officer" in outcome.stdout


def test_lineage_of_what_the_trainer_has_forgotten_shows_what_is_known(services: FakeServices) -> None:
    """The version still names its training and its data set, which here was deleted."""
    forgotten = lineage_pb2.Lineage(
        dataset=dataset_pb2.Dataset(name=samples.DATASET),
        dataset_deleted=True,
        runs=[lineage_pb2.LineageRun(training_job=training_pb2.TrainingJob(name=samples.JOB))],
    )
    services.answer("GetLineage", forgotten)

    outcome = services.run("model", "lineage", "ds-0123456789ab")

    assert f"{samples.DATASET} (deleted)" in outcome.stdout
    assert ["tj-0123456789ab", "-", "-", "-"] in [line.split() for line in outcome.stdout.splitlines()]


def test_model_artifacts_lists_what_there_is_to_read(services: FakeServices) -> None:
    """With the names that `model artifact` takes."""
    found = artifact_pb2.ListModelArtifactsResponse(model_artifacts=[samples.model_artifact()])
    services.answer("ListModelArtifacts", found)

    outcome = services.run("model", "artifacts", "2")

    assert services.asked("ListModelArtifacts")[0].parent == samples.VERSION
    assert outcome.stdout.split()[-3:] == ["figures/roc_curve.png", "image/png", "12,345"]


def test_model_artifact_writes_the_file(services: FakeServices, tmp_path: Path) -> None:
    """All chunks, in their order; with --json a machine learns how much it was."""
    chunks = [artifact_pb2.ReadModelArtifactResponse(chunk=chunk) for chunk in (b"# A", b" model")]
    services.answer("ReadModelArtifact", *chunks)
    file = tmp_path / "document.md"

    outcome = services.run("model", "artifact", "2", "model_document.md", "--output", str(file), "--json")

    (request,) = services.asked("ReadModelArtifact")
    assert (request.name, request.artifact) == (samples.VERSION, "model_document.md")
    assert file.read_bytes() == b"# A model"
    assert json.loads(outcome.stdout)["bytes"] == 9
