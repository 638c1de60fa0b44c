"""`counterfoil train` and `counterfoil model` over a real channel."""

import json
from collections.abc import Iterator

import pytest
from google.protobuf.empty_pb2 import Empty

from counterfoil.trainer.v1 import training_pb2
from counterfoil.types.v1 import job_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


START = ("train", "start", "--dataset", "ds-0123456789ab", "--classifier", "lightgbm")


def test_start_sends_the_grid_with_the_types_it_was_written_in(services: FakeServices) -> None:
    """Whole numbers, real numbers and words stay what they are."""
    services.answer("CreateTrainingJob", samples.training_job())
    services.answer("GetDataset", samples.dataset())
    grid = ("--grid", "num_leaves=8,16", "--grid", "reg_lambda=0.5", "--grid", "boosting=goss")

    services.run(
        *START,
        *grid,
        *("--fn-cost", "20", "--imbalance", "smotenc", "--preprocessing", "pca", "--repeats", "3"),
        *("--calibration", "sigmoid", "--no-wait"),
    )

    (request,) = services.asked("CreateTrainingJob")
    assert request.dataset == samples.DATASET
    assert [value.integer for value in request.grid["num_leaves"].values] == [8, 16]
    assert request.grid["reg_lambda"].values[0].real == 0.5
    assert request.grid["boosting"].values[0].text == "goss"
    assert (request.folds, request.repeats, request.model) == (5, 3, "credit-default")
    assert request.costs == training_pb2.Costs(false_negative=20)
    assert request.imbalance == training_pb2.IMBALANCE_SMOTENC
    assert request.preprocessing == training_pb2.PREPROCESSING_PCA
    assert request.calibration == training_pb2.CALIBRATION_SIGMOID


def test_start_sends_a_search_over_ranges(services: FakeServices) -> None:
    """With its budget; what was not said is left to the service."""
    services.answer("CreateTrainingJob", samples.training_job())
    services.answer("GetDataset", samples.dataset())
    search = ("--search", "tpe", "--objective", "log-loss", "--trials", "40", "--seconds", "600")

    services.run(*START, *search, "--grid", "reg_lambda=1..100:log", "--no-wait")
    services.run(*START, "--search", "random", "--pruning", "--no-wait")

    drawn, pruned = services.asked("CreateTrainingJob")
    assert drawn.search == training_pb2.Search(
        method=training_pb2.SEARCH_METHOD_TPE,
        objective=training_pb2.SEARCH_OBJECTIVE_LOG_LOSS,
        max_trials=40,
        max_seconds=600.0,
    )
    assert drawn.grid["reg_lambda"].range.scale == training_pb2.RANGE_SCALE_LOGARITHMIC
    assert pruned.search == training_pb2.Search(
        method=training_pb2.SEARCH_METHOD_RANDOM, objective=training_pb2.SEARCH_OBJECTIVE_BUSINESS_COST, pruning=True
    )


def test_start_shows_trials_and_metrics_beside_the_dummy(services: FakeServices) -> None:
    """The cheapest trial comes first and is marked; the dummy's cost stands in the same line."""
    services.answer("CreateTrainingJob", samples.training_job(samples.job(job_pb2.JOB_STATE_QUEUED)))
    services.answer("WatchTrainingJob", training_pb2.WatchTrainingJobResponse(training_job=samples.training_job()))
    services.answer("GetDataset", samples.dataset())

    outcome = services.run(*START)

    (cost,) = [line.split() for line in outcome.stdout.splitlines() if line.strip().startswith("business_cost")]
    assert outcome.exit_code == 0
    assert cost == ["business_cost", "0.5200", "0.5300", "0.8000"]
    assert outcome.stdout.index("num_leaves=16") < outcome.stdout.index("num_leaves=8")
    assert "1 *" in outcome.stdout
    assert samples.VERSION in outcome.stdout


def test_costs_may_be_shares_of_a_column_and_then_the_dummys_cost_is_left_out(services: FakeServices) -> None:
    """The data set knows what its dummy costs at 10 and 1 alone."""
    job = samples.training_job()
    job.costs.CopyFrom(training_pb2.Costs(false_negative=0.6, false_negative_column="AMT_CREDIT", false_positive=5.0))
    services.answer("CreateTrainingJob", job)
    services.answer("GetDataset", samples.dataset())

    outcome = services.run(*START, "--fn-cost", "0.6:AMT_CREDIT", "--fp-cost", "5", "--no-wait")

    (request,) = services.asked("CreateTrainingJob")
    (cost,) = [line.split() for line in outcome.stdout.splitlines() if line.strip().startswith("business_cost")]
    assert request.costs == job.costs
    assert "0.6 x AMT_CREDIT per default approved, 5 per good applicant refused" in outcome.stdout
    assert cost == ["business_cost", "0.5200", "0.5300", "-"]


def test_start_that_fails_shows_the_job_and_gives_exit_code_3(services: FakeServices) -> None:
    """With --json the job is on stdout and the error on stderr, one document each."""
    services.answer("CreateTrainingJob", samples.training_job(samples.job(job_pb2.JOB_STATE_QUEUED)))
    news = training_pb2.WatchTrainingJobResponse(training_job=samples.training_job(samples.failed_job()))
    services.answer("WatchTrainingJob", news)

    outcome = services.run(*START, "--json")

    assert outcome.exit_code == 3
    assert json.loads(outcome.stdout)["job"]["state"] == "JOB_STATE_FAILED"
    assert json.loads(outcome.stderr)["error"]["reason"] == "TABLE_MISSING"


