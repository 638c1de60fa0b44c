"""Comparisons with a challenger between messages and the domain."""

from counterfoil.monitor.v1 import challenger_pb2
from counterfoil.types.v1 import prediction_pb2
from services.monitor.domain.challenger import (
    CHALLENGER,
    DEFAULT_MAX_ROWS,
    AskedComparison,
    ChallengerComparison,
    Costs,
    Pair,
)
from services.monitor.domain.model import join_name, split_name
from services.monitor.messages import window_from_proto
from shared.rpc.times import timestamp_of


def asked_from_proto(request: challenger_pb2.CompareChallengerRequest) -> AskedComparison:
    """Return what is asked for, defaults filled in; raises InvalidInput for a name or a time that is none."""
    model, _ = split_name(request.model_version, field="model_version")
    challenger = request.challenger or join_name(model, CHALLENGER)
    split_name(challenger, field="challenger")
    return AskedComparison(
        model_version=request.model_version,
        challenger=challenger,
        window=window_from_proto(request.window),
        max_rows=request.max_rows or DEFAULT_MAX_ROWS,
    )


def comparison_to_proto(asked: AskedComparison, found: ChallengerComparison) -> challenger_pb2.ChallengerComparison:
    """Return the comparison as it goes over the wire."""
    return challenger_pb2.ChallengerComparison(
        model_version=asked.model_version,
        challenger=asked.challenger,
        rows=found.rows,
        first_decision_time=timestamp_of(found.first_time),
        last_decision_time=timestamp_of(found.last_time),
        features_not_logged=found.features_not_logged,
        pairs=map(_pair, found.pairs),
        agreement_rate=found.agreement,
        approval_rate=found.share(decision="APPROVE"),
        challenger_approval_rate=found.share(challenger_decision="APPROVE"),
        costs=map(_costs, found.costs),
    )


def _pair(pair: Pair) -> challenger_pb2.DecisionPair:
    return challenger_pb2.DecisionPair(
        decision=prediction_pb2.Decision.Value(f"DECISION_{pair.decision}"),
        challenger_decision=prediction_pb2.Decision.Value(f"DECISION_{pair.challenger_decision}"),
        count=pair.count,
        labelled_count=pair.labelled,
        default_count=pair.defaults,
    )


def _costs(costs: Costs) -> challenger_pb2.CostComparison:
    return challenger_pb2.CostComparison(
        basis=challenger_pb2.CostBasis.Value(f"COST_BASIS_{costs.basis}"),
        rows=costs.rows,
        cost=costs.cost,
        challenger_cost=costs.challenger_cost,
    )
