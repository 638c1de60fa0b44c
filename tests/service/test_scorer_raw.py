"""Raw applications over a real channel: scored as training would have made their features, or refused by name."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.homecredit.v1 import home_credit_pb2
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.scorer.raw_messages import MAX_ROWS
from shared.bundle.writing import write_bundle
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.scoring import Scorer, answer_of, ask, failure, scorer

NAMED: dict[str, float | str | None] = {
    "CODE_GENDER": "F",
    "AMT_CREDIT": 250_000.0,
    "EXT_SOURCE_2": None,
    "NAME_CONTRACT_TYPE": "Cash loans",
    "BURO_DAYS_CREDIT_MEAN": -500.0,
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=1)


@pytest.fixture(scope="module")
def running(bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    """Give a scorer that serves the bundle."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path_factory.mktemp("state"), registry) as it:
        yield it


def raw(change: Callable[[home_credit_pb2.LoanApplication], object] = lambda _it: None) -> scorer_pb2.ScoreRequest:
    """Return a request about the application of NAMED, in raw rows, changed as told."""
    request = scorer_pb2.ScoreRequest(purpose=prediction_pb2.PURPOSE_DECISION)
    application = request.subject.raw
    application.application.code_gender = "F"
    application.application.amt_credit = 250_000.0
    application.application.name_contract_type = "Cash loans"
    for days in (-300, -700):
        application.history.bureau.add(days_credit=days, credit_active="Active")
    change(application)
    return request


def test_a_raw_application_is_scored_as_its_features_are(running: Scorer) -> None:
    """The aggregates are computed, an absent field is missing, and the answer is the same to the bit."""
    by_rows = running.stub.Score(raw())
    by_features = running.stub.Score(ask(features=NAMED))

    assert answer_of(by_rows) == answer_of(by_features)


def test_a_stored_history_goes_with_a_new_application(running: Scorer, bundle: TinyBundle) -> None:
    """What the data set knows of the applicant's history, with the application of today."""
    place = SCHEMA.names.index("BURO_DAYS_CREDIT_MEAN")
    row = next(row for row, values in enumerate(bundle.values) if not math.isnan(values[place]))
    stored = float(bundle.values[row][place])

    def of_stored(application: home_credit_pb2.LoanApplication) -> None:
        """Take the history of a stored applicant in place of the rows."""
        application.history_of = bundle.applicant_ids[row]

    mixed = running.stub.Score(raw(of_stored))
    named = running.stub.Score(ask(features=NAMED | {"BURO_DAYS_CREDIT_MEAN": stored}))

    assert answer_of(mixed) == answer_of(named)


def test_an_applicant_without_history_is_scored(running: Scorer) -> None:
    """Nobody has to have borrowed before."""
    alone = running.stub.Score(raw(lambda application: application.ClearField("history")))
    named = running.stub.Score(ask(features=NAMED | {"BURO_DAYS_CREDIT_MEAN": None}))

    assert answer_of(alone) == answer_of(named)


def test_zero_and_absent_are_two_answers(running: Scorer) -> None:
    """A credit of zero is a number; one that is absent is imputed, and the reply says so."""

    def no_credit(application: home_credit_pb2.LoanApplication) -> None:
        """Ask for nothing."""
        application.application.amt_credit = 0.0

    zero = running.stub.Score(raw(no_credit))
    absent = running.stub.Score(raw(lambda application: application.application.ClearField("amt_credit")))

    assert list(zero.imputed_features) == []
    assert list(absent.imputed_features) == ["AMT_CREDIT"]


def test_a_repeated_raw_application_returns_the_recorded_answer(running: Scorer) -> None:
    """By its request_id; another row under the same id is refused."""
    request = raw()
    request.request_id = "raw-1"
    other = raw(lambda application: application.history.bureau.add(days_credit=-5))
    other.request_id = "raw-1"

    first, again = running.stub.Score(request), running.stub.Score(request)

    assert first == again
    assert failure(lambda: running.stub.Score(other)).reason == "REQUEST_ID_REUSED"


