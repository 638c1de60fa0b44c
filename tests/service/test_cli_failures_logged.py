"""`counterfoil audit failures` over a real channel."""

from counterfoil.monitor.v1 import failure_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import fake_services


def test_failures_are_listed_with_what_was_wrong() -> None:
    """The times go to the service; row, reason and field come back, and how to go on."""
    with fake_services() as services:
        page = failure_pb2.ListFailuresResponse(failures=[samples.failure()])
        page.next_page_token = samples.ERASURE
        services.answer("ListFailures", page)

        outcome = services.run("audit", "failures", "--since", "2026-01-01", "--page-size", "1")

        (request,) = services.asked("ListFailures")
    assert (request.start_time.ToJsonString(), request.HasField("end_time")) == ("2026-01-01T00:00:00Z", False)
    for each in ("BatchScore", "FEATURES_INVALID", "CN=bank", f"--page-token {samples.ERASURE}"):
        assert each in outcome.output
