"""Replays the records of segments in a process of its own: `python -m tests.service.replay_program BUNDLE SEGMENT...`.

Writes how many rows came out to the bit; or the first record that did not, and the exit code is 1.
"""

import sys
from pathlib import Path

import services.scorer.__main__  # noqa: F401  # leaves out what a scorer never imports, which takes seconds
from counterfoil.types.v1 import prediction_pb2
from services.scorer.replaying import Replayer
from shared.bundle.reading import load_bundle


def main() -> int:
    """Replay every record."""
    bundle = load_bundle(Path(sys.argv[1]))
    replayer = Replayer(lambda _model_version, _digest: bundle)
    rows = 0
    for path in sys.argv[2:]:
        segment = prediction_pb2.Segment.FromString(Path(path).read_bytes())
        previous = segment.previous_hash
        for record in segment.records:
            if prediction_pb2.DecisionPart.FromString(record.decision_part).HasField("failures"):
                previous = record.hash
                continue
            found = replayer.replay(record, previous)
            if found.differences or not found.same_kernel:
                sys.stdout.write(f"{record.sequence} {found.kernel_id} {found.differences[:1]}\n")
                return 1
            previous, rows = record.hash, rows + found.rows
    sys.stdout.write(f"{rows}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
