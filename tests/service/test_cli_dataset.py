"""`counterfoil dataset` over a real channel: what it asks, what it prints, and how it ends."""

import json
from collections.abc import Iterator

import pytest
from google.protobuf.empty_pb2 import Empty
from google.rpc import code_pb2

from counterfoil.trainer.v1 import dataset_pb2, refresh_pb2
from counterfoil.types.v1 import job_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


CREATE = ("dataset", "create", "--tables", "first", "--imputation", "median")
PREPARED = ("dataset", "create", "--prepared", "own.csv", "--imputation", "none")


def test_create_sends_every_option_as_given(services: FakeServices) -> None:
    """What is not given stays absent, so that the service's defaults hold."""
    services.answer("CreateDataset", samples.dataset(samples.job(job_pb2.JOB_STATE_QUEUED)))

    options = ("--max-missing-share", "0", "--test-share", "0.25", "--seed", "5", "--name", "n", "--request-id", "r")
    services.run(*CREATE, *options, "--bar", "CODE_GENDER", "--bar", "bureau.CREDIT_TYPE", "--no-wait")

    assert services.asked("CreateDataset") == [
        dataset_pb2.CreateDatasetRequest(
            request_id="r",
            display_name="n",
            home_credit=dataset_pb2.HomeCreditTables(directory="first"),
            test_share=0.25,
            seed=5,
            options=dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_MEDIAN, max_missing_share=0.0),
            barred_columns=["CODE_GENDER", "bureau.CREDIT_TYPE"],
        )
    ]


def test_create_asks_for_the_set_of_features_by_name(services: FakeServices) -> None:
    """And shows which one it was."""
    made = samples.dataset()
    made.home_credit.features = dataset_pb2.FEATURE_SET_EXTENDED
    services.answer("CreateDataset", made)

    outcome = services.run(*CREATE, "--features", "extended", "--no-wait")

    (request,) = services.asked("CreateDataset")
    assert request.home_credit.features == dataset_pb2.FEATURE_SET_EXTENDED
    assert ["features", "extended"] in [line.split() for line in outcome.stdout.splitlines()]


def test_create_takes_every_bound_of_cleaning(services: FakeServices) -> None:
    """Each has a flag of the contract's own name."""
    services.answer("CreateDataset", samples.dataset())
    optional = [field for field in dataset_pb2.CleaningOptions.DESCRIPTOR.fields if field.name != "imputation"]
    bounds = {field.name: field.number / 10 for field in optional}

    services.run(*CREATE, *(f"--{name.replace('_', '-')}={bound}" for name, bound in bounds.items()), "--no-wait")

    (request,) = services.asked("CreateDataset")
    assert {field.name: value for field, value in request.options.ListFields()} == {
        "imputation": dataset_pb2.IMPUTATION_MEDIAN,
        **bounds,
    }


def test_create_sends_a_prepared_table_as_it_is_described(services: FakeServices) -> None:
    """Column names and texts may hold any sign."""
    services.answer("CreateDataset", samples.dataset())

    described = ("--id", "client no.", "--target", "outcome", "--positive", "bad", "--bound", "age=18:")
    texts = ("--reason-text", "age=Age in years", "--reason-text", "job=Occupation")
    services.run(*PREPARED, *described, *texts, "--no-wait")

    (request,) = services.asked("CreateDataset")
    assert not request.HasField("home_credit")
    assert request.prepared == dataset_pb2.PreparedTable(
        path="own.csv",
        id_column="client no.",
        target_column="outcome",
        positive="bad",
        reason_texts={"age": "Age in years", "job": "Occupation"},
        bounds={"age": dataset_pb2.ValueBounds(minimum=18)},
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*CREATE, "--prepared", "own.csv"), "either --tables or --prepared"),
        (("dataset", "create", "--imputation", "none"), "either --tables or --prepared"),
        ((*CREATE, "--id", "client"), "go with --prepared"),
        ((*PREPARED, "--id=a", "--target=b", "--features=extended"), "--features goes with --tables"),
        ((*CREATE, "--bound", "age=1:2"), "go with --prepared"),
        ((*PREPARED, "--id", "client"), "needs --id and --target"),
    ],
)
def test_create_wants_one_source_and_all_of_it(services: FakeServices, arguments: tuple[str, ...], said: str) -> None:
    """Nothing is sent otherwise."""
    outcome = services.run(*arguments)

    assert (outcome.exit_code, said in outcome.stderr) == (2, True)
    assert services.asked("CreateDataset") == []


def test_create_leaves_defaults_to_the_service(services: FakeServices) -> None:
    """Neither a share nor a seed is made up by the client."""
    services.answer("CreateDataset", samples.dataset())

    services.run(*CREATE, "--no-wait")

    (request,) = services.asked("CreateDataset")
    assert not request.HasField("test_share")
    assert not request.HasField("seed")
    assert request.home_credit.features == dataset_pb2.FEATURE_SET_UNSPECIFIED
    assert not request.options.HasField("max_missing_share")


def test_create_follows_the_job_and_shows_what_was_made(services: FakeServices) -> None:
    """Progress goes to stderr, the finished data set to stdout."""
    services.answer("CreateDataset", samples.dataset(samples.job(job_pb2.JOB_STATE_QUEUED)))
    services.answer(
        "WatchDataset",
        samples.dataset_news(samples.job(job_pb2.JOB_STATE_RUNNING, "building features")),
        samples.dataset_news(samples.job()),
    )

    outcome = services.run(*CREATE)

    assert outcome.exit_code == 0
    assert "50% building features" in outcome.stderr
    assert "ds-0123456789ab" in outcome.stdout
    assert "2 kept of 4" in outcome.stdout
    assert "0.8000 per applicant" in outcome.stdout


