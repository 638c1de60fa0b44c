"""What people read of data sets, models and classifiers where something is absent or new."""

from counterfoil.cli.views.cleaning import dropped_columns_view
from counterfoil.cli.views.datasets import dataset_report_view
from counterfoil.cli.views.models import model_version_list_view, model_version_view
from counterfoil.cli.views.provenance import comparison_view
from counterfoil.cli.views.training import classifiers_view, training_job_view
from counterfoil.trainer.v1 import dataset_pb2, lineage_pb2, training_pb2
from tests.service import cli_samples as samples
from tests.unit.cli.rendered import fact, text, words

FATE = dataset_pb2.ColumnFate


def test_column_that_a_rule_of_a_later_trainer_dropped_is_named_and_counted() -> None:
    """The lines of the summary add up to all columns, whatever the rule."""
    # kept=False, rule=99, over the wire.
    later = FATE.FromString(b"\x18\x63")
    later.column = "A"
    dataset = dataset_pb2.Dataset(columns=[later, FATE(column="B", kept=True)])

    assert ["A", "another", "reason"] in words(dropped_columns_view(dataset.columns))
    assert ["dropped:", "another", "reason", "1", "A"] in words(dataset_report_view(dataset))


def test_every_rule_of_the_contract_is_told_in_words() -> None:
    """The words "another reason" are for rules that are newer than this client."""
    rules = [rule for rule in dataset_pb2.CleaningRule.values() if rule]
    dataset = dataset_pb2.Dataset(columns=[FATE(column="A", rule=rule, figure=0.9, bound=0.5) for rule in rules])

    shown = text(dropped_columns_view(dataset.columns))

    assert "another reason" not in shown
    assert "Cramér's V with a kept variable above" in shown


def test_summary_names_three_columns_of_a_rule_and_that_there_are_more() -> None:
    """--dropped names them all."""
    rule = dataset_pb2.CLEANING_RULE_VARIANCE
    dataset = dataset_pb2.Dataset(columns=[FATE(column=name, rule=rule, figure=0, bound=0.1) for name in "ABCD"])

    summary = text(dataset_report_view(dataset))

    assert "dropped: variance below 0.1" in summary
    assert "A 0, B 0, C 0, ..." in summary
    assert [line[0] for line in words(dropped_columns_view(dataset.columns))[-4:]] == ["A", "B", "C", "D"]


def test_a_prepared_table_is_told_with_its_columns_and_bounds() -> None:
    """Which value means default is part of what the data set is."""
    prepared = dataset_pb2.PreparedTable(path="own.csv", id_column="client", target_column="outcome", positive="bad")
    prepared.bounds["age"].minimum = 18
    prepared.bounds["amount"].CopyFrom(dataset_pb2.ValueBounds(minimum=0, maximum=1_000))

    shown = text(dataset_report_view(dataset_pb2.Dataset(prepared=prepared)))

    assert fact(shown, "prepared table") == "own.csv"
    assert fact(shown, "identifier") == "client"
    assert fact(shown, "default") == "outcome = bad"
    assert fact(shown, "bounds") == "age 18:, amount 0:1000"


def test_split_without_labels_has_no_defaults_and_an_empty_one_no_share() -> None:
    """Nobody in it defaulted, or nobody knows, or nobody is in it: three things."""
    split = dataset_pb2.SplitReport
    splits = [
        split(split=dataset_pb2.SPLIT_TRAIN, rows=10, defaults=0),
        split(split=dataset_pb2.SPLIT_TEST, rows=0, defaults=0),
        split(split=dataset_pb2.SPLIT_PRODUCTION, rows=5),
    ]

    lines = words(dataset_report_view(dataset_pb2.Dataset(splits=splits)))

    assert lines[-3:] == [["train", "10", "0", "0.0%"], ["test", "0", "0", "-"], ["production", "5", "-", "-"]]


def test_bound_of_zero_is_shown_and_one_that_was_not_given_is_not() -> None:
    """Dropping every column with a missing value is not the same as dropping none."""
    shown = dataset_report_view(dataset_pb2.Dataset(options=dataset_pb2.CleaningOptions(max_missing_share=0)))

    assert fact(shown, "largest missing share") == "0"
    assert fact(shown, "smallest variance") == ""


