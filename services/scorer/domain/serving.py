"""What is served now, and the swap to what the alias names."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.scorer.domain.features import FeatureResolver
from services.scorer.domain.raw_applications import HistoryFeatures, RawResolver
from services.scorer.domain.requests import DenseFeatures, RawApplication, StoredApplicant, Subject
from services.scorer.domain.vectors import VectorResolver
from shared.bundle.dataset import DatasetReference
from shared.bundle.reading import Bundle
from shared.errors import CounterfoilError, NotFound, Precondition, Unavailable


@dataclass(frozen=True)
class ApplicantRow:
    """An applicant's stored inputs; `split` is train, test or production.

    `values` has shape (n_features,), NaN where a value is missing, never infinite.
    """

    split: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class SplitRows:
    """All applicants of a split in its order: identifiers (n_rows,) and values (n_rows, n_features), NaN if missing."""

    applicant_ids: NDArray[np.bytes_]
    values: NDArray[np.float64]


class Applicants(Protocol):
    """The applicants of one data set."""

    @property
    def complete(self) -> bool:
        """Whether the data set's splits are at hand."""

    def find(self, applicant_id: str) -> ApplicantRow:
        """Return the applicant's row. Raises NotFound, or Unavailable while the splits are not at hand."""

    def find_history(self, applicant_id: str) -> HistoryFeatures:
        """Return the features of the applicant's history that raw applications need; raises as `find` does."""

    def split(self, name: str) -> SplitRows:
        """Return a whole split. Raises NotFound, or Unavailable while the splits are not at hand."""


class MissingApplicants:
    """Stands for splits that could not be fetched: named features are scored, identifiers are not."""

    complete = False

    def __init__(self, why: str) -> None:
        self._why = why

    def find(self, applicant_id: str) -> ApplicantRow:  # noqa: ARG002  # the Protocol gives the parameter
        """Raise Unavailable with the reason."""
        raise self._unavailable()

    def find_history(self, applicant_id: str) -> HistoryFeatures:  # noqa: ARG002  # the Protocol gives the parameter
        """Raise Unavailable with the reason."""
        raise self._unavailable()

    def split(self, name: str) -> SplitRows:  # noqa: ARG002  # the Protocol gives the parameter
        """Raise Unavailable with the reason."""
        raise self._unavailable()

    def _unavailable(self) -> Unavailable:
        return Unavailable(
            f"the data set's splits are not at hand ({self._why}); retry later, or send named features",
            reason="APPLICANTS_UNAVAILABLE",
        )


@dataclass(frozen=True)
class Served:
    """One verified bundle with everything that an answer by it needs; replaced as a whole, never changed.

    `raw` makes its features of raw applications, None where the bundle does not say how. `named` changes whenever the
    alias names another version, or the applicants come from another data set; empty: it is the version.
    """

    bundle: Bundle
    version: str
    resolver: FeatureResolver
    applicants: Applicants
    load_time: datetime
    raw: RawResolver | None = None
    alias: str = ""
    named: str = ""
    stored: DatasetReference | None = None

    @property
    def stored_dataset(self) -> DatasetReference:
        """The data set whose applicants are scored by their identifiers, by default the one of the bundle."""
        return self.stored or self.bundle.dataset

    @cached_property
    def model_version(self) -> str:
        """The resource name, models/{model}/versions/{n}."""
        return f"models/{self.bundle.model_name}/versions/{self.version}"

    @cached_property
    def vectors(self) -> VectorResolver:
        """What turns vectors by position into rows."""
        return VectorResolver(self.bundle.schema)

    def inputs(self, subject: Subject) -> NDArray[np.float64]:
        """Return the subject's row of values, shape (n_features,), NaN where a value is missing.

        Those of a vector are still to be judged, by `vectors.resolve_rows`. Raises InvalidInput, NotFound or
        Unavailable.
        """
        if isinstance(subject.applicant, StoredApplicant):
            return self.applicants.find(subject.applicant.applicant_id).values
        if isinstance(subject.applicant, DenseFeatures):
            return self.vectors.accept(subject.applicant, field_prefix=subject.field_prefix)
        if isinstance(subject.applicant, RawApplication):
            return self._raw().resolve(subject.applicant, self._history_of, field_prefix=subject.field_prefix)
        return self.resolver.resolve(subject.applicant.features, field_prefix=subject.field_prefix)

    def _raw(self) -> RawResolver:
        if self.raw is None:
            raise Precondition(
                f"{self.model_version} does not say how its features are made of raw applications; send its features, "
                "or serve a version that was trained on the Home Credit tables by this release",
                reason="RAW_APPLICATIONS_NOT_SERVED",
            )
        return self.raw

    def _history_of(self, applicant_id: str) -> HistoryFeatures:
        return self.applicants.find_history(applicant_id)


