"""What people see of a training job: its trials, its metrics beside the dummy's, and the classifiers there are."""

from collections.abc import Iterable, Mapping
from typing import Final

from rich.console import RenderableType

from counterfoil.cli.costs import cost_text
from counterfoil.cli.grids import value_text, values_text
from counterfoil.cli.views.jobs import job_facts, state_word
from counterfoil.cli.views.layout import ABSENT, facts, figure, identifier, listing, moment, stacked, word
from counterfoil.cli.views.metrics import DUMMY, by_split, metrics_table
from counterfoil.trainer.v1 import training_pb2

_DEFAULT_COSTS: Final = training_pb2.Costs(false_negative=10.0, false_positive=1.0)


def training_job_view(job: training_pb2.TrainingJob, baseline: Mapping[str, float]) -> RenderableType:
    """Return the job with its trials, best first, and its metrics beside the baseline's on the test split."""
    columns = [*by_split(job.metrics, ("cv", "train", "test")), *_dummy(baseline, job.costs)]
    return stacked(
        facts([*_head(job), *job_facts(job.job), *_result(job)]),
        _trials(job) if job.trials else None,
        metrics_table(columns, title="metrics") if job.metrics else None,
    )


def training_job_list_view(jobs: Iterable[training_pb2.TrainingJob]) -> RenderableType:
    """Return one line for each job."""
    rows = [
        (
            identifier(job.name),
            identifier(job.dataset),
            job.classifier,
            state_word(job.job),
            f"{job.metrics['cv_auc']:.4f}" if "cv_auc" in job.metrics else ABSENT,
            f"{job.metrics['cv_business_cost']:.4f}" if "cv_business_cost" in job.metrics else ABSENT,
            job.model_version or ABSENT,
            moment(job.job.create_time),
        )
        for job in jobs
    ]
    headings = ("training job", "data set", "classifier", "state", "cv auc", "cv cost", "model version", "created")
    return listing(headings, rows, right=("cv auc", "cv cost"))


def classifiers_view(classifiers: Iterable[training_pb2.Classifier]) -> RenderableType:
    """Return each classifier with the hyper-parameters that --grid takes."""
    return stacked(*(_classifier(classifier) for classifier in classifiers))


def _head(job: training_pb2.TrainingJob) -> list[tuple[str, str]]:
    return [
        ("training job", identifier(job.name)),
        ("data set", identifier(job.dataset)),
        ("classifier", job.classifier),
        ("cross-validation", f"{job.folds} folds, {job.repeats} repeat(s), seed {job.seed}"),
        (
            "cost",
            f"{cost_text(job.costs.false_negative, job.costs.false_negative_column)} per default approved, "
            f"{cost_text(job.costs.false_positive, job.costs.false_positive_column)} per good applicant refused",
        ),
        ("search", _search(job.search) if job.HasField("search") else ""),
        ("preprocessing", word(training_pb2.Preprocessing.DESCRIPTOR, job.preprocessing)),
        ("imbalance", word(training_pb2.Imbalance.DESCRIPTOR, job.imbalance)),
        ("calibration", _calibration(job)),
    ]


def _calibration(job: training_pb2.TrainingJob) -> str:
    asked, taken = (word(training_pb2.Calibration.DESCRIPTOR, each) for each in (job.calibration, job.calibrator))
    return f"{asked}: {taken}" if job.calibrator and taken != asked else asked


def _result(job: training_pb2.TrainingJob) -> list[tuple[str, str]]:
    return [
        ("threshold", f"{job.threshold:.4f}" if job.HasField("threshold") else ""),
        ("model version", job.model_version),
        ("MLflow run", job.run_id),
    ]


