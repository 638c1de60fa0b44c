"""The command line under TLS: whom it trusts, and how it names itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from counterfoil.trainer.v1 import dataset_pb2
from tests.service import cli_samples as samples
from tests.service.certificates import Authority, make_authority
from tests.service.fake_services import FakeServices, fake_services


@dataclass
class SecureServices:
    """Services that speak TLS and want a client certificate of the same authority."""

    fake: FakeServices
    authority: Authority

    @property
    def trusting(self) -> tuple[str, str]:
        """Return the option that makes a client trust the services."""
        return ("--tls-roots", str(self.authority.pair.certificate))


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[SecureServices]:
    """Run the services under mutual TLS."""
    authority = make_authority(tmp_path)
    server = authority.issue("server", "/CN=server")
    credentials = grpc.ssl_server_credentials(
        [(server.key.read_bytes(), server.certificate.read_bytes())],
        root_certificates=authority.pair.certificate.read_bytes(),
        require_client_auth=True,
    )
    with fake_services(credentials) as fake:
        fake.answer("ListDatasets", dataset_pb2.ListDatasetsResponse(datasets=[samples.dataset()]))
        yield SecureServices(fake, authority)


def test_client_with_a_certificate_is_served(secure: SecureServices) -> None:
    """Roots, certificate and key are all that it takes."""
    client = secure.authority.issue("client", "/CN=operations")
    named = ("--tls-certificate", str(client.certificate), "--tls-key", str(client.key))

    outcome = secure.fake.run(*secure.trusting, *named, "dataset", "list")

    assert outcome.exit_code == 0
    assert "ds-0123456789ab" in outcome.stdout


def test_variables_name_the_files_as_the_options_do(secure: SecureServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """They differ from the services' own, so that one environment can hold both."""
    client = secure.authority.issue("client", "/CN=operations")
    monkeypatch.setenv("COUNTERFOIL_CLIENT_TLS_ROOTS", str(secure.authority.pair.certificate))
    monkeypatch.setenv("COUNTERFOIL_CLIENT_TLS_CERTIFICATE", str(client.certificate))
    monkeypatch.setenv("COUNTERFOIL_CLIENT_TLS_KEY", str(client.key))

    assert secure.fake.run("dataset", "list").exit_code == 0


def test_client_without_a_certificate_is_turned_away(secure: SecureServices) -> None:
    """The service never sees its request."""
    outcome = secure.fake.run(*secure.trusting, "dataset", "list")

    assert outcome.exit_code == 4
    assert secure.fake.asked("ListDatasets") == []


def test_service_of_another_authority_is_not_trusted(secure: SecureServices, tmp_path: Path) -> None:
    """A stranger on the right port gets no request either."""
    (folder := tmp_path / "other").mkdir()
    stranger = make_authority(folder, "stranger")

    outcome = secure.fake.run("--tls-roots", str(stranger.pair.certificate), "dataset", "list")

    assert outcome.exit_code == 4
    assert secure.fake.asked("ListDatasets") == []


def test_certificate_without_its_key_is_wrong_usage(secure: SecureServices) -> None:
    """One without the other names nobody."""
    client = secure.authority.issue("client", "/CN=operations")

    outcome = secure.fake.run(*secure.trusting, "--tls-certificate", str(client.certificate), "dataset", "list")

    assert outcome.exit_code == 2
    assert "--tls-certificate and --tls-key belong together" in outcome.stderr