def test_get_and_cancel_take_the_short_name(services: FakeServices) -> None:
    """The identifier alone will do."""
    services.answer("GetTrainingJob", samples.training_job())
    services.answer("CancelTrainingJob", samples.training_job())
    services.answer("GetDataset", samples.dataset())

    codes = [services.run("train", verb, "tj-0123456789ab").exit_code for verb in ("get", "cancel")]

    assert codes == [0, 0]
    assert services.asked("GetTrainingJob")[0].name == samples.JOB
    assert services.asked("CancelTrainingJob")[0].name == samples.JOB


def test_list_filters_by_data_set(services: FakeServices) -> None:
    """Without a data set the jobs of all are asked for."""
    services.answer("ListTrainingJobs", training_pb2.ListTrainingJobsResponse(training_jobs=[samples.training_job()]))

    outcome = services.run("train", "list", "--dataset", "ds-0123456789ab")
    services.run("train", "list")

    assert [request.dataset for request in services.asked("ListTrainingJobs")] == [samples.DATASET, ""]
    assert "0.7500" in outcome.stdout


def test_classifiers_show_what_the_grid_takes(services: FakeServices) -> None:
    """Type, default, bounds and meaning of each hyper-parameter."""
    leaves = training_pb2.Hyperparameter(
        name="num_leaves",
        type=training_pb2.HYPERPARAMETER_TYPE_INTEGER,
        default_value=training_pb2.HyperparameterValue(integer=8),
        minimum=2,
        maximum=4096,
        description="Largest number of leaves.",
    )
    classifier = training_pb2.Classifier(id="lightgbm", description="Trees.", hyperparameters=[leaves])
    services.answer("ListClassifiers", training_pb2.ListClassifiersResponse(classifiers=[classifier]))

    outcome = services.run("train", "classifiers")

    assert "lightgbm: Trees. It does not take missing values." in outcome.stdout
    assert "2 to 4096" in outcome.stdout
    assert "integer" in outcome.stdout


def test_model_list_asks_for_what_the_options_say(services: FakeServices) -> None:
    """Filter, ranges and order reach the service as typed."""
    services.answer("ListModelVersions", training_pb2.ListModelVersionsResponse())
    narrowing = ["--classifier", "lightgbm", "--dataset", "ds-1", "--alias", "champion", "--at-most", "test_brier=0.07"]

    outcome = services.run("model", "list", *narrowing, "--order-by", "test_auc", "--ascending")

    (request,) = services.asked("ListModelVersions")
    assert outcome.exit_code == 0
    assert (request.filter.classifier, request.filter.dataset, request.filter.alias) == (
        "lightgbm",
        "datasets/ds-1",
        "champion",
    )
    (bound,) = request.filter.metrics
    assert (bound.metric, bound.maximum, bound.HasField("minimum")) == ("test_brier", 0.07, False)
    assert (request.order.by, request.order.ascending) == ("test_auc", True)


def test_model_list_and_get_show_aliases(services: FakeServices) -> None:
    """The champion is told from the others."""
    versions = [samples.model_version(2), samples.model_version(1)]
    services.answer("ListModelVersions", training_pb2.ListModelVersionsResponse(model_versions=versions))
    services.answer("GetModelVersion", samples.model_version())

    listed = services.run("model", "list")
    got = services.run("model", "get")

    assert services.asked("ListModelVersions")[0].parent == "models/credit-default"
    assert services.asked("GetModelVersion")[0].name == "models/credit-default/versions/champion"
    assert "credit-default/2" in listed.stdout
    assert "champion" in got.stdout


def test_promote_passes_alias_etag_and_reason(services: FakeServices) -> None:
    """What an auditor reads later is sent as written."""
    services.answer("PromoteModelVersion", samples.model_version())

    outcome = services.run("model", "promote", "2", "--etag", "e6", "--reason", "cheaper on test")

    assert services.asked("PromoteModelVersion") == [
        training_pb2.PromoteModelVersionRequest(
            name=samples.VERSION, alias="champion", etag="e6", reason="cheaper on test"
        )
    ]
    assert "counterfoil score reload" in outcome.stderr


def test_model_demote_and_delete_say_why(services: FakeServices) -> None:
    """Reason and etag reach the service; by default it is the champion that is taken away."""
    services.answer("DemoteModelVersion", samples.model_version())
    services.answer("DeleteModelVersion", Empty())

    demoted = services.run("model", "demote", "2", "--reason", "drift")
    deleted = services.run("model", "delete", "credit-default/1", "--etag", "e6", "--reason", "too dear")

    (demote,), (delete,) = services.asked("DemoteModelVersion"), services.asked("DeleteModelVersion")
    assert (demote.name, demote.alias, demote.reason) == (samples.VERSION, "champion", "drift")
    assert (delete.name, delete.etag, delete.reason) == ("models/credit-default/versions/1", "e6", "too dear")
    assert "challenger" in demoted.stdout
    assert deleted.stdout.strip() == "models/credit-default/versions/1 is deleted"