class Serving:
    """Holds what is served for one alias of a model. A reload swaps it atomically, or leaves it as it was.

    `load` gives what the alias names now, `named` alone what its `named` would be. A `challenger` is served beside the
    champion: asked for by its version, and as the champion's shadow. An `optional` one ends with its alias.
    """

    def __init__(
        self,
        model: str,
        load: Callable[[], Served],
        *,
        named: Callable[[], str] = lambda: "",
        challenger: "Serving | None" = None,
        optional: bool = False,
    ) -> None:
        self.model = model
        self._load = load
        self._named = named
        self._challenger = challenger
        self._optional = optional
        self._reloading = threading.Lock()
        self._when_served: Callable[[Served], None] = lambda _served: None
        self._served: Served | None = None
        self._resumed = False
        self._failure: CounterfoilError = Unavailable(
            "the model is still being loaded; retry in a few seconds", reason="MODEL_LOADING"
        )

    def named(self, model: str) -> str:
        """Return the name of the model that a request means. Raises NotFound if it is another than the served one."""
        if model in ("", self.model):
            return self.model
        raise NotFound(
            f"this scorer serves {self.model!r} alone; leave the model empty or ask the scorer that serves the other",
            reason="MODEL_NOT_SERVED",
        )

    def current(self, version: str = "") -> Served:
        """Return what is served, under that number or as champion.

        Raises Precondition or Unavailable with the reason why nothing is, NotFound if that version is not.
        """
        served = self._served
        if served is None:
            kind = Unavailable if isinstance(self._failure, Unavailable) else Precondition
            raise kind(self._failure.message, reason=self._failure.reason, metadata=self._failure.metadata)
        return served if version in ("", served.version) else self._other(version)

    @property
    def champion(self) -> Served | None:
        """What is served, None if nothing is."""
        return self._served

    def champion_alone(self) -> Served | None:
        """Return the champion if there is one, and nobody has to answer beside it."""
        return self._served if self._challenger is None or self.shadow() is None else None

    def all(self) -> list[Served]:
        """Return the champion and, if there is one, the challenger."""
        beside = [self._challenger] if self._challenger else []
        return [each._served for each in (self, *beside) if each._served is not None]

    def shadow(self) -> Served | None:
        """Return the challenger if it is another version than the champion."""
        challenger = self._challenger._served if self._challenger else None
        if challenger is None or self._served is None or challenger.version == self._served.version:
            return None
        return challenger

    def _other(self, version: str) -> Served:
        for served in self.all():
            if served.version == version:
                return served
        raise NotFound(
            f"version {version[:20]!r} is not served; leave the version empty for the champion, or name one of "
            "ListServingModels",
            reason="VERSION_NOT_SERVED",
        )

    def when_served(self, listener: Callable[[Served], None]) -> None:
        """Call the listener at each swap from now on, on the thread that reloads."""
        self._when_served = listener

    @property
    def empty(self) -> bool:
        """Whether nothing is served yet."""
        return self._served is None

    @property
    def complete(self) -> bool:
        """Whether what the alias names is served, its applicants included."""
        return self._served is not None and self._served.applicants.complete and not self._resumed

    def reload(self) -> Served:
        """Load what the alias names now and serve it; on any error what was served goes on, and the error is raised."""
        with self._reloading:
            try:
                served = self._load()
                self._refuse_loss(served)
            except CounterfoilError as error:
                self._failure = error
                raise
            self._swap(served, resumed=False)
            return served

    def _refuse_loss(self, served: Served) -> None:
        """Raise Unavailable for the same version without the applicants that are at hand now."""
        now = self._served
        if now is not None and now.version == served.version and now.applicants.complete > served.applicants.complete:
            raise Unavailable(
                "the data set whose applicants are to be scored cannot be had as the version needs it, so that those "
                "from before go on; the log says why",
                reason="APPLICANTS_NOT_REFRESHED",
            )

    def follow(self) -> None:
        """Reload if the alias names another version, or its applicants another data set; raises what a reload does.

        An optional version ends when its alias names nothing any more.
        """
        try:
            named = self._named()
        except Precondition:
            if self._optional:
                self._served = None
            raise
        if self._served is None or named != (self._served.named or self._served.version):
            self.reload()

    def resume(self, load_last: Callable[[], Served]) -> None:
        """Serve what `load_last` gives until a reload succeeds; does nothing if something is served already.

        Raises what `load_last` raises; callers are still told why the reload failed.
        """
        with self._reloading:
            if self._served is None:
                self._swap(load_last(), resumed=True)

    def _swap(self, served: Served, *, resumed: bool) -> None:
        self._served, self._resumed = served, resumed
        self._when_served(served)
