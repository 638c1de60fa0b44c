"""The projections: named feature columns per model version, derived from the ledger, once, and again if need be."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.log_store import LocalStore
from services.monitor.adapters.projections import Projections, projection_folder
from services.monitor.domain.chain import Alert
from services.monitor.projector import Projector
from shared.errors import Unavailable
from tests.unit.monitor.followers import Listener
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.segments import NOW, Spool, seeded_values

OTHER_VERSION = "models/credit-default/versions/2"


class Log:
    """A ledger and its projections in a folder, with the alerts that were raised."""

    def __init__(self, folder: Path, models: KnownModels, *, retry_s: float = 0.0) -> None:
        self.folder = folder
        self.alerts: list[Alert] = []
        self.listener = Listener()
        self.ledger = Ledger(LocalStore(folder), lambda: NOW)
        self.projector = Projector(
            self.ledger,
            Projections(LocalStore(folder)),
            models,
            self.listener,
            progress_file=folder / "predictions" / "progress.json",
            on_alert=self.alerts.append,
            retry_s=retry_s,
        )

    def project(self, *segments: prediction_pb2.Segment) -> None:
        """Store the segments and project all there is."""
        for segment in segments:
            self.ledger.append(segment)
        self.projector.catch_up()

    def rows(self, model_version: str = MODEL_VERSION) -> pl.DataFrame:
        """Return a projection in the order of the log."""
        return read(Path(str(projection_folder(self.folder / "predictions", model_version))))

    def set_apart(self) -> pl.DataFrame:
        """Return what fits no projection."""
        return read(self.folder / "predictions" / "set_apart")


def read(table: Path) -> pl.DataFrame:
    """Return a table as any reader of Delta sees it; nothing where there is none."""
    if not DeltaTable.is_deltatable(str(table)):
        return pl.DataFrame()
    frame = pl.from_arrow(DeltaTable(table).to_pyarrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("instance", "sequence")


def test_a_projection_has_a_column_for_each_feature(tmp_path: Path) -> None:
    """Names with commas, spaces and colons are columns like any other; missing stays missing."""
    values = seeded_values(4)
    values[1, 2] = np.nan
    log = Log(tmp_path, KnownModels(model_facts()))

    log.project(Spool().seal(values, purposes=[1, 2, 3, 4])[0])

    rows = log.rows()
    assert np.array_equal(rows.select(FEATURES).to_numpy(), values, equal_nan=True)
    assert rows[FEATURES[2]].is_null().to_list() == [False, True, False, False]
    assert rows["purpose"].to_list() == ["DECISION", "TEST", "WHAT_IF", "SHADOW"]
    assert rows["applicant_id"].to_list() == [f"applicant-{n}" for n in range(1, 5)]
    assert rows["application_number"].to_list() == [f"application-{n}" for n in range(1, 5)]
    assert rows["day"].unique().to_list() == [NOW.date()]
    assert set(rows["decision"]) <= {"APPROVE", "REFUSE"}
    assert not log.alerts


def test_projecting_again_changes_nothing(tmp_path: Path) -> None:
    """A monitor that dies after a projection and before noting it projects once more."""
    log = Log(tmp_path, KnownModels(model_facts()))
    log.project(Spool().seal(seeded_values(4))[0])
    before = log.rows()

    (tmp_path / "predictions" / "progress.json").unlink()
    again = Log(tmp_path, KnownModels(model_facts()))
    again.project()

    assert again.rows().equals(before)


def test_a_rebuilt_projection_equals_the_first(tmp_path: Path) -> None:
    """The ledger holds everything: removing the folder is all that a rebuild takes."""
    log = Log(tmp_path, KnownModels(model_facts()))
    spool = Spool()
    for number in range(3):
        segment, spool = spool.seal(seeded_values(5, seed=number), time=NOW + dt.timedelta(days=number))
        log.project(segment)
    before = log.rows()

    shutil.rmtree(tmp_path / "predictions")
    again = Log(tmp_path, KnownModels(model_facts()))
    again.project()

    assert before.height == 15
    assert again.rows().equals(before)


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Nothing is projected twice, nothing left out."""
    first, spool = Spool().seal(seeded_values(3))
    second, _ = spool.seal(seeded_values(2, seed=1))
    Log(tmp_path, KnownModels(model_facts())).project(first)

    after = Log(tmp_path, KnownModels(model_facts()))
    after.project(second)

    assert after.rows()["sequence"].to_list() == [1, 2, 3, 4, 5]


def test_records_of_an_unknown_model_wait_and_hold_nobody_up(tmp_path: Path) -> None:
    """They are in the ledger; they are projected as soon as their bundle can be had."""
    models = KnownModels(model_facts())
    log = Log(tmp_path, models)
    unknown, spool = Spool().seal(seeded_values(2), model_version=OTHER_VERSION, bundle_digest="c" * 64)
    known, spool = spool.seal(seeded_values(3))
    late, _ = spool.seal(seeded_values(1), model_version=OTHER_VERSION, bundle_digest="c" * 64)
    log.project(unknown, known)

    waiting, projected = log.projector.waiting, log.rows().height
    models.add(model_facts(model_version=OTHER_VERSION, bundle_digest="c" * 64))
    log.project(late)

    assert (set(waiting), projected) == ({OTHER_VERSION}, 3)
    assert [(alert.reason, alert.model_version) for alert in log.alerts] == [("BUNDLE_UNKNOWN", OTHER_VERSION)]
    assert log.rows(OTHER_VERSION)["sequence"].to_list() == [1, 2, 6]
    assert not log.projector.waiting


