"""The monitor's database: a file of its own by default, and what happens where it cannot be opened."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.monitor.app import build
from shared.errors import Unavailable
from tests.service.monitors import monitor, settings_in


def test_the_database_is_a_file_in_the_monitors_folder(tmp_path: Path) -> None:
    """Nothing has to be set up on a laptop."""
    settings = settings_in(tmp_path)

    with monitor(settings):
        assert (settings.folder / "monitor.db").exists()


def test_a_monitor_whose_database_cannot_be_opened_does_not_start(tmp_path: Path) -> None:
    """Its lock is given back, so that it starts once the setting is mended."""
    (tmp_path / "file").write_text("in the way")
    broken = replace(settings_in(tmp_path), monitor_database=f"sqlite:///{tmp_path / 'file' / 'monitor.db'}")

    with pytest.raises(Unavailable) as refusal:
        build(broken)

    assert refusal.value.reason == "MONITOR_DATABASE_UNAVAILABLE"
    with monitor(settings_in(tmp_path)):
        pass
