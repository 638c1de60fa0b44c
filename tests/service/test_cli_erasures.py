"""`counterfoil audit erase` and `audit erasures` over a real channel."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from counterfoil.monitor.v1 import erasure_pb2
from counterfoil.types.v1 import job_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_erase_follows_the_job_and_tells_what_is_gone(services: FakeServices) -> None:
    """Whom it is about goes to the service and not to the screen."""
    services.answer("ErasePersonalData", samples.erasure(samples.job(job_pb2.JOB_STATE_QUEUED)))
    services.answer("WatchErasure", erasure_pb2.WatchErasureResponse(erasure=samples.erasure()))

    outcome = services.run(
        "audit", "erase", "--applicant", "100001", "--reason", "Article 17", "--reference", "case 12"
    )

    (request,) = services.asked("ErasePersonalData")
    assert (request.subject.applicant_id, request.reason, request.reference) == ("100001", "Article 17", "case 12")
    assert services.asked("WatchErasure")[0].name == samples.ERASURE
    assert "records erased  3" in outcome.stdout
    assert "100001" not in outcome.stdout + outcome.stderr


def test_erase_ends_badly_where_the_job_does(services: FakeServices) -> None:
    """A script notices by the exit code."""
    services.answer("ErasePersonalData", samples.erasure())
    services.answer("WatchErasure", erasure_pb2.WatchErasureResponse(erasure=samples.erasure(samples.failed_job())))

    assert services.run("audit", "erase", "--applicant", "100001", "--reason", "x").exit_code == 3


def test_retain_erases_what_is_older(services: FakeServices) -> None:
    """Everybody's, before so many days ago."""
    services.answer("ErasePersonalData", samples.erasure())

    outcome = services.run("audit", "retain", "--days", "730", "--reason", "policy 7", "--no-wait")

    (request,) = services.asked("ErasePersonalData")
    age = datetime.now(UTC) - request.subject.stored_before.ToDatetime(UTC)
    assert timedelta(days=729) < age < timedelta(days=731)
    assert (request.reason, outcome.exit_code) == ("policy 7", 0)


@pytest.mark.parametrize("whom", [(), ("--applicant", "1", "--application-number", "2")])
def test_erase_wants_one_subject(services: FakeServices, whom: tuple[str, ...]) -> None:
    """Nothing is sent."""
    outcome = services.run("audit", "erase", "--reason", "Article 17", *whom)

    assert outcome.exit_code == 2
    assert not services.asked("ErasePersonalData")


def test_erasures_are_listed_by_whom_they_were_about(services: FakeServices) -> None:
    """For who names the person; the list does not."""
    page = erasure_pb2.ListErasuresResponse(erasures=[samples.erasure()], next_page_token="t7")  # noqa: S106  a page's
    services.answer("ListErasures", page)

    outcome = services.run("audit", "erasures", "--application-number", "4711")
    services.run("audit", "erasures")

    first, second = services.asked("ListErasures")
    assert (first.subject.application_number, second.HasField("subject")) == ("4711", False)
    assert "case 12" in outcome.stdout
    assert "--page-token t7" in outcome.stderr
