"""Every view of something that a job makes, in every state of the job."""

from collections.abc import Callable
from typing import Final

import pytest
from rich.console import RenderableType

from counterfoil.cli.views.datasets import dataset_list_view, dataset_report_view, dataset_view
from counterfoil.cli.views.drift import drift_report_list_view, drift_report_view
from counterfoil.cli.views.training import training_job_list_view, training_job_view
from counterfoil.monitor.v1 import monitor_pb2
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.types.v1 import job_pb2
from tests.service import cli_samples as samples
from tests.unit.cli.rendered import fact, text, words

View = Callable[[job_pb2.Job], RenderableType]

# Nothing but a name and a job: what a job has not made yet is absent.
WHOLE: Final[dict[str, View]] = {
    "data set": lambda job: dataset_view(dataset_pb2.Dataset(name="datasets/x", job=job)),
    "data set report": lambda job: dataset_report_view(dataset_pb2.Dataset(name="datasets/x", job=job)),
    "training job": lambda job: training_job_view(training_pb2.TrainingJob(name="trainingJobs/x", job=job), {}),
    "drift report": lambda job: drift_report_view(monitor_pb2.DriftReport(name="driftReports/x", job=job)),
}
LISTS: Final[dict[str, View]] = {
    "data sets": lambda job: dataset_list_view([dataset_pb2.Dataset(name="datasets/x", job=job)]),
    "training jobs": lambda job: training_job_list_view([training_pb2.TrainingJob(name="trainingJobs/x", job=job)]),
    "drift reports": lambda job: drift_report_list_view([monitor_pb2.DriftReport(name="driftReports/x", job=job)]),
}
whole = pytest.mark.parametrize("view", WHOLE.values(), ids=WHOLE)
lists = pytest.mark.parametrize("view", LISTS.values(), ids=LISTS)


@whole
def test_job_that_failed_says_why(view: View) -> None:
    """The message is for people, the reason is what one searches the handbook for."""
    shown = view(samples.failed_job())

    assert fact(shown, "state") == "failed"
    assert fact(shown, "error") == "application_train is not there (TABLE_MISSING)"
    assert fact(shown, "took") == "12.0 s"


@whole
def test_job_that_was_cancelled_has_no_error(view: View) -> None:
    """Somebody wanted it so."""
    shown = view(samples.job(job_pb2.JOB_STATE_CANCELLED))

    assert fact(shown, "state") == "cancelled"
    assert fact(shown, "error") == ""


@whole
def test_running_job_shows_its_share_and_stage_and_no_duration(view: View) -> None:
    """It is not known yet how long it takes."""
    shown = view(samples.job(job_pb2.JOB_STATE_RUNNING, "fold 2 of 5"))

    assert fact(shown, "state") == "running, 50%: fold 2 of 5"
    assert fact(shown, "took") == ""


@whole
def test_running_job_without_a_stage_shows_its_share_alone(view: View) -> None:
    """Nothing dangles behind the figure."""
    assert fact(view(samples.job(job_pb2.JOB_STATE_RUNNING)), "state") == "running, 50%"


@whole
def test_queued_job_has_neither_progress_nor_result(view: View) -> None:
    """What was asked for is shown, and nothing that would look like an answer."""
    shown = view(job_pb2.Job(state=job_pb2.JOB_STATE_QUEUED, create_time=samples.MORNING))

    assert fact(shown, "state") == "queued"
    assert fact(shown, "created") == "2027-01-15 08:00:00 UTC by unverified"
    assert [fact(shown, label) for label in ("digest", "model version", "verdict", "MLflow run", "took")] == [""] * 5


@whole
def test_state_that_this_client_does_not_know_is_shown_by_its_number(view: View) -> None:
    """A later service may have a state more; the command must not break on it."""
    # Over the wire, since a message refuses the number in Python.
    assert fact(view(job_pb2.Job.FromString(b"\x08\x63")), "state") == "99"


@whole
def test_caller_who_proved_its_name_is_named(view: View) -> None:
    """Who started what is part of the record."""
    assert fact(view(job_pb2.Job(create_time=samples.MORNING, caller="operations")), "created").endswith(
        "by operations"
    )


@lists
@pytest.mark.parametrize("state", [v for n, v in job_pb2.JobState.items() if n != "JOB_STATE_UNSPECIFIED"])
def test_line_of_a_job_without_a_result_marks_what_is_absent(view: View, state: job_pb2.JobState.ValueType) -> None:
    """A dash is no zero."""
    (line,) = [line for line in words(view(job_pb2.Job(state=state))) if line[0] == "x"]

    assert job_pb2.JobState.Name(state).removeprefix("JOB_STATE_").lower() in line
    assert line.count("-") >= 2
    assert "0.0000" not in line


@lists
def test_line_has_a_state_that_is_not_known_by_its_number(view: View) -> None:
    """One odd row must not hide the others."""
    assert "99" in text(view(job_pb2.Job.FromString(b"\x08\x63"))).split()
