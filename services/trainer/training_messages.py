"""Classifiers and training jobs between messages and the domain."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from counterfoil.trainer.v1 import training_pb2
from services.trainer.dataset_messages import DATASETS
from services.trainer.domain.classifiers.catalogue import CLASSIFIERS
from services.trainer.domain.classifiers.classifier import Classifier
from services.trainer.domain.hyperparameters import Hyperparameter
from services.trainer.domain.imbalance import Imbalance
from services.trainer.domain.plan import Calibration, Resampling, TrainingPlan, plan_from_json
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.results import training_result_from_json
from services.trainer.domain.threshold import Costs
from services.trainer.names import identifier, version_name
from services.trainer.search_messages import (
    choice_to_proto,
    grid_from_proto,
    search_from_proto,
    search_to_proto,
    trial_to_proto,
    value_to_proto,
)
from shared.errors import InvalidInput
from shared.jobs.store import Job
from shared.rpc.jobs import job_to_proto

TRAINING_JOBS = "trainingJobs"
DEFAULT_MODEL = "credit-default"

_TYPES: Mapping[str, training_pb2.HyperparameterType.ValueType] = {
    "integer": training_pb2.HYPERPARAMETER_TYPE_INTEGER,
    "real": training_pb2.HYPERPARAMETER_TYPE_REAL,
    "text": training_pb2.HYPERPARAMETER_TYPE_TEXT,
}
_IMBALANCES: Mapping[Imbalance, training_pb2.Imbalance.ValueType] = {
    Imbalance.NONE: training_pb2.IMBALANCE_NONE,
    Imbalance.CLASS_WEIGHTS: training_pb2.IMBALANCE_CLASS_WEIGHTS,
    Imbalance.SMOTE: training_pb2.IMBALANCE_SMOTE,
    Imbalance.SMOTENC: training_pb2.IMBALANCE_SMOTENC,
}
_CALIBRATIONS = {
    training_pb2.CALIBRATION_UNSPECIFIED: Calibration.AUTO,
    training_pb2.CALIBRATION_AUTO: Calibration.AUTO,
    training_pb2.CALIBRATION_SIGMOID: Calibration.SIGMOID,
    training_pb2.CALIBRATION_ISOTONIC: Calibration.ISOTONIC,
}


_PREPROCESSINGS: Mapping[Preprocessing, training_pb2.Preprocessing.ValueType] = {
    Preprocessing.NONE: training_pb2.PREPROCESSING_NONE,
    Preprocessing.STANDARDISATION: training_pb2.PREPROCESSING_STANDARDISATION,
    Preprocessing.PCA: training_pb2.PREPROCESSING_PCA,
}


def plan_from_proto(request: training_pb2.CreateTrainingJobRequest) -> TrainingPlan:
    """Return the plan with defaults filled in; raises InvalidInput where a value is absent or an enum unknown."""
    if request.calibration not in _CALIBRATIONS:
        raise InvalidInput.of("calibration", "must be AUTO, SIGMOID or ISOTONIC")
    return TrainingPlan(
        dataset=identifier(request.dataset, DATASETS, field="dataset"),
        model=request.model or DEFAULT_MODEL,
        classifier=request.classifier,
        grid=grid_from_proto(request.grid),
        resampling=Resampling(request.folds or 5, request.repeats or 1, request.seed),
        costs=_costs_from_proto(request.costs),
        imbalance=_imbalance_from_proto(request.imbalance),
        calibration=_CALIBRATIONS[request.calibration],
        search=search_from_proto(request.search),
        preprocessing=_preprocessing_from_proto(request),
        on_behalf_of=request.on_behalf_of,
    )


def plan_from_payload(payload: str) -> TrainingPlan:
    """Return the plan in a job's payload, the JSON of `TrainingPlan.to_json`."""
    return plan_from_json(json.loads(payload))