def _search(search: training_pb2.Search) -> str:
    method = word(training_pb2.SearchMethod.DESCRIPTOR, search.method)
    objective = word(training_pb2.SearchObjective.DESCRIPTOR, search.objective)
    budget = [f"{search.max_trials} trials"] if search.max_trials else []
    budget += [f"{figure(search.max_seconds)} seconds"] if search.HasField("max_seconds") else []
    pruning = ["with pruning"] if search.pruning else []
    return ", ".join([f"{method} for {objective}", *budget, *pruning])


def _trials(job: training_pb2.TrainingJob) -> RenderableType:
    # What was not asked for has its default in every trial; --json and `train classifiers` name those.
    varied = job.grid or (job.trials[0].hyperparameters if job.trials else {})
    best = job.best_trial if job.HasField("best_trial") else None
    rows = [
        (
            f"{trial.number}{' *' if trial.number == best else ''}",
            values_text({name: trial.hyperparameters[name] for name in varied if name in trial.hyperparameters}),
            _outcome(trial),
            f"{trial.cost:.4f}" if trial.HasField("cost") else ABSENT,
            _area(trial),
            f"{trial.log_loss:.4f}" if trial.HasField("log_loss") else ABSENT,
            f"{trial.training_seconds:.1f}",
        )
        for trial in sorted(job.trials, key=lambda each: _order(each, job.search.objective))
    ]
    headings = ("trial", "hyper-parameters", "state", "cost", "auc", "log-loss", "seconds")
    return listing(headings, rows, title="trials, best first", right=headings[3:])


def _order(trial: training_pb2.Trial, objective: training_pb2.SearchObjective.ValueType) -> tuple[object, ...]:
    """Return what trials are ordered by: complete ones first, then the objective, then the area under the curve."""
    figures = {
        training_pb2.SEARCH_OBJECTIVE_AUC: -trial.auc,
        training_pb2.SEARCH_OBJECTIVE_LOG_LOSS: trial.log_loss,
    }
    return trial.state, figures.get(objective, trial.cost), -trial.auc, trial.number


def _outcome(trial: training_pb2.Trial) -> str:
    state = word(training_pb2.TrialState.DESCRIPTOR, trial.state)
    if trial.state == training_pb2.TRIAL_STATE_PRUNED:
        return f"{state} after {trial.folds_trained} fold(s)"
    if trial.HasField("rounds"):
        return f"{state}, {trial.rounds} rounds"
    return f"{state}: {trial.error}" if trial.error else state


def _area(trial: training_pb2.Trial) -> str:
    if not trial.HasField("auc"):
        return ABSENT
    return f"{trial.auc:.4f}" + (f" ± {trial.auc_deviation:.4f}" if trial.HasField("auc_deviation") else "")


def _dummy(baseline: Mapping[str, float], costs: training_pb2.Costs) -> list[tuple[str, Mapping[str, float]]]:
    # A data set knows its dummy's cost for the default costs alone; beside others it would compare unlike things.
    comparable = {name: value for name, value in baseline.items() if costs == _DEFAULT_COSTS or "cost" not in name}
    return [(f"{DUMMY} ({split})", values) for split, values in by_split(comparable, ("test",))]


def _classifier(classifier: training_pb2.Classifier) -> RenderableType:
    rows = [
        (
            each.name,
            word(training_pb2.HyperparameterType.DESCRIPTOR, each.type),
            value_text(each.default_value),
            ", ".join(each.choices) or _range(each),
            each.description,
        )
        for each in classifier.hyperparameters
    ]
    missing = "takes" if classifier.takes_missing_values else "does not take"
    title = f"{classifier.id}: {classifier.description} It {missing} missing values."
    return listing(("hyper-parameter", "type", "default", "values", "meaning"), rows, title=title)


def _range(hyperparameter: training_pb2.Hyperparameter) -> str:
    least = figure(hyperparameter.minimum) if hyperparameter.HasField("minimum") else ""
    most = figure(hyperparameter.maximum) if hyperparameter.HasField("maximum") else ""
    return f"{least} to {most}".strip() if least or most else ABSENT
