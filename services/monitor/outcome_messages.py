"""Outcomes between messages and the domain."""

import datetime as dt
from collections.abc import Sequence

from counterfoil.monitor.v1 import outcome_pb2
from services.monitor.domain.model import is_numbered
from services.monitor.domain.outcome import MOST_OUTCOMES, DecisionKey, Outcome, Recorded, Reported
from services.monitor.domain.prediction import PredictionName, parse_name
from shared.errors import CounterfoilError, InvalidInput
from shared.rpc.statuses import to_status
from shared.rpc.times import moment_of, timestamp_of


def rows_from_proto(request: outcome_pb2.RecordOutcomesRequest) -> list[Reported | CounterfoilError]:
    """Return the reports, an error in the place of each that is wrong in itself; raises InvalidInput for too many."""
    if not 1 <= len(request.outcomes) <= MOST_OUTCOMES:
        raise InvalidInput.of("outcomes", f"are {len(request.outcomes):,}; give 1 to {MOST_OUTCOMES:,} at once")
    return [_row(report, f"outcomes[{place}]") for place, report in enumerate(request.outcomes)]


def results_to_proto(results: Sequence[Recorded | CounterfoilError]) -> outcome_pb2.RecordOutcomesResponse:
    """Return what became of each report, and how many had which fate."""
    recorded = [each for each in results if isinstance(each, Recorded)]
    known = sum(each.already_stored for each in recorded)
    return outcome_pb2.RecordOutcomesResponse(
        results=[_result(each) for each in results],
        stored_count=len(recorded) - known,
        already_stored_count=known,
        refused_count=len(results) - len(recorded),
    )


def outcomes_to_proto(outcomes: Sequence[Outcome]) -> list[outcome_pb2.Outcome]:
    """Return the outcomes of a decision, of which the first counts."""
    return [_outcome(each, counts=not place) for place, each in enumerate(outcomes)]


def _row(message: outcome_pb2.OutcomeReport, field: str) -> Reported | CounterfoilError:
    try:
        return _reported(message, field)
    except InvalidInput as error:
        return error


def _reported(message: outcome_pb2.OutcomeReport, field: str) -> Reported:
    decision = _decision(message, field)
    if not message.HasField("defaulted"):
        raise InvalidInput.of(f"{field}.defaulted", "is not set; say whether the applicant defaulted")
    if not message.HasField("observation_time"):
        raise InvalidInput.of(f"{field}.observation_time", "is not set; say when the outcome was observed")
    return Reported(
        decision=decision,
        defaulted=message.defaulted,
        observation_time=moment_of(message.observation_time, f"{field}.observation_time"),
        loss_amount=message.loss_amount if message.HasField("loss_amount") else None,
    )


def _decision(message: outcome_pb2.OutcomeReport, field: str) -> PredictionName | DecisionKey:
    named = message.WhichOneof("decision")
    if named is None:
        raise InvalidInput.of(field, "names no decision; give the prediction, or a key of applicant and date")
    if named == "prediction":
        return parse_name(message.prediction, field_path=f"{field}.prediction")
    return _key(message.key, f"{field}.key")


def _key(message: outcome_pb2.DecisionKey, field: str) -> DecisionKey:
    if not message.applicant_id:
        raise InvalidInput.of(f"{field}.applicant_id", "is empty; say whom the decision was about")
    if message.model_version and not is_numbered(message.model_version):
        raise InvalidInput.of(f"{field}.model_version", "is not of the form models/{model}/versions/{number}")
    try:
        date = dt.datetime.strptime(message.date, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError as error:
        raise InvalidInput.of(f"{field}.date", "is not a date; give YYYY-MM-DD") from error
    return DecisionKey(message.applicant_id, date, message.model_version)


def _result(result: Recorded | CounterfoilError) -> outcome_pb2.OutcomeResult:
    if isinstance(result, CounterfoilError):
        return outcome_pb2.OutcomeResult(status=to_status(result))
    recorded = outcome_pb2.RecordedOutcome(
        prediction=str(result.name), already_stored=result.already_stored, counts=result.counts
    )
    return outcome_pb2.OutcomeResult(recorded=recorded)


def _outcome(outcome: Outcome, *, counts: bool) -> outcome_pb2.Outcome:
    return outcome_pb2.Outcome(
        prediction=str(outcome.name),
        defaulted=outcome.defaulted,
        observation_time=timestamp_of(outcome.observation_time),
        loss_amount=outcome.loss_amount,
        caller=outcome.caller,
        record_time=timestamp_of(outcome.record_time),
        counts=counts,
    )