def test_what_waits_still_waits_after_a_restart(tmp_path: Path) -> None:
    """From the commit on that it waited from."""
    segment, spool = Spool().seal(seeded_values(2), model_version=OTHER_VERSION)
    Log(tmp_path, KnownModels()).project(segment)
    models = KnownModels()

    after = Log(tmp_path, models)
    after.project(spool.seal(seeded_values(1), model_version=OTHER_VERSION)[0])
    models.add(model_facts(model_version=OTHER_VERSION))
    after.project()

    assert after.rows(OTHER_VERSION)["sequence"].to_list() == [1, 2, 3]


def test_a_bundle_is_not_asked_for_at_every_segment(tmp_path: Path) -> None:
    """Each try reads from the ledger and asks MLflow; segments come every second."""
    models, spool = KnownModels(), Spool()
    log = Log(tmp_path, models, retry_s=3600)

    for _ in range(4):
        segment, spool = spool.seal(seeded_values(1), model_version=OTHER_VERSION)
        log.project(segment)

    assert models.asked == 1
    assert len(log.alerts) == 1


@pytest.mark.parametrize(
    ("values", "model_version", "bundle_digest", "reason"),
    [
        (seeded_values(2), MODEL_VERSION, "e" * 64, "BUNDLE_MISMATCH"),
        (seeded_values(2, features=4), MODEL_VERSION, "b" * 64, "VALUES_INVALID"),
        (np.full((2, 3), np.inf), MODEL_VERSION, "b" * 64, "VALUES_INVALID"),
        (seeded_values(2), "models/credit-default/versions/champion", "b" * 64, "MODEL_VERSION_INVALID"),
        (seeded_values(2), "../../etc", "b" * 64, "MODEL_VERSION_INVALID"),
    ],
)
def test_records_that_do_not_fit_their_bundle_are_set_apart(
    tmp_path: Path, values: np.ndarray, model_version: str, bundle_digest: str, reason: str
) -> None:
    """They are kept, told, and never mixed with those that fit."""
    log = Log(tmp_path, KnownModels(model_facts()))
    odd, spool = Spool().seal(values, model_version=model_version, bundle_digest=bundle_digest)

    log.project(odd, spool.seal(seeded_values(1))[0])

    assert log.rows()["sequence"].to_list() == [3]
    apart = log.set_apart()
    assert apart["reason"].to_list() == [reason, reason]
    assert apart["model_version"].to_list() == [model_version, model_version]
    assert [alert.reason for alert in log.alerts] == ["RECORDS_SET_APART"]


def test_who_asks_for_a_window_waits_for_what_was_acknowledged(tmp_path: Path) -> None:
    """The projector works behind the acknowledgement; a report must not miss what came before it."""
    log = Log(tmp_path, KnownModels(model_facts()), retry_s=3600)
    log.projector.start()
    spool = Spool()
    try:
        for number in range(5):
            segment, spool = spool.seal(seeded_values(2))
            log.ledger.append(segment)
            log.projector.wake()

            log.projector.await_acknowledged(MODEL_VERSION)

            assert log.rows().height == 2 * (number + 1)
    finally:
        log.projector.stop()


def test_who_asks_for_a_window_makes_what_waits_be_tried_again(tmp_path: Path) -> None:
    """The bundle that was missing a minute ago may be there now."""
    models = KnownModels()
    log = Log(tmp_path, models, retry_s=3600)
    log.project(Spool().seal(seeded_values(2))[0])
    models.add(model_facts())
    log.projector.start()

    try:
        log.projector.await_acknowledged(MODEL_VERSION)
    finally:
        log.projector.stop()

    assert log.rows().height == 2


def test_a_projection_that_stays_behind_is_told(tmp_path: Path) -> None:
    """A report that silently left predictions out would be a lie."""
    log = Log(tmp_path, KnownModels())
    log.project(Spool().seal(seeded_values(2))[0])

    assert not log.projector.wait_for(log.ledger.version, MODEL_VERSION, timeout_s=0.05)
    with pytest.raises(Unavailable) as behind:
        log.projector.await_acknowledged(MODEL_VERSION, patience_s=0.05)

    assert behind.value.reason == "PROJECTION_BEHIND"


def test_a_table_that_cannot_be_written_holds_up_its_own_model_alone(tmp_path: Path) -> None:
    """One damaged projection is one alert, not a standstill."""
    models = KnownModels(model_facts(), model_facts(model_version=OTHER_VERSION))
    damaged = Path(str(projection_folder(tmp_path / "predictions", OTHER_VERSION)))
    damaged.mkdir(parents=True)
    (damaged / "_delta_log").write_text("no folder")
    log = Log(tmp_path, models, retry_s=3600)
    lost, spool = Spool().seal(seeded_values(2), model_version=OTHER_VERSION)

    log.project(lost, spool.seal(seeded_values(1))[0])

    assert log.rows().height == 1
    assert [alert.reason for alert in log.alerts] == ["PROJECTION_FAILED"]
    assert log.projector.waiting == {OTHER_VERSION}
