"""Spans of records as Arrow sees them, in any table with the columns instance and sequence."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from services.monitor.domain.erasure import Span


def within(spans: Sequence[Span]) -> pc.Expression:
    """Return what a row must be to lie in one of the spans; whole files are left out by it where Delta has figures."""
    wanted = pc.scalar(False)
    for span in spans:
        sequence = pc.field("sequence")
        wanted |= (pc.field("instance") == span.instance) & (sequence >= span.first) & (sequence <= span.last)
    return wanted


def lying_within(rows: pa.Table, spans: Sequence[Span]) -> pa.Array:
    """Return whether each row lies in one of the spans."""
    places = zip(rows["instance"].to_pylist(), rows["sequence"].to_pylist(), strict=True)
    return pa.array([any(span.holds(*place) for span in spans) for place in places], pa.bool_())
