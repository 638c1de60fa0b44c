"""From decisions to figures, for as many of them as can be told of."""

from services.monitor.domain.decided import Decided
from services.monitor.domain.estimation import estimate
from services.monitor.domain.performance import Measured
from services.monitor.domain.realised import realise


def measure(decided: Decided, minimum_rows: int) -> Measured:
    """Return the figures of the decisions.

    Fewer than `minimum_rows` (at least 1) have none, and fewer labels than that no realised ones.
    """
    labelled = decided.labelled()
    told, realised = decided.rows >= minimum_rows, labelled.rows >= minimum_rows
    return Measured(
        rows=decided.rows,
        approved=int(decided.approved.sum()),
        refused=int(decided.refused.sum()),
        realised=realise(labelled) if realised else None,
        estimated=estimate(decided) if told else None,
        estimated_labelled=estimate(labelled) if realised else None,
        labelled=labelled.rows,
    )
