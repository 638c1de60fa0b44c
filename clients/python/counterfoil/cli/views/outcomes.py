"""What people see of outcomes."""

from rich.console import RenderableType

from counterfoil.cli.views.layout import ABSENT, facts, figure, listing, moment, stacked, whole
from counterfoil.client.errors import status_error
from counterfoil.monitor.v1 import outcome_pb2, prediction_log_pb2


def recorded_view(response: outcome_pb2.RecordOutcomesResponse) -> RenderableType:
    """Return how many outcomes were stored, and each line that was refused with its reason."""
    counts = facts(
        [
            ("stored", whole(response.stored_count)),
            ("stored before", whole(response.already_stored_count)),
            ("refused", whole(response.refused_count)),
        ]
    )
    return stacked(counts, _refusals(response) if response.refused_count else None)


def outcomes_view(found: outcome_pb2.ListOutcomesResponse | prediction_log_pb2.Prediction) -> RenderableType:
    """Return one line for each outcome of a decision."""
    rows = [
        (
            "yes" if outcome.defaulted else "no",
            moment(outcome.observation_time),
            figure(outcome.loss_amount) if outcome.HasField("loss_amount") else ABSENT,
            outcome.caller,
            moment(outcome.record_time),
            "counts" if outcome.counts else "",
        )
        for outcome in found.outcomes
    ]
    return listing(("defaulted", "observed", "loss", "recorded by", "recorded", ""), rows, right=("loss",))


def _refusals(response: outcome_pb2.RecordOutcomesResponse) -> RenderableType:
    errors = [
        (place, status_error(result.status))
        for place, result in enumerate(response.results)
        if result.HasField("status")
    ]
    # The first outcome stands in the file's second line, below the heading.
    rows = [(whole(place + 2), error.reason, error.message) for place, error in errors]
    return listing(("line", "reason", "what"), rows, title="refused", right=("line",))
