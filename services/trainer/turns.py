"""A few callers at a time look at data, so that jobs and other calls keep cores and memory."""

from shared.turns import PATIENCE_S, Turns


def looking_turns(*, patience_s: float = PATIENCE_S) -> Turns:
    """Return the turns of all who look at data; whoever waits too long for one gets Exhausted INSPECTIONS_BUSY."""
    return Turns(doing="callers are looking at data", reason="INSPECTIONS_BUSY", patience_s=patience_s)
