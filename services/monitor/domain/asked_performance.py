"""What somebody wants to know of a model version's performance."""

from dataclasses import dataclass, field

from services.monitor.domain.performance import DEFAULT_MINIMUM_ROWS
from services.monitor.domain.slicing import Asked
from services.monitor.domain.window import Window, check_window
from shared.errors import FieldViolation, InvalidInput

SMALLEST_MINIMUM_ROWS = 20
LARGEST_MINIMUM_ROWS = 100_000


@dataclass(frozen=True)
class AskedPerformance:
    """A window of a model version's decisions, how to divide it, and below how many rows nothing is told of a part."""

    model_version: str
    window: Window = field(default_factory=Window)
    slicings: tuple[Asked, ...] = ()
    minimum_rows: int = DEFAULT_MINIMUM_ROWS

    def check(self) -> None:
        """Raise InvalidInput that names what is wrong, but for what only the model can tell."""
        violations = check_window(self.window)
        if not SMALLEST_MINIMUM_ROWS <= self.minimum_rows <= LARGEST_MINIMUM_ROWS:
            bounds = f"{SMALLEST_MINIMUM_ROWS} and {LARGEST_MINIMUM_ROWS:,}"
            violations.append(FieldViolation("minimum_rows", f"is not between {bounds}"))
        if violations:
            raise InvalidInput(violations)
