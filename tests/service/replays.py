"""Random decisions of every kind of call, and their replay in other processes."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from counterfoil.scorer.v1 import scorer_pb2, stream_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from services.scorer.adapters.spool import Spool
from tests.bundles import SPLIT_ROWS, TinyBundle
from tests.clock import Clock
from tests.service.scoring import Scorer, ask, at_once, batch
from tests.service.streams import chunk_of, settings_for, streamed

TEST = prediction_pb2.PURPOSE_TEST
DETAILS = (explanation_pb2.EXPLAIN_ALL, explanation_pb2.EXPLAIN_REASONS, explanation_pb2.EXPLAIN_NONE)


def decide_at_random(running: Scorer, bundle: TinyBundle, *, rounds: int, seed: int) -> int:
    """Have decisions made by every rpc, several calls at once, and return how many: 490 a round, then a split's."""
    generator = np.random.default_rng(seed)
    for _ in range(rounds):
        places = generator.integers(0, len(bundle.values), 490)
        detail = DETAILS[int(generator.integers(len(DETAILS)))]
        at_once(4, lambda thread: _singles(running, bundle, places[thread * 10 : thread * 10 + 10].tolist(), detail))  # noqa: B023
        subjects = [scorer_pb2.Subject(applicant_id=bundle.applicant_ids[place]) for place in places[40:240]]
        running.stub.BatchScore(batch(subjects, explain=detail))
        chunks = [chunk_of(bundle.values[part]) for part in np.split(places[240:], [1, 100, 102])]
        streamed(running, [settings_for(running, explain=detail), *chunks])
    for _ in running.stub.ScoreDataset(stream_pb2.ScoreDatasetRequest(purpose=TEST, split="production")):
        pass
    return rounds * 490 + SPLIT_ROWS["production"]


def _singles(
    running: Scorer, bundle: TinyBundle, places: Sequence[int], detail: explanation_pb2.Explain.ValueType
) -> None:
    for place in places:
        running.stub.Score(ask(bundle.applicant_ids[place], explain=detail))


def segments_of(stopped: Scorer, *, max_bytes: int) -> Iterator[prediction_pb2.Segment]:
    """Yield all that a scorer has recorded, after its end."""
    spool = Spool(stopped.settings.spool_folder, clock=Clock())
    while segment := spool.seal(max_bytes):
        spool.acknowledge(segment)
        yield segment
    spool.close()


def replayed_rows(bundle: Path, segments: Sequence[prediction_pb2.Segment], folder: Path, *, processes: int) -> int:
    """Replay the segments by a bundle in so many processes at once; return how many rows came out to the bit."""
    files = [folder / f"segment-{number}" for number in range(len(segments))]
    for file, segment in zip(files, segments, strict=True):
        file.write_bytes(segment.SerializeToString())
    program = (sys.executable, "-m", "tests.service.replay_program", str(bundle))
    running = [
        subprocess.Popen([*program, *map(str, files[first::processes])], stdout=subprocess.PIPE, text=True)
        for first in range(processes)
    ]
    told = [(process.communicate()[0], process.returncode) for process in running]
    assert all(code == 0 for _, code in told), told
    return sum(int(text) for text, _ in told)
