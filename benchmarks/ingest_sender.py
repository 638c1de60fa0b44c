"""One sender of benchmarks.ingest: seals its segments, waits to be told, and sends them one after another.

`python -m benchmarks.ingest_sender ADDRESS INSTANCE ROWS SEGMENT_ROWS SEED` prints `ready`, starts at a line on its
standard input, and prints `done` once the monitor has acknowledged every segment.
"""

import sys
from typing import Any

import grpc

from benchmarks.ingest_segments import seal_segments
from counterfoil.client.channels import channel_options
from counterfoil.monitor.v1 import monitor_pb2
from services.monitor.app import SERVICE


def main() -> int:
    """Return 0 once everything was acknowledged."""
    address, instance = sys.argv[1:3]
    rows, segment_rows, seed = (int(argument) for argument in sys.argv[3:])
    segments = seal_segments(instance, rows=rows, segment_rows=segment_rows, seed=seed)
    requests = [monitor_pb2.IngestPredictionsRequest(segment=segment).SerializeToString() for segment in segments]
    with grpc.insecure_channel(address, options=channel_options()) as channel:
        # The requests are bytes already: what is timed is the monitor's work, as little as may be the sender's.
        ingest: Any = channel.unary_unary(f"/{SERVICE}/IngestPredictions")
        print("ready", flush=True)
        sys.stdin.readline()
        for request in requests:
            ingest(request, timeout=120, wait_for_ready=True)
    print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