def training_job_to_proto(job: Job, *, with_trials: bool = True) -> training_pb2.TrainingJob:
    """Return the training job with what is known of its result."""
    plan = plan_from_payload(job.payload)
    message = training_pb2.TrainingJob(
        name=f"{TRAINING_JOBS}/{job.id}",
        job=job_to_proto(job),
        dataset=f"{DATASETS}/{plan.dataset}",
        model=plan.model,
        classifier=plan.classifier,
        folds=plan.resampling.folds,
        repeats=plan.resampling.repeats,
        seed=plan.resampling.seed,
        costs=costs_to_proto(plan.costs),
        imbalance=_IMBALANCES[plan.imbalance],
        calibration=training_pb2.Calibration.Value(f"CALIBRATION_{plan.calibration}"),
        grid={name: choice_to_proto(choice) for name, choice in plan.grid.items()},
        search=search_to_proto(plan.search),
        preprocessing=_PREPROCESSINGS[plan.preprocessing],
        on_behalf_of=plan.on_behalf_of,
    )
    if job.result is not None:
        message.MergeFrom(_result_to_proto(job.result, plan.model, with_trials=with_trials))
    return message


def costs_to_proto(costs: Costs) -> training_pb2.Costs:
    """Return what wrong answers cost as it goes over the wire."""
    return training_pb2.Costs(**asdict(costs))


def classifier_to_proto(classifier: Classifier) -> training_pb2.Classifier:
    """Return the classifier with everything that may be set."""
    return training_pb2.Classifier(
        id=classifier.id,
        description=classifier.description,
        hyperparameters=[_hyperparameter_to_proto(h) for h in classifier.hyperparameters],
        takes_missing_values=classifier.takes_missing_values,
        default_preprocessing=_PREPROCESSINGS[classifier.preprocessing],
    )


def _imbalance_from_proto(value: training_pb2.Imbalance.ValueType) -> Imbalance:
    by_value = {proto: imbalance for imbalance, proto in _IMBALANCES.items()}
    known = {training_pb2.IMBALANCE_UNSPECIFIED: Imbalance.CLASS_WEIGHTS, **by_value}
    if value not in known:
        raise InvalidInput.of("imbalance", f"must be one of {', '.join(Imbalance)}")
    return known[value]


def _preprocessing_from_proto(request: training_pb2.CreateTrainingJobRequest) -> Preprocessing:
    by_value = {proto: preprocessing for preprocessing, proto in _PREPROCESSINGS.items()}
    if request.preprocessing == training_pb2.PREPROCESSING_UNSPECIFIED:
        # A classifier that is not known is refused with the rest of the plan.
        known = CLASSIFIERS.get(request.classifier)
        return known.preprocessing if known else Preprocessing.NONE
    if request.preprocessing not in by_value:
        raise InvalidInput.of("preprocessing", f"must be one of {', '.join(Preprocessing)}")
    return by_value[request.preprocessing]


def _costs_from_proto(costs: training_pb2.Costs) -> Costs:
    # Ten times a column's value would be no one's wish: beside a column the number left out is 1.
    default = Costs()
    missed = 1.0 if costs.false_negative_column else default.false_negative
    lost = 1.0 if costs.false_positive_column else default.false_positive
    return Costs(
        costs.false_negative if costs.HasField("false_negative") else missed,
        costs.false_positive if costs.HasField("false_positive") else lost,
        costs.false_negative_column,
        costs.false_positive_column,
    )


def _result_to_proto(document: str, model: str, *, with_trials: bool) -> training_pb2.TrainingJob:
    result = training_result_from_json(json.loads(document))
    return training_pb2.TrainingJob(
        trials=[trial_to_proto(trial) for trial in result.trials] if with_trials else [],
        best_trial=result.best_trial,
        threshold=result.threshold,
        metrics=result.metrics,
        model_version=version_name(model, result.version) if result.version else "",
        run_id=result.run_id,
        calibrator=training_pb2.Calibration.Value(f"CALIBRATION_{result.calibrator.upper() or 'UNSPECIFIED'}"),
    )


def _hyperparameter_to_proto(hyperparameter: Hyperparameter) -> training_pb2.Hyperparameter:
    return training_pb2.Hyperparameter(
        name=hyperparameter.name,
        type=_TYPES[hyperparameter.type],
        default_value=value_to_proto(hyperparameter.default),
        minimum=hyperparameter.minimum,
        maximum=hyperparameter.maximum,
        choices=hyperparameter.choices,
        description=hyperparameter.description,
    )
