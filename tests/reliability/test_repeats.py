"""One request_id sent a thousand times at once is one decision, one record and one answer to the byte."""

from pathlib import Path

import pytest

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from tests.repeating import repeat_at_once
from tests.service.scoring import ask
from tests.worker_processes import scorer_processes

pytestmark = pytest.mark.reliability
TIMES = 1_000


@pytest.mark.parametrize("workers", [1, 2])
def test_a_thousand_calls_with_one_id_make_one_record(tmp_path: Path, workers: int) -> None:
    """Ten ids, a thousand calls each: the log has ten records, and they are what everybody was told."""
    with scorer_processes(tmp_path, workers) as scorer:
        told = {
            request_id: repeat_at_once(
                scorer.address, ask(scorer.champion.applicant_ids[0], request_id=request_id), times=TIMES
            )
            for request_id in (f"r-{number}" for number in range(10))
        }
        assert scorer.terminate() == 0

    records = [(segment.instance, record) for segment in scorer.segments() for record in segment.records]
    assert all(len(answers) == TIMES and len(set(answers)) == 1 for answers in told.values())
    kept = {
        prediction_pb2.PersonalPart.FromString(record.personal_part).request_id: (
            instance,
            record.sequence,
            record.hash,
        )
        for instance, record in records
    }
    receipts = {
        request_id: scorer_pb2.ScoreResponse.FromString(answers[0]).receipt for request_id, answers in told.items()
    }
    assert len(records) == len(told)
    assert kept == {key: (each.instance, each.sequence, each.hash) for key, each in receipts.items()}
