"""Times on the wire."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp_of(moment: datetime | None) -> Timestamp | None:
    """Return a moment as protobuf has it; None, which leaves a field absent, stays None."""
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
