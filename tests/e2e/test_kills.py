"""A short run of what `make reliability` does at length."""

from pathlib import Path

from tests.killing import kill_under_load


def test_kills_under_load_break_no_promise(tmp_path: Path) -> None:
    """Both services are killed while a lender asks: every answer is in the log, none twice, no gap, all proven."""
    account = kill_under_load(tmp_path, victims=["scorer", "monitor"], seed=3)

    assert len(account.promises) > 50
