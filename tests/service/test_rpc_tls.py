"""TLS and mutual TLS: who may call, and under which name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from counterfoil.client.channels import TlsFiles, open_channel
from counterfoil.client.errors import call_error
from counterfoil.scorer.v1 import scorer_pb2
from shared.errors import InvalidInput, Precondition
from shared.rpc import probe
from shared.rpc.caller import caller_of
from shared.rpc.server import ServerSettings, build_server
from tests.service.certificates import Authority, make_authority
from tests.service.rpc_service import LOOPBACK, running, scorer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that both sides trust."""
    return make_authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def encrypted(authority: Authority) -> ServerSettings:
    """Return the settings of a server with TLS."""
    pair = authority.issue("server", "/CN=scorer")
    return replace(LOOPBACK, tls_certificate=pair.certificate, tls_key=pair.key)


@pytest.fixture(scope="module")
def mutual(authority: Authority, encrypted: ServerSettings) -> ServerSettings:
    """Return the settings of a server that asks its clients for certificates too."""
    return replace(encrypted, tls_client_ca=authority.pair.certificate)


def tell_caller(_request: scorer_pb2.ScoreRequest, context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
    """Answer with the caller's name instead of a prediction's."""
    return scorer_pb2.ScoreResponse(prediction=caller_of(context))


def over(tls: TlsFiles) -> Callable[[int], grpc.Channel]:
    """Return what opens the project's own channel with these files."""
    return lambda port: open_channel(f"127.0.0.1:{port}", tls=tls)


def test_a_client_trusts_the_servers_certificate(authority: Authority, encrypted: ServerSettings) -> None:
    """TLS alone protects the channel; the client has no name by it."""
    trusting = over(TlsFiles(root_certificates=authority.pair.certificate))

    with running(scorer(tell_caller), settings=encrypted, open_channel=trusting) as service:
        caller = service.score().prediction

    assert caller == "unverified"
    assert [rpc.caller for rpc in service.finished] == ["unverified"]


def test_tls_opens_addresses_beyond_this_machine(authority: Authority, encrypted: ServerSettings) -> None:
    """With a certificate, every interface may be listened on."""
    trusting = over(TlsFiles(root_certificates=authority.pair.certificate))

    with running(scorer(), settings=replace(encrypted, address="0.0.0.0:0"), open_channel=trusting) as service:
        assert service.score().prediction == "made"


def test_a_client_without_tls_is_not_answered(encrypted: ServerSettings) -> None:
    """Plain text does not get through."""
    with running(scorer(), settings=encrypted) as service, pytest.raises(grpc.RpcError) as error:
        service.score()

    assert call_error(error.value).code == "UNAVAILABLE"
    assert service.finished == []


@pytest.mark.parametrize(
    ("subject", "caller"),
    [("/O=Bank/CN=back end 7", "back end 7"), ("/CN=Kreditbüro", "Kreditbüro")],
)
def test_a_client_is_named_by_its_certificate(
    authority: Authority, mutual: ServerSettings, subject: str, caller: str
) -> None:
    """Under mutual TLS the common name is the caller, for the handler and in the record of the call."""
    pair = authority.issue("client", subject)
    trusting = over(TlsFiles(authority.pair.certificate, pair.certificate, pair.key))

    with running(scorer(tell_caller), settings=mutual, open_channel=trusting) as service:
        told = service.score().prediction

    assert told == caller
    assert [rpc.caller for rpc in service.finished] == [caller]


def test_a_client_of_another_authority_is_refused(authority: Authority, mutual: ServerSettings, tmp_path: Path) -> None:
    """A certificate that anybody could have made is no name."""
    stranger = make_authority(tmp_path, "stranger").issue("client", "/CN=back end")
    showing = over(TlsFiles(authority.pair.certificate, stranger.certificate, stranger.key))

    with running(scorer(), settings=mutual, open_channel=showing) as service, pytest.raises(grpc.RpcError) as error:
        service.score(timeout_s=10)

    assert call_error(error.value).code == "UNAVAILABLE"
    assert service.finished == []


def test_a_client_without_a_certificate_is_refused(authority: Authority, mutual: ServerSettings) -> None:
    """Mutual means both."""
    nameless = over(TlsFiles(root_certificates=authority.pair.certificate))

    with running(scorer(), settings=mutual, open_channel=nameless) as service, pytest.raises(grpc.RpcError) as error:
        service.score(timeout_s=10)

    assert call_error(error.value).code == "UNAVAILABLE"
    assert service.finished == []


def test_half_a_pair_is_refused(encrypted: ServerSettings) -> None:
    """A forgotten key or certificate never means plain text."""
    for half in (replace(encrypted, tls_key=None), replace(encrypted, tls_certificate=None)):
        with pytest.raises(InvalidInput, match="COUNTERFOIL_TLS_KEY"):
            build_server(half, [scorer()])


def test_an_authority_for_clients_alone_is_refused(mutual: ServerSettings) -> None:
    """Asking for client certificates without TLS of its own is a mistake that must show."""
    with pytest.raises(InvalidInput, match="COUNTERFOIL_TLS_KEY"):
        build_server(replace(mutual, tls_key=None, tls_certificate=None), [scorer()])


def test_a_file_that_is_not_there_is_named_by_its_setting(encrypted: ServerSettings, tmp_path: Path) -> None:
    """The operator learns which variable to mend."""
    with pytest.raises(InvalidInput) as error:
        build_server(replace(encrypted, tls_key=tmp_path / "nothing"), [scorer()])

    assert [violation.field for violation in error.value.violations] == ["COUNTERFOIL_TLS_KEY"]


def test_a_damaged_pair_is_refused_at_start(encrypted: ServerSettings, tmp_path: Path) -> None:
    """The server does not come up to fail on every call."""
    damaged = tmp_path / "damaged.key"
    damaged.write_text("not a key")

    with pytest.raises(Precondition, match="TLS files are damaged"):
        build_server(replace(encrypted, tls_key=damaged), [scorer()])


def test_the_probe_of_a_container_speaks_tls(mutual: ServerSettings) -> None:
    """The service's own pair vouches for both ends, also where client certificates are asked for."""
    environ = {"COUNTERFOIL_TLS_CERTIFICATE": str(mutual.tls_certificate), "COUNTERFOIL_TLS_KEY": str(mutual.tls_key)}

    with running(scorer(), settings=mutual) as service:
        code = probe.main([f"127.0.0.1:{service.server.port}"], environ)

    assert code == 0