def test_create_prints_one_json_document_and_no_progress(services: FakeServices) -> None:
    """A machine reads stdout as it is: fields have the contract's names, zeros are there."""
    services.answer("CreateDataset", samples.dataset(samples.job(job_pb2.JOB_STATE_QUEUED)))
    services.answer("WatchDataset", samples.dataset_news(samples.job()))

    outcome = services.run(*CREATE, "--json")

    document = json.loads(outcome.stdout)
    assert document["job"]["state"] == "JOB_STATE_SUCCEEDED"
    assert document["splits"][0] == {"split": "SPLIT_TRAIN", "rows": "800", "defaults": "64", "digest": ""}
    assert outcome.stderr == ""


def test_no_wait_returns_the_queued_data_set_at_once(services: FakeServices) -> None:
    """Nothing is watched."""
    services.answer("CreateDataset", samples.dataset(samples.job(job_pb2.JOB_STATE_QUEUED)))

    outcome = services.run(*CREATE, "--no-wait")

    assert outcome.exit_code == 0
    assert "queued" in outcome.stdout
    assert services.asked("WatchDataset") == []


@pytest.mark.parametrize(
    ("ended", "line"),
    [
        (
            samples.failed_job(),
            "error: datasets/ds-0123456789ab failed: application_train is not there (TABLE_MISSING)",
        ),
        (samples.job(job_pb2.JOB_STATE_CANCELLED), "error: datasets/ds-0123456789ab was cancelled (JOB_CANCELLED)"),
    ],
    ids=["failed", "cancelled"],
)
def test_job_that_ends_badly_gives_exit_code_3(services: FakeServices, ended: job_pb2.Job, line: str) -> None:
    """A script can tell a job that failed from a call that failed."""
    services.answer("WatchDataset", samples.dataset_news(ended))

    outcome = services.run("dataset", "watch", "ds-0123456789ab")

    assert outcome.exit_code == 3
    assert line in outcome.stderr


def test_watch_goes_on_after_a_broken_stream(services: FakeServices) -> None:
    """A proxy or a restart that cuts the stream says nothing about the job."""
    services.answer(
        "WatchDataset",
        samples.dataset_news(samples.job(job_pb2.JOB_STATE_RUNNING)),
        samples.refusal(code_pb2.UNAVAILABLE, "", "the server stops"),
    )
    services.answer("WatchDataset", samples.dataset_news(samples.job()))

    outcome = services.run("dataset", "watch", samples.DATASET)

    assert outcome.exit_code == 0
    assert len(services.asked("WatchDataset")) == 2


def test_get_reports_splits_tables_and_dropped_columns_with_figures(services: FakeServices) -> None:
    """The report says why a column went, with the figure and the bound it was held against."""
    services.answer("GetDataset", samples.dataset())

    outcome = services.run("dataset", "get", "ds-0123456789ab", "--dropped")

    assert services.asked("GetDataset")[0].view == dataset_pb2.DATASET_VIEW_FULL
    assert "8.0%" in outcome.stdout
    assert "12,345" in outcome.stdout
    assert "absent: its features are left out" in outcome.stdout
    assert "share of missing values above 0.3" in outcome.stdout
    assert "OWN_CAR_AGE 0.66" in outcome.stdout
    assert "AMT_GOODS_PRICE" in outcome.stdout


def test_list_shows_a_page_and_how_to_go_on(services: FakeServices) -> None:
    """The hint goes to stderr, so that a pipe gets the table alone."""
    page = dataset_pb2.ListDatasetsResponse(datasets=[samples.dataset()])
    page.next_page_token = "t2"  # noqa: S105  no password
    services.answer("ListDatasets", page)

    outcome = services.run("dataset", "list", "--page-size", "1", "--page-token", "t1")

    (request,) = services.asked("ListDatasets")
    assert (request.page_size, request.page_token) == (1, "t1")
    assert "ds-0123456789ab" in outcome.stdout
    assert "--page-token t2" in outcome.stderr


def test_cancel_names_the_data_set(services: FakeServices) -> None:
    """Cancelling is no failure of the command."""
    services.answer("CancelDataset", samples.dataset(samples.job(job_pb2.JOB_STATE_CANCELLED)))

    outcome = services.run("dataset", "cancel", "ds-0123456789ab", "--json")

    assert outcome.exit_code == 0
    assert services.asked("CancelDataset")[0].name == samples.DATASET
    assert json.loads(outcome.stdout)["job"]["state"] == "JOB_STATE_CANCELLED"


def test_delete_says_why_and_what_is_gone(services: FakeServices) -> None:
    """A refusal would end with its reason and exit code 1."""
    services.answer("DeleteDataset", Empty())

    outcome = services.run("dataset", "delete", "ds-0123456789ab", "--reason", "retention")

    (request,) = services.asked("DeleteDataset")
    assert (request.name, request.reason) == (samples.DATASET, "retention")
    assert outcome.stdout.strip() == f"{samples.DATASET} is deleted"


def test_refresh_names_the_data_set_and_the_model(services: FakeServices) -> None:
    """And tells what stands in for what."""
    told = refresh_pb2.RefreshApplicantsResponse(dataset="datasets/ds-new", instead_of="datasets/ds-old")
    services.answer("RefreshApplicants", told)

    outcome = services.run("dataset", "refresh", "ds-new", "--model", "credit-default", "--reason", "today's tables")

    (request,) = services.asked("RefreshApplicants")
    assert (request.dataset, request.model, request.reason) == ("datasets/ds-new", "credit-default", "today's tables")
    assert "datasets/ds-new stand in for those of datasets/ds-old" in " ".join(outcome.stdout.split())
