"""What people see of thresholds: what each would cost and whom it would refuse."""

from rich.console import RenderableType

from counterfoil.cli.costs import cost_text
from counterfoil.cli.views.layout import figure, listing, share, whole, word
from counterfoil.trainer.v1 import threshold_pb2


def thresholds_view(response: threshold_pb2.EvaluateThresholdsResponse) -> RenderableType:
    """Return one line a threshold, the version's own and the cheapest of all among them and marked."""
    marked = [("best", response.best), ("current", response.current)]
    lines = sorted(
        [*(("", figures) for figures in response.figures), *marked], key=lambda line: (line[1].threshold, line[0])
    )
    rows = [
        (
            f"{figures.threshold:.4f}",
            figure(figures.cost),
            share(figures.approval_rate),
            share(figures.bad_rate),
            share(figures.recall),
            mark,
        )
        for mark, figures in lines
    ]
    headings = ("threshold", "cost", "approved", "bad rate", "defaults refused", "")
    return listing(headings, rows, title=_title(response), right=headings[:-1])


def _title(response: threshold_pb2.EvaluateThresholdsResponse) -> str:
    costs = response.costs
    split = word(threshold_pb2.ScoredSplit.DESCRIPTOR, response.split)
    missed = cost_text(costs.false_negative, costs.false_negative_column)
    lost = cost_text(costs.false_positive, costs.false_positive_column)
    return f"{whole(response.outcomes)} outcomes of {split}; {missed} per default approved, {lost} per good one refused"
