"""`counterfoil outcomes` over a real channel."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.rpc import code_pb2

from counterfoil.monitor.v1 import outcome_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services

_NAME = f"{samples.VERSION}/predictions/p-1"
_STORED = outcome_pb2.OutcomeResult(recorded=outcome_pb2.RecordedOutcome(prediction=_NAME, counts=True))


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def written(folder: Path, *lines: str) -> str:
    """Write a CSV file and return its path."""
    path = folder / "outcomes.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_file_of_names_is_recorded(services: FakeServices, tmp_path: Path) -> None:
    """A date is midnight in UTC; a time with a zone is converted."""
    services.answer("RecordOutcomes", outcome_pb2.RecordOutcomesResponse(results=[_STORED] * 2, stored_count=2))
    path = written(
        tmp_path,
        "prediction,defaulted,observed,loss_amount",
        f"{_NAME},true,2026-06-01,1250.5",
        f"{_NAME},0,2026-06-01T02:00:00+02:00,",
    )

    outcome = services.run("outcomes", "record", path)

    (request,) = services.asked("RecordOutcomes")
    first, second = request.outcomes
    assert (first.prediction, first.defaulted, first.loss_amount) == (_NAME, True, 1250.5)
    assert (second.defaulted, second.HasField("loss_amount")) == (False, False)
    midnight = datetime(2026, 6, 1, tzinfo=UTC)
    assert [each.observation_time.ToDatetime(UTC) for each in request.outcomes] == [midnight] * 2
    assert outcome.exit_code == 0
    assert outcome.stdout.split() == ["stored", "2", "stored", "before", "0", "refused", "0"]


def test_a_file_of_applicants_is_sent_in_batches(services: FakeServices, tmp_path: Path) -> None:
    """As many at once as the service takes."""
    services.answer("RecordOutcomes", outcome_pb2.RecordOutcomesResponse(stored_count=10_000))
    services.answer("RecordOutcomes", outcome_pb2.RecordOutcomesResponse(stored_count=1))
    lines = [f"{place},2026-03-01,no,2026-06-01" for place in range(10_001)]

    outcome = services.run("outcomes", "record", written(tmp_path, "applicant_id,date,defaulted,observed", *lines))

    batches = services.asked("RecordOutcomes")
    assert [len(batch.outcomes) for batch in batches] == [10_000, 1]
    assert (batches[1].outcomes[0].key.applicant_id, batches[1].outcomes[0].key.date) == ("10000", "2026-03-01")
    assert "10,001" in outcome.stdout


def test_a_line_that_is_refused_is_told_by_its_number(services: FakeServices, tmp_path: Path) -> None:
    """A nightly job notices by the exit code."""
    refused = samples.refusal(code_pb2.NOT_FOUND, "PREDICTION_NOT_FOUND", "outcomes[1].prediction: names no prediction")
    response = outcome_pb2.RecordOutcomesResponse(
        results=[_STORED, outcome_pb2.OutcomeResult(status=refused)], stored_count=1, refused_count=1
    )
    services.answer("RecordOutcomes", response)
    lines = [f"{_NAME},true,2026-06-01", "p-2,true,2026-06-01"]

    outcome = services.run("outcomes", "record", written(tmp_path, "prediction,defaulted,observed", *lines))

    assert outcome.exit_code == 1
    assert "1 of 2 outcomes were refused" in outcome.stderr
    assert "OUTCOMES_REFUSED" in outcome.stderr
    assert "3   PREDICTION_NOT_FOUND" in outcome.stdout


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("prediction,defaulted", "p,true"), "line 1: the columns must be"),
        (("prediction,defaulted,observed,score", "p,true,2026-06-01,1"), "found are defaulted"),
        (("applicant_id,defaulted,observed", "1,true,2026-06-01"), "line 1"),
        (("prediction,defaulted,observed", "p,maybe,2026-06-01"), "line 2, defaulted: 'maybe'"),
        (("prediction,defaulted,observed", "p,1,2026-06-01", "p,1,June"), "line 3, observed: 'June'"),
        (("prediction,defaulted,observed,loss_amount", "p,1,2026-06-01,much"), "line 2, loss_amount: 'much'"),
        (("prediction,defaulted,observed", "p,1"), "line 2: has another number of columns"),
        (("prediction,defaulted,observed", "p,1,2026-06-01,more"), "line 2: has another number of columns"),
    ],
)
def test_a_file_that_cannot_be_understood_is_not_sent(
    services: FakeServices, tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    """Line and column are named, and nothing of it is recorded."""
    outcome = services.run("outcomes", "record", written(tmp_path, *lines))

    assert outcome.exit_code == 1
    assert said in outcome.stderr
    assert not services.asked("RecordOutcomes")


def test_a_file_of_other_bytes_is_refused(services: FakeServices, tmp_path: Path) -> None:
    """Such as a spreadsheet."""
    (tmp_path / "outcomes.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")

    outcome = services.run("outcomes", "record", str(tmp_path / "outcomes.xlsx"))

    assert (outcome.exit_code, "OUTCOMES_FILE_INVALID" in outcome.stderr) == (1, True)


def test_list_shows_what_was_recorded_and_which_counts(services: FakeServices) -> None:
    """With who recorded it."""
    services.answer("ListOutcomes", outcome_pb2.ListOutcomesResponse(outcomes=[samples.outcome()]))

    outcome = services.run("outcomes", "list", _NAME)

    assert services.asked("ListOutcomes")[0].prediction == _NAME
    for word in ("yes", "2026-06-01", "CN=bank", "counts"):
        assert word in outcome.stdout
