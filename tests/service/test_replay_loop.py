"""From a decision to its audit: scored, shipped, logged, drawn at random and computed anew, over real channels."""

from pathlib import Path

import numpy as np

from counterfoil.cli.replays import replay_all, sample
from counterfoil.client.channels import open_channel
from counterfoil.monitor.v1 import prediction_log_pb2
from counterfoil.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from counterfoil.scorer.v1 import replay_pb2, stream_pb2
from counterfoil.types.v1 import prediction_pb2
from services.monitor.app import build
from services.monitor.domain.model import ModelFacts
from tests.bundles import SPLIT_ROWS, TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.service.monitors import HANGING_JOB, VERSION, settings_in
from tests.service.scoring import ask, scorer
from tests.service.streams import chunk_of, doubles, settings_for, streamed
from tests.unit.monitor.models import KnownModels


def facts_of(tiny: TinyBundle) -> ModelFacts:
    """Return what the monitor knows of the bundle."""
    contents = tiny.contents
    return ModelFacts(VERSION, tiny.digest, contents.schema, contents.profile, contents.dataset)


def test_whatever_was_logged_is_found_and_comes_out_again(tmp_path: Path) -> None:
    """Single decisions, a stream and a split; a row of a chunk tells the contributions that it was sent."""
    tiny = tiny_bundle(tmp_path / "tiny", seed=51)
    registry = FakeRegistry()
    registry.register(tiny, alias="champion")
    log = build(settings_in(tmp_path / "monitor"), models=KnownModels(facts_of(tiny)), job_command=HANGING_JOB)
    log.server.start()
    address = f"127.0.0.1:{log.server.port}"
    with open_channel(address) as channel, scorer(tmp_path / "scorer", registry, monitor_address=address) as running:
        monitor = MonitorServiceStub(channel)
        for applicant_id in tiny.applicant_ids[:5]:
            running.stub.Score(ask(applicant_id))
        (chunk,) = streamed(running, [settings_for(running), chunk_of(tiny.values[:20])])
        list(
            running.stub.ScoreDataset(stream_pb2.ScoreDatasetRequest(purpose=prediction_pb2.PURPOSE_TEST, split="test"))
        )
        everything = prediction_log_pb2.ListPredictionsRequest(page_size=1000)
        while len(listed := monitor.ListPredictions(everything).predictions) < 25 + SPLIT_ROWS["test"]:
            pass

        names = sample(monitor, prediction_log_pb2.ListPredictionsRequest(), count=1000, seed=3)
        replays = list(replay_all(monitor, running.stub, names))
        row = monitor.GetPrediction(prediction_log_pb2.GetPredictionRequest(name=f"{chunk.prediction}.7"))
        told = running.stub.ReplayPrediction(replay_pb2.ReplayPredictionRequest(record=row.record, row=7))
    log.server.stop(grace_seconds=0)
    log.stop()

    assert f"{chunk.prediction}.7" in {each.name for each in listed}
    assert len(names) == 5 + 1 + 1
    assert {each.verdict for each in replays} == {"BIT_EQUAL"}
    assert sum(each.found.rows for each in replays if each.found) == 25 + SPLIT_ROWS["test"]
    assert all(each.found.chain_verified for each in replays if each.found)
    assert row.margin == doubles(chunk.margins)[7]
    assert np.array_equal(told.contributions, doubles(chunk.contributions, len(told.features))[7])
