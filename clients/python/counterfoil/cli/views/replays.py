"""What people see of replays: how many came out as they are stored, and every value that did not."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from counterfoil.cli.replays import Replay, summary
from counterfoil.cli.views.layout import facts, identifier, listing, stacked


def replays_view(replays: Sequence[Replay]) -> RenderableType:
    """Return the counts, and a line for each value that differs and each prediction that could not be replayed."""
    counted = summary(replays)
    head = [("predictions", str(counted["predictions"])), ("rows computed", str(counted["rows"]))]
    head += [(verdict.lower().replace("_", " "), str(count)) for verdict, count in counted["verdicts"].items()]
    rows = [row for each in replays if not each.sound for row in _rows(each)]
    table = listing(("prediction", "field", "stored", "recomputed"), rows) if rows else None
    return stacked(facts(head), table)


def _rows(replay: Replay) -> Iterator[tuple[str, str, str, str]]:
    name = identifier(replay.prediction)
    if replay.found is None:
        yield name, replay.verdict, "", replay.failure.message if replay.failure else ""
        return
    for each in replay.found.differences:
        yield name, each.field, each.stored, each.recomputed
