"""What people see of a model's drift status: what its windows look like, and what the newest report said."""

from collections.abc import Iterable
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.views.layout import ABSENT, facts, figure, listing, moment, share, stacked, whole, word
from counterfoil.monitor.v1 import drift_status_pb2

_KIND: Final = drift_status_pb2.DESCRIPTOR.enum_types_by_name["DriftWindowKind"]
_FEATURE_KIND: Final = drift_status_pb2.DESCRIPTOR.enum_types_by_name["FeatureDriftKind"]


def drift_status_view(status: drift_status_pb2.DriftStatus) -> RenderableType:
    """Return what windows and the newest report say; the etag alone when nothing has changed."""
    if not status.model_version:
        return facts([("etag", status.etag)])
    head = [
        ("model version", status.model_version),
        ("newest report", _report(status)),
        ("predictions", whole(status.prediction_count)),
        ("newest prediction", moment(status.last_prediction_time)),
        ("etag", status.etag),
    ]
    windows = _windows(status.windows) if status.windows else None
    return stacked(facts(head), windows, *map(_features, status.windows), *map(_contributions, status.windows))


def _report(status: drift_status_pb2.DriftStatus) -> str:
    if not status.drift_report:
        return "none yet"
    found = "could compare nothing"
    if status.HasField("drifted"):
        found = f"{_verdict(drifted=status.drifted)}, {share(status.drifted_share)} of columns drifted"
    return f"{found}: {status.drift_report} of {moment(status.report_time)}"


def _windows(windows: Iterable[drift_status_pb2.WindowDrift]) -> RenderableType:
    rows = [
        (
            word(_KIND, window.kind),
            whole(window.rows),
            moment(window.start_time) or ABSENT,
            _data(window),
            _score(window),
            _verdict(drifted=window.contributions_drifted) if window.HasField("contributions_drifted") else ABSENT,
        )
        for window in windows
    ]
    return listing(("window", "decisions", "since", "data", "scores", "contributions"), rows, right=("decisions",))


def _data(window: drift_status_pb2.WindowDrift) -> str:
    if not window.HasField("data_drifted"):
        return f"fewer than {whole(window.minimum_rows)}"
    return f"{_verdict(drifted=window.data_drifted)}: {window.drifted_count} of {window.judged_count} features"


def _score(window: drift_status_pb2.WindowDrift) -> str:
    if not window.HasField("score"):
        return ABSENT
    return f"{_verdict(drifted=window.score.drifted)}, PSI {figure(window.score.psi)}"


def _features(window: drift_status_pb2.WindowDrift) -> RenderableType | None:
    rows = [
        (
            drift.feature,
            ", ".join(word(_FEATURE_KIND, kind) for kind in drift.kinds) or ABSENT,
            share(drift.weight),
            figure(drift.psi),
            figure(drift.jensen_shannon),
            figure(drift.wasserstein) if drift.HasField("wasserstein") else ABSENT,
            figure(min(drift.values_p, drift.missing_p, drift.range_p)),
            f"{share(drift.reference_missing_share)} > {share(drift.current_missing_share)}",
            f"{share(drift.out_of_bounds_share)} / {share(drift.out_of_range_share)}",
            whole(drift.unseen_count),
        )
        for drift in window.features
    ]
    figures = ("weight", "PSI", "JS", "Wasserstein", "p", "missing then > now", "out of bounds / range", "unseen")
    title = f"features, {word(_KIND, window.kind)}"
    return listing(("feature", "drifted", *figures), rows, title=title, right=figures) if rows else None


def _contributions(window: drift_status_pb2.WindowDrift) -> RenderableType | None:
    rows = [
        (drift.feature, figure(drift.reference_mean), figure(drift.current_mean), figure(drift.p))
        for drift in window.contributions
    ]
    figures = ("mean then", "mean now", "p")
    title = f"contributions (log-odds), {word(_KIND, window.kind)}"
    return listing(("feature", *figures), rows, title=title, right=figures) if rows else None


def _verdict(*, drifted: bool) -> str:
    return "DRIFTED" if drifted else "stable"
