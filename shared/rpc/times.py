"""Times on the wire."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import InvalidInput


def moment_of(timestamp: Timestamp, field: str) -> datetime:
    """Return a timestamp in UTC; raises InvalidInput for `field` if it lies outside the years 1 to 9999."""
    try:
        return timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput.of(field, "must lie between the years 1 and 9999") from error


def timestamp_of(moment: datetime | None) -> Timestamp | None:
    """Return a moment as protobuf has it; None, which leaves a field absent, stays None."""
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
