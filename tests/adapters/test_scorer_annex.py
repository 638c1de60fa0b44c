"""The spool's annex: large parts are written once, ship with their records, and leave no file behind."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.types.v1 import prediction_pb2
from services.scorer.adapters.spool import LARGE_BYTES, Receipt, Spool
from shared.errors import Exhausted, Unavailable
from shared.prediction_record.chain import verify_segment
from tests.adapters.spools import MIB, drain, entry, large_entry, late_failures
from tests.clock import Clock


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Give an open spool."""
    spool = Spool(tmp_path, clock=Clock())
    yield spool
    spool.close()


def annex(folder: Path) -> list[str]:
    """Return the names of the annex's files."""
    return sorted(path.name for path in folder.glob("annex-*"))


def sizes(segments: list[prediction_pb2.Segment]) -> list[int]:
    """Return the size of each record's personal part, after verifying each segment."""
    for segment in segments:
        verify_segment(segment)
    return [len(record.personal_part) for segment in segments for record in segment.records]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from([10, LARGE_BYTES - 1, LARGE_BYTES, 3 * LARGE_BYTES]), min_size=1, max_size=8),
    st.integers(1, 4 * LARGE_BYTES),
    st.sets(st.integers(0, 7)),
)
def test_large_and_small_records_ship_in_their_order(
    parts: list[int], segment_bytes: int, reopened_after: set[int]
) -> None:
    """However the segments are cut and whenever the process ends; then the files of the annex are gone."""
    segments: list[prediction_pb2.Segment] = []
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder), clock=Clock(), max_bytes=2 * MIB)
        for place, size in enumerate(parts):
            spool.append_large(large_entry(place, size=size))
            if place in reopened_after:
                spool.seal(segment_bytes)
                spool.close()
                spool = Spool(Path(folder), clock=Clock(), max_bytes=2 * MIB)
            elif place % 3 == 2:
                segments += drain(spool, segment_bytes)
        segments += drain(spool, segment_bytes)
        spool.close()
        left = annex(Path(folder))

    assert sizes(segments) == parts
    assert [record.sequence for segment in segments for record in segment.records] == [*range(1, len(parts) + 1)]
    assert left == []


def test_a_large_part_counts_as_much_as_a_small_one(spool: Spool, tmp_path: Path) -> None:
    """In the size that fills a segment and in what the metrics tell, also after a restart."""
    spool.append_large(large_entry(1, size=MIB))

    assert spool.open_bytes > MIB
    assert spool.depth().bytes == spool.open_bytes
    before = spool.open_bytes
    spool.close()
    reopened = Spool(tmp_path, clock=Clock())
    assert reopened.open_bytes == before
    reopened.close()


def test_a_crash_loses_no_large_part_and_clears_what_no_record_names(tmp_path: Path) -> None:
    """The files as they lie after the commit; a part whose record never was committed goes."""
    alive, after = tmp_path / "alive", tmp_path / "after"
    spool = Spool(alive, clock=Clock())
    spool.append_large(large_entry(1, size=MIB))
    after.mkdir()
    for name in ("spool.db", "spool.db-wal", *annex(alive)):
        (after / name).write_bytes((alive / name).read_bytes())
    spool.close()
    (after / "annex-000000").write_bytes(b"torn")

    reopened = Spool(after, clock=Clock())
    reopened.append_large(large_entry(2, size=MIB))
    files, segments = annex(after), drain(reopened)
    reopened.close()

    assert files == ["annex-000001", "annex-000002"]
    assert sizes(segments) == [MIB, MIB]


def test_a_full_annex_leaves_room_for_small_records_and_drains(tmp_path: Path) -> None:
    """Rows by the thousand cannot stop single decisions; what was shipped makes room again."""
    spool = Spool(tmp_path, clock=Clock(), max_bytes=MIB)
    receipts: list[Receipt] = []

    with pytest.raises(Exhausted) as caught:
        receipts.extend(spool.append_large(large_entry(1, size=3 * LARGE_BYTES)) for _ in range(100))
    small = spool.append([entry(2)])
    segments = drain(spool)
    after = spool.append_large(large_entry(3, size=3 * LARGE_BYTES))
    spool.close()

    assert caught.value.reason == "SPOOL_FULL"
    assert [each.sequence for each in (*receipts, *small, after)] == [*range(1, len(receipts) + 3)]
    assert sizes(segments) == [3 * LARGE_BYTES] * 5 + [10]


def test_a_large_record_that_was_committed_after_all_ships_whole(spool: Spool, tmp_path: Path) -> None:
    """Its commit was said to have failed; the next part is not written over its own."""
    with late_failures(spool, tmp_path), pytest.raises(Unavailable):
        spool.append_large(large_entry(1, size=MIB))
    spool.append_large(large_entry(2, size=MIB + 1))

    assert sizes(drain(spool)) == [MIB, MIB + 1]


def test_a_file_that_is_not_there_stops_shipping_and_no_record_is_dropped(spool: Spool, tmp_path: Path) -> None:
    """An operator who puts it back loses nothing."""
    spool.append_large(large_entry(1, size=MIB))
    (name,) = annex(tmp_path)
    (tmp_path / name).rename(tmp_path / "elsewhere")

    with pytest.raises(Unavailable) as caught:
        spool.seal(MIB)
    (tmp_path / "elsewhere").rename(tmp_path / name)

    assert caught.value.reason == "SPOOL_FAILED"
    assert sizes(drain(spool)) == [MIB]


def test_a_part_that_ends_too_early_is_not_shipped(spool: Spool, tmp_path: Path) -> None:
    """The monitor would refuse it, and then what is behind it."""
    spool.append_large(large_entry(1, size=MIB))
    (name,) = annex(tmp_path)
    with (tmp_path / name).open("r+b") as file:
        file.truncate(MIB - 1)

    with pytest.raises(Unavailable):
        spool.seal(MIB)