def _set(path: str, value: float | str) -> Callable[[home_credit_pb2.LoanApplication], object]:
    """Return a change of one field of the application's own row or of the first bureau loan."""
    row, field = path.split(".")

    def change(application: home_credit_pb2.LoanApplication) -> None:
        """Set the field."""
        setattr(application.application if row == "application" else application.history.bureau[0], field, value)

    return change


def _unknown_field(application: home_credit_pb2.LoanApplication) -> None:
    """Send a loan with a field that nobody knows (number 999)."""
    application.history.bureau[1].MergeFromString(b"\xb8\x3e\x01")


def _wrong_wire_type(application: home_credit_pb2.LoanApplication) -> None:
    """Send amt_credit (number 7, a double) as a whole number, which protobuf keeps silently apart."""
    number = home_credit_pb2.ApplicationRow.DESCRIPTOR.fields_by_name["amt_credit"].number
    application.application.ClearField("amt_credit")
    application.application.MergeFromString(bytes([number << 3, 1]))


def _too_many_rows(application: home_credit_pb2.LoanApplication) -> None:
    """Send more rows than anybody has."""
    application.history.installments_payments.extend([home_credit_pb2.InstallmentPayment()] * MAX_ROWS)


@pytest.mark.parametrize(
    ("change", "path", "why"),
    [
        (lambda it: it.ClearField("application"), "subject.raw.application", "is not set"),
        (_set("application.amt_credit", math.nan), "subject.raw.application.amt_credit", "not a finite number"),
        (_set("application.amt_credit", -math.inf), "subject.raw.application.amt_credit", "not a finite number"),
        (_set("bureau.amt_credit_sum", math.inf), "subject.raw.history.bureau[0].amt_credit_sum", "not a finite"),
        (_set("application.code_gender", "XNA"), "subject.raw.application.code_gender", "training leaves out"),
        (_set("application.code_gender", "X"), "subject.raw.application.code_gender", 'known levels are "F", "M"'),
        (_set("application.name_contract_type", "Cash"), "subject.raw.application.name_contract_type", "no level"),
        (_set("bureau.credit_active", "Sold"), "subject.raw.history.bureau[0].credit_active", '"Active", "Closed"'),
        (
            lambda it: it.history.bureau[1].balances.add(status="9"),
            "subject.raw.history.bureau[1].balances[0].status",
            "",
        ),
        (_unknown_field, "subject.raw.history.bureau[1]", "does not know or has as another type (999)"),
        (_wrong_wire_type, "subject.raw.application", "does not know or has as another type (7)"),
        (_too_many_rows, "subject.raw.history", f"more than {MAX_ROWS} rows"),
    ],
)
def test_what_is_wrong_in_a_raw_application_is_named(
    running: Scorer, change: Callable[[home_credit_pb2.LoanApplication], object], path: str, why: str
) -> None:
    """Row and field as the caller wrote them; nothing is scored."""
    error = failure(lambda: running.stub.Score(raw(change)))

    assert error.code == "INVALID_ARGUMENT"
    assert any(each.field == path and why in each.description for each in error.fields)


def test_a_history_of_nobody_is_not_found(running: Scorer) -> None:
    """The data set has no such applicant."""

    def of_nobody(application: home_credit_pb2.LoanApplication) -> None:
        """Name an applicant that is not there."""
        application.history_of = "nobody"

    assert failure(lambda: running.stub.Score(raw(of_nobody))).reason == "APPLICANT_NOT_FOUND"


def test_a_bundle_that_does_not_say_how_refuses_raw_applications(bundle: TinyBundle, tmp_path: Path) -> None:
    """Such as one trained on a table of the lender's own."""
    contents = replace(bundle.contents, raw_features=None)
    digest = write_bundle(tmp_path / "bundle", contents)
    registry = FakeRegistry()
    registry.register(replace(bundle, folder=tmp_path / "bundle", digest=digest, contents=contents), alias="champion")

    with scorer(tmp_path / "state", registry) as running:
        error = failure(lambda: running.stub.Score(raw()))

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "RAW_APPLICATIONS_NOT_SERVED")
