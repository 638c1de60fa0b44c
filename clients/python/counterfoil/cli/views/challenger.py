"""What people see of a challenger beside what was decided."""

from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.layout import facts, figure, listing, moment, share, stacked, whole, word
from counterfoil.monitor.v1 import challenger_pb2
from counterfoil.types.v1 import prediction_pb2

_DECISION: Final = prediction_pb2.Decision.DESCRIPTOR
_BASES: Final = {
    challenger_pb2.COST_BASIS_OUTCOMES: "known outcomes",
    challenger_pb2.COST_BASIS_LOGGED_PROBABILITIES: "the logged probabilities",
    challenger_pb2.COST_BASIS_CHALLENGER_PROBABILITIES: "the challenger's probabilities",
}


def challenger_view(found: challenger_pb2.ChallengerComparison) -> RenderableType:
    """Return how the challenger would have decided, where it disagrees, and what both cost."""
    lacking = ", ".join(found.features_not_logged)
    head = facts(
        [
            ("decided", found.model_version),
            ("challenger", found.challenger),
            ("decisions", whole(found.rows)),
            ("from", moment(found.first_decision_time)),
            ("to", moment(found.last_decision_time)),
            ("agree", share(found.agreement_rate) if found.HasField("agreement_rate") else ""),
            ("approved", share(found.approval_rate) if found.HasField("approval_rate") else ""),
            (
                "challenger approves",
                share(found.challenger_approval_rate) if found.HasField("challenger_approval_rate") else "",
            ),
            ("taken as missing", f"{lacking} (not logged)" if lacking else ""),
        ]
    )
    return stacked(head, _pairs(found), _costs(found))


def _pairs(found: challenger_pb2.ChallengerComparison) -> RenderableType:
    rows = [
        (
            word(_DECISION, pair.decision),
            word(_DECISION, pair.challenger_decision),
            whole(pair.count),
            whole(pair.labelled_count),
            whole(pair.default_count),
        )
        for pair in found.pairs
    ]
    headings = ("decided", "challenger", "decisions", "outcome known", "defaulted")
    return listing(headings, rows, right=headings[2:])


def _costs(found: challenger_pb2.ChallengerComparison) -> RenderableType:
    rows = [
        (
            _BASES.get(each.basis, str(each.basis)),
            whole(each.rows),
            figure(each.cost),
            figure(each.challenger_cost),
            figure(each.challenger_cost - each.cost),
        )
        for each in found.costs
    ]
    headings = ("cost by", "decisions", "decided", "challenger", "difference")
    return listing(headings, rows, right=headings[1:])