def test_version_without_metrics_or_alias_says_so() -> None:
    """No empty table, and no figure that nobody measured."""
    version = training_pb2.ModelVersion(name="models/m/versions/1", threshold=0.5)

    assert fact(model_version_view(version), "aliases") == "none"
    assert "metrics" not in text(model_version_view(version))
    assert words(model_version_list_view([version]))[-1] == ["m/1", "-", "-", "0.5000"]


def test_dummy_alone_is_best_of_nothing() -> None:
    """A data set on which nothing was trained has a comparison with one column and no star."""
    alone = lineage_pb2.CompareRunsResponse(dataset="datasets/x", baseline_metrics={"test_business_cost": 0.8})

    shown = text(comparison_view(alone))

    assert "0.8000" in shown
    assert "0.8000 *" not in shown


def test_model_that_the_dummy_beats_gets_no_star() -> None:
    """The comparison is honest about a model that is worth nothing."""
    worse = lineage_pb2.ComparedRun(model_version="models/m/versions/1", metrics={"test_business_cost": 0.9})
    both = lineage_pb2.CompareRunsResponse(baseline_metrics={"test_business_cost": 0.8}, runs=[worse])

    lines = words(comparison_view(both))

    assert ["test_business_cost", "0.8000", "*", "0.9000"] in lines


def test_hyperparameter_shows_the_bounds_it_has() -> None:
    """One-sided, by choice, or free."""
    parameter = training_pb2.Hyperparameter
    parameters = [
        parameter(name="a", minimum=0),
        parameter(name="b", maximum=5),
        parameter(name="c", choices=["x", "y"]),
        parameter(name="d"),
    ]

    lines = words(classifiers_view([training_pb2.Classifier(id="c", hyperparameters=parameters)]))

    assert [line[2:] for line in lines[-4:]] == [["0", "to"], ["to", "5"], ["x,", "y"], ["-"]]


_PRUNED = training_pb2.TRIAL_STATE_PRUNED


def test_trials_of_equal_cost_stand_by_their_ranking_and_the_best_is_the_jobs() -> None:
    """The star is the trainer's choice, not the view's."""
    job = samples.training_job()
    job.trials[0].cost = job.trials[1].cost
    job.best_trial = 0

    lines = words(training_job_view(job, {}))

    assert [line[0] for line in lines if any("num_leaves=" in word for word in line)] == ["1", "0"]
    assert any(line[:2] == ["0", "*"] for line in lines)
    assert "dummy" not in text(training_job_view(job, {}))


def test_trials_that_did_not_end_well_stand_last_and_say_why() -> None:
    """Whatever their figures."""
    job = samples.training_job()
    job.trials.add(
        number=2, hyperparameters=job.trials[0].hyperparameters, cost=0.1, auc=0.9, folds_trained=1, state=_PRUNED
    )
    job.trials.add(
        number=3, hyperparameters=job.trials[0].hyperparameters, state=training_pb2.TRIAL_STATE_FAILED, error="too deep"
    )

    lines = [line for line in words(training_job_view(job, {})) if any("num_leaves=" in word for word in line)]

    assert [line[0] for line in lines] == ["1", "0", "2", "3"]
    assert "pruned after 1 fold(s)" in " ".join(lines[2])
    assert "failed: too deep - - -" in " ".join(lines[3])


def test_trials_stand_by_the_objective_of_their_search() -> None:
    """The cheapest need not rank best; the search is told in a line."""
    job = samples.training_job()
    job.search.CopyFrom(
        training_pb2.Search(
            method=training_pb2.SEARCH_METHOD_TPE,
            objective=training_pb2.SEARCH_OBJECTIVE_LOG_LOSS,
            max_trials=40,
            max_seconds=60.0,
            pruning=True,
        )
    )
    job.trials[0].log_loss, job.trials[1].log_loss = 0.2, 0.3

    shown = training_job_view(job, {})

    assert [line[0] for line in words(shown) if any("num_leaves=" in word for word in line)] == ["0", "1"]
    assert "tpe for log_loss, 40 trials, 60 seconds, with pruning" in text(shown)
