"""A thread that does the same work again and again."""

import threading

from shared.repeating import Repeating

HOURS = 10_000.0


def test_the_work_is_done_again_and_again_until_it_is_stopped() -> None:
    """Then its thread is gone."""
    done, thrice = list[str](), threading.Event()

    def work() -> None:
        """Count, and say which thread it is."""
        done.append(threading.current_thread().name)
        if len(done) == 3:
            thrice.set()

    repeating = Repeating(work, every_seconds=0.001, name="counting")
    repeating.start()
    assert thrice.wait(30)
    repeating.stop()

    assert set(done) == {"counting"}
    assert "counting" not in [each.name for each in threading.enumerate()]


def test_it_stops_before_its_time_has_come_and_without_a_start() -> None:
    """Neither does the work."""
    done: list[bool] = []
    started, idle = (Repeating(lambda: done.append(True), every_seconds=HOURS, name="idle") for _ in range(2))
    started.start()
    started.stop()
    idle.stop()

    assert not done
