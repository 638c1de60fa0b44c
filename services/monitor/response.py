"""The monitor's response to what it finds: alerts, the webhook that tells of them, and the retraining they propose."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from counterfoil.client.channels import TlsFiles, open_channel
from services.monitor.adapters.alert_table import AlertTable
from services.monitor.adapters.outbox import Outbox
from services.monitor.adapters.proposal_table import ProposalTable
from services.monitor.adapters.rules_file import read_rules
from services.monitor.adapters.trainer import Trainer
from services.monitor.adapters.webhook import Courier, receiver_of
from services.monitor.alerting import Alerting
from services.monitor.domain.drift_figures import measurements_of_drift
from services.monitor.domain.drift_verdict import DriftVerdict, WindowKind
from services.monitor.retraining import Retraining
from services.monitor.settings import Settings
from shared.database import Database
from shared.errors import InvalidInput
from shared.settings import variable_of


@dataclass(frozen=True)
class Response:
    """Alerting and retraining with the threads that carry them on."""

    alerting: Alerting
    retraining: Retraining
    outbox: Outbox
    courier: Courier | None
    channel: grpc.Channel

    def start(self) -> None:
        """Begin to send what waits and to follow what was approved."""
        self.retraining.start()
        if self.courier is not None:
            self.courier.start()

    def stop(self) -> None:
        """Stop both; what is left is done after the next start."""
        self.retraining.stop()
        if self.courier is not None:
            self.courier.stop()
        # Last: a call on a channel that was closed under it ends the process.
        self.channel.close()

    def drifted(self, verdict: DriftVerdict) -> None:
        """Hold a verdict on the newest decisions against the rules; other windows would raise and resolve in turns."""
        if verdict.window is WindowKind.LAST_COUNT:
            self.alerting.measured(*measurements_of_drift(verdict))


def open_response(
    settings: Settings, database: Database, *, clock: Callable[[], dt.datetime], new_id: Callable[[], str]
) -> Response:
    """Return the response of these settings, its threads not started.

    Raises InvalidInput for rules, a webhook or TLS files that cannot be used, Unavailable for the database.
    """
    receiver = receiver_of(settings.webhook_url, settings.webhook_secret)
    rules = read_rules(settings.alert_rules)
    outbox = Outbox(database, clock=clock, new_id=new_id, wanted=receiver is not None)
    channel = _channel(settings)
    proposals = ProposalTable(database, outbox, clock, new_id)
    retraining = Retraining(proposals, Trainer(channel), clock=clock)
    alerting = Alerting(rules, AlertTable(database, outbox, clock, new_id), propose=retraining.propose)
    courier = Courier(outbox, receiver) if receiver is not None else None
    return Response(alerting, retraining, outbox, courier, channel)


def _channel(settings: Settings) -> grpc.Channel:
    if settings.trainer_tls_ca is None:
        return open_channel(settings.trainer_address)
    files = TlsFiles(settings.trainer_tls_ca, settings.tls_certificate, settings.tls_key)
    try:
        return open_channel(settings.trainer_address, tls=files)
    except OSError as error:
        raise InvalidInput.of(variable_of("trainer_tls_ca"), f"cannot be read: {error.strerror}") from error
