"""Typed answers of the services, as small as the views need them."""

from google.protobuf import any_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import code_pb2, error_details_pb2, status_pb2

from counterfoil.monitor.v1 import (
    alert_pb2,
    challenger_pb2,
    drift_status_pb2,
    erasure_pb2,
    failure_pb2,
    monitor_pb2,
    outcome_pb2,
    performance_pb2,
    prediction_log_pb2,
    retraining_pb2,
)
from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.trainer.v1 import artifact_pb2, dataset_pb2, governance_pb2, inspection_pb2, lineage_pb2, training_pb2
from counterfoil.types.v1 import failure_pb2 as failed
from counterfoil.types.v1 import feature_pb2, job_pb2, prediction_pb2

DATASET = "datasets/ds-0123456789ab"
JOB = "trainingJobs/tj-0123456789ab"
REPORT = "driftReports/dr-0123456789ab"
VERSION = "models/credit-default/versions/2"
PREDICTION = f"{VERSION}/predictions/0b5f6c9e-0000-4000-8000-000000000000"
ERASURE = "erasures/er-0123456789ab"
MORNING = Timestamp(seconds=1_800_000_000)


def job(state: job_pb2.JobState.ValueType = job_pb2.JOB_STATE_SUCCEEDED, stage: str = "") -> job_pb2.Job:
    """Return a job in a state; a running one is half done."""
    end = Timestamp(seconds=MORNING.seconds + 12)
    running = state == job_pb2.JOB_STATE_RUNNING
    return job_pb2.Job(
        state=state,
        progress=job_pb2.JobProgress(fraction=0.5 if running else 1.0, stage=stage),
        create_time=MORNING,
        start_time=MORNING,
        end_time=None if running else end,
        caller="unverified",
    )


def failed_job() -> job_pb2.Job:
    """Return a job that failed because a table was missing."""
    ended = job(job_pb2.JOB_STATE_FAILED)
    ended.error.CopyFrom(job_pb2.JobError(reason="TABLE_MISSING", message="application_train is not there"))
    return ended


def dataset(made: job_pb2.Job | None = None) -> dataset_pb2.Dataset:
    """Return a data set of 1,000 labelled applicants with four columns, of which two were dropped."""
    fate = dataset_pb2.ColumnFate
    return dataset_pb2.Dataset(
        name=DATASET,
        display_name="first",
        job=made or job(),
        home_credit=dataset_pb2.HomeCreditTables(directory="first", features=dataset_pb2.FEATURE_SET_REFERENCE),
        test_share=0.2,
        seed=3,
        options=dataset_pb2.CleaningOptions(imputation=dataset_pb2.IMPUTATION_MEDIAN, max_missing_share=0.3),
        splits=[
            dataset_pb2.SplitReport(split=dataset_pb2.SPLIT_TRAIN, rows=800, defaults=64),
            dataset_pb2.SplitReport(split=dataset_pb2.SPLIT_PRODUCTION, rows=150),
        ],
        tables=[
            dataset_pb2.TableReport(table="bureau", present=True, format="parquet", rows=12_345),
            dataset_pb2.TableReport(table="bureau_balance"),
        ],
        feature_count=4,
        kept_feature_count=2,
        columns=[
            fate(column="AMT_CREDIT", kept=True),
            fate(column="AMT_ANNUITY", kept=True, missing_share=0.01, imputation_value=27_000.0),
            fate(
                column="OWN_CAR_AGE",
                rule=dataset_pb2.CLEANING_RULE_MISSING_SHARE,
                figure=0.66,
                bound=0.3,
                missing_share=0.66,
            ),
            fate(
                column="AMT_GOODS_PRICE",
                rule=dataset_pb2.CLEANING_RULE_CORRELATION,
                figure=0.987,
                bound=0.95,
                partner="AMT_CREDIT",
            ),
        ],
        digest="d" * 64,
        experiment_id="7",
        baseline_metrics={"test_business_cost": 0.8, "test_auc": 0.5},
        dropped_applications=2,
    )


def dataset_news(made: job_pb2.Job) -> dataset_pb2.WatchDatasetResponse:
    """Return one news of the data set."""
    return dataset_pb2.WatchDatasetResponse(dataset=dataset(made))


def training_job(made: job_pb2.Job | None = None) -> training_pb2.TrainingJob:
    """Return a training job with two trials, the second of which won."""
    leaves = [training_pb2.HyperparameterValue(integer=number) for number in (8, 16)]
    return training_pb2.TrainingJob(
        name=JOB,
        job=made or job(),
        dataset=DATASET,
        model="credit-default",
        classifier="lightgbm",
        folds=5,
        repeats=1,
        costs=training_pb2.Costs(false_negative=10, false_positive=1),
        imbalance=training_pb2.IMBALANCE_CLASS_WEIGHTS,
        trials=[
            training_pb2.Trial(
                number=0,
                hyperparameters={"num_leaves": leaves[0]},
                cost=0.56,
                auc=0.73,
                state=training_pb2.TRIAL_STATE_COMPLETE,
            ),
            training_pb2.Trial(
                number=1,
                hyperparameters={"num_leaves": leaves[1]},
                cost=0.52,
                auc=0.75,
                state=training_pb2.TRIAL_STATE_COMPLETE,
            ),
        ],
        best_trial=1,
        threshold=0.0912,
        metrics={"cv_auc": 0.75, "cv_business_cost": 0.52, "test_auc": 0.74, "test_business_cost": 0.53},
        model_version=VERSION,
        run_id="r" * 32,
    )


def model_version(number: int = 2, dataset_name: str = DATASET) -> training_pb2.ModelVersion:
    """Return a version of credit-default; version 2 is the champion."""
    return training_pb2.ModelVersion(
        name=f"models/credit-default/versions/{number}",
        create_time=MORNING,
        classifier="lightgbm",
        dataset=dataset_name,
        training_job=JOB,
        aliases=["champion"] if number == 2 else [],
        bundle_digest="b" * 64,
        threshold=0.0912,
        metrics={"cv_auc": 0.70 + number / 100, "test_business_cost": 0.6 - number / 100},
        etag="e7",
        creator="CN=analyst",
        alias_moves=[training_pb2.AliasMove(alias="challenger", removed=True, approver="CN=officer", time=MORNING)],
    )


def comparison() -> lineage_pb2.CompareRunsResponse:
    """Return the champion beside a training whose version was deleted."""
    run = lineage_pb2.ComparedRun
    return lineage_pb2.CompareRunsResponse(
        dataset=DATASET,
        baseline_metrics={"test_business_cost": 0.8},
        runs=[
            run(
                training_job=JOB,
                model_version=VERSION,
                classifier="lightgbm",
                aliases=["champion"],
                metrics={"test_business_cost": 0.58},
                relative_costs={"test": 0.725},
            ),
            run(training_job=JOB, classifier="lightgbm", metrics={"test_business_cost": 0.6}),
        ],
    )


def lineage() -> lineage_pb2.Lineage:
    """Return where version 2 comes from."""
    made = dataset()
    made.tables[0].digest = "e" * 64
    run = lineage_pb2.LineageRun(training_job=training_job(), model_versions=[model_version()])
    return lineage_pb2.Lineage(dataset=made, runs=[run])


def model_artifact() -> artifact_pb2.ModelArtifact:
    """Return a figure."""
    return artifact_pb2.ModelArtifact(artifact="figures/roc_curve.png", content_type="image/png", size_bytes=12_345)


def audit_event() -> governance_pb2.AuditEvent:
    """Return a promotion that was refused."""
    return governance_pb2.AuditEvent(
        sequence=7,
        time=MORNING,
        caller="CN=officer",
        action="PromoteModelVersion",
        resource=VERSION,
        reason="cheaper on test",
        details={"alias": "champion"},
        outcome=governance_pb2.AUDIT_OUTCOME_REFUSED,
        end_time=MORNING,
        error_reason="SAME_APPROVER",
        hash="a" * 64,
    )


def score(applicant: str = "100001") -> scorer_pb2.ScoreResponse:
    """Return a refusal whose contributions add up."""
    return scorer_pb2.ScoreResponse(
        prediction=f"{VERSION}/predictions/p-{applicant}",
        model_version=VERSION,
        create_time=MORNING,
        probability=0.2,
        margin=-1.25,
        baseline=-2.0,
        threshold=0.0912,
        decision=prediction_pb2.DECISION_REFUSE,
        reasons=scorer_pb2.Reasons(
            features=["EXT_SOURCE_2", "AMT_CREDIT", "DAYS_BIRTH"],
            contributions=[1.0, -0.5, 0.25],
            principal_codes=["EXT_SOURCE_2"],
            principal_texts=["External score 2 is low"],
        ),
        imputed_features=["AMT_ANNUITY"],
        receipt=prediction_pb2.Receipt(instance="i-1", sequence=9, hash=b"\x01" * 32),
    )


def applicant() -> scorer_pb2.Applicant:
    """Return an applicant with a number, a category and a missing value."""
    value = feature_pb2.FeatureValue
    features = {
        "AMT_CREDIT": value(number=450_000.5),
        "NAME_CONTRACT_TYPE": value(category="Cash loans"),
        "OWN_CAR_AGE": value(missing=feature_pb2.Missing()),
    }
    return scorer_pb2.Applicant(
        name="applicants/100001",
        dataset=DATASET,
        split="production",
        features=feature_pb2.FeatureMap(features=features),
    )


def serving_model() -> scorer_pb2.ServingModel:
    """Return what is served."""
    feature = scorer_pb2.ServedFeature(name="AMT_CREDIT", missing_share=0.0, reason_text="Credit amount")
    return scorer_pb2.ServingModel(
        model_version=VERSION,
        classifier="lightgbm",
        threshold=0.0912,
        dataset=DATASET,
        kernel_id="lightgbm-4.7.0",
        load_time=MORNING,
        features=[feature] * 40,
    )


def erasure(made: job_pb2.Job | None = None) -> erasure_pb2.Erasure:
    """Return the erasure of somebody with three records."""
    return erasure_pb2.Erasure(
        name=ERASURE,
        job=made or job(),
        reason="Article 17",
        reference="case 12",
        record_count=3,
        projected_row_count=3,
        file_count=2,
    )


def failure() -> failure_pb2.Failure:
    """Return a row of a batch that named a column which nobody knows."""
    call = failed.FailedCall(
        end_time=MORNING,
        method="BatchScore",
        caller="CN=bank",
        code="INVALID_ARGUMENT",
        reason="FEATURES_INVALID",
        row=7,
        model_version=VERSION,
        count=1,
    )
    sent = failed.FailedRequest(request_id="r-1", digest=bytes(32), fields=['subjects[7].features["X"]'])
    return failure_pb2.Failure(call=call, request=sent, instance="spool-1", sequence=12)


def override() -> prediction_log_pb2.Override:
    """Return a refusal that an officer turned into an approval."""
    return prediction_log_pb2.Override(
        prediction=PREDICTION,
        number=1,
        decision=prediction_pb2.DECISION_APPROVE,
        reason_code="INCOME",
        reason="payslips of six months",
        officer="A. Clerk",
        caller="CN=desk",
        create_time=MORNING,
    )


def prediction() -> prediction_log_pb2.Prediction:
    """Return a refused decision with two inputs, which was overridden."""
    value = feature_pb2.FeatureValue
    taken = prediction_log_pb2.PredictionInput
    because = prediction_log_pb2.PredictionReason
    return prediction_log_pb2.Prediction(
        name=PREDICTION,
        create_time=MORNING,
        model_version=VERSION,
        purpose=prediction_pb2.PURPOSE_DECISION,
        probability=0.25,
        decision=prediction_pb2.DECISION_REFUSE,
        effective_decision=prediction_pb2.DECISION_APPROVE,
        overrides=[override()],
        applicant_id="100001",
        application_number="4711",
        threshold=0.0912,
        inputs=[
            taken(feature="AMT_CREDIT", position=0, value=value(number=405000)),
            taken(feature="OWN_CAR_AGE", position=1, value=value(missing=feature_pb2.Missing()), imputed=True),
        ],
        reasons=[
            because(feature="AMT_CREDIT", position=0, contribution=0.5),
            because(feature="OWN_CAR_AGE", position=1, contribution=-0.25),
        ],
        principal_reasons=[prediction_log_pb2.PrincipalReason(code="AMT_CREDIT", text="Credit amount")],
        proof=prediction_log_pb2.PredictionProof(
            instance="spool-1", segment_number=3, sequence=77, hash=b"\x0a" * 32, continuity="CONTINUED"
        ),
    )


def drift_report(made: job_pb2.Job | None = None) -> monitor_pb2.DriftReport:
    """Return a report with a stable, a drifted and an empty column."""
    column = monitor_pb2.ColumnDrift
    return monitor_pb2.DriftReport(
        name=REPORT,
        job=made or job(),
        model_version=VERSION,
        window=monitor_pb2.PredictionWindow(last_count=200),
        outcome=monitor_pb2.DRIFT_OUTCOME_COMPARED,
        reference_rows=800,
        current_rows=200,
        drifted_share=0.5,
        drifted=True,
        drifted_share_bound=0.5,
        column_drifts=[
            column(column="AMT_CREDIT", verdict=monitor_pb2.COLUMN_VERDICT_STABLE, method="KS", score=0.4, bound=0.05),
            column(column="DAYS_BIRTH", verdict=monitor_pb2.COLUMN_VERDICT_DRIFTED, method="KS", score=0, bound=0.05),
            column(column="OWN_CAR_AGE", verdict=monitor_pb2.COLUMN_VERDICT_EMPTY, current_missing_share=1.0),
        ],
    )


def drift_status() -> drift_status_pb2.DriftStatus:
    """Return a status with one window in which a feature has drifted and one with too few decisions."""
    feature = drift_status_pb2.FeatureDrift(
        feature="AMT_CREDIT",
        kinds=[drift_status_pb2.FEATURE_DRIFT_KIND_VALUES, drift_status_pb2.FEATURE_DRIFT_KIND_MISSING],
        weight=0.4,
        psi=0.25,
        jensen_shannon=0.17,
        wasserstein=0.4,
        values_p=1e-12,
        missing_p=0.5,
        range_p=1.0,
        current_missing_share=0.1,
    )
    last = drift_status_pb2.WindowDrift(
        kind=drift_status_pb2.DRIFT_WINDOW_KIND_LAST_COUNT,
        rows=5_300,
        minimum_rows=100,
        start_time=MORNING,
        data_drifted=True,
        drifted_count=1,
        judged_count=6,
        features=[feature],
        score=drift_status_pb2.ScoreDrift(psi=0.02, p=0.3),
        contributions_drifted=True,
        contribution_rows=256,
        contributions=[
            drift_status_pb2.ContributionDrift(feature="EXT_SOURCE_2", reference_mean=1.0, current_mean=0.7, p=1e-9)
        ],
    )
    hours = drift_status_pb2.WindowDrift(
        kind=drift_status_pb2.DRIFT_WINDOW_KIND_LAST_HOURS, rows=12, minimum_rows=100, start_time=MORNING
    )
    return drift_status_pb2.DriftStatus(
        model_version=VERSION, etag="e1", prediction_count=5_312, last_prediction_time=MORNING, windows=[last, hours]
    )


def outcome() -> outcome_pb2.Outcome:
    """Return an outcome that counts."""
    found = outcome_pb2.Outcome(
        prediction=f"{VERSION}/predictions/p-1", defaulted=True, loss_amount=1250.5, caller="CN=bank", counts=True
    )
    found.observation_time.FromJsonString("2026-06-01T00:00:00Z")
    found.record_time.FromJsonString("2026-06-02T08:30:00Z")
    return found


def alert() -> alert_pb2.Alert:
    """Return an alert on a figure that somebody has seen."""
    return alert_pb2.Alert(
        name="alerts/al-1",
        state=alert_pb2.ALERT_STATE_ACKNOWLEDGED,
        severity=alert_pb2.ALERT_SEVERITY_CRITICAL,
        rule="auc-drop",
        watch="auc_drop",
        reason="AUC_DROP",
        message="the loss of AUC is 0.06 over 5,000 decisions, bound 0.05",
        model_version=VERSION,
        value=0.06,
        bound=0.05,
        rows=5_000,
        first_time=MORNING,
        last_time=MORNING,
        count=3,
        acknowledged_by="CN=officer",
        acknowledge_time=MORNING,
        note="looking",
    )


def challenger() -> challenger_pb2.ChallengerComparison:
    """Return a comparison in which the challenger approves more and costs less."""
    refused, approved = prediction_pb2.DECISION_REFUSE, prediction_pb2.DECISION_APPROVE
    pair, costs = challenger_pb2.DecisionPair, challenger_pb2.CostComparison
    return challenger_pb2.ChallengerComparison(
        model_version=VERSION,
        challenger="models/credit-default/versions/3",
        rows=1_000,
        first_decision_time=MORNING,
        last_decision_time=MORNING,
        features_not_logged=["OWN_CAR_AGE"],
        pairs=[
            pair(decision=approved, challenger_decision=approved, count=600, labelled_count=500, default_count=20),
            pair(decision=refused, challenger_decision=approved, count=400),
        ],
        agreement_rate=0.6,
        approval_rate=0.6,
        challenger_approval_rate=1.0,
        costs=[costs(basis=challenger_pb2.COST_BASIS_OUTCOMES, rows=500, cost=0.4, challenger_cost=0.3)],
    )


def proposal() -> retraining_pb2.RetrainProposal:
    """Return a retrain proposal that ended with a challenger."""
    choices = training_pb2.HyperparameterChoices(values=[training_pb2.HyperparameterValue(integer=8)])
    return retraining_pb2.RetrainProposal(
        name="retrainProposals/rp-1",
        state=retraining_pb2.RETRAIN_PROPOSAL_STATE_SUCCEEDED,
        model="models/credit-default",
        model_version=VERSION,
        alert="alerts/al-1",
        why="the loss of AUC is 0.06 over 5,000 decisions, bound 0.05",
        create_time=MORNING,
        etag="rp-1.4",
        source_dataset="datasets/ds-1",
        source_training_job="trainingJobs/tj-1",
        dataset_request=dataset_pb2.CreateDatasetRequest(
            home_credit=dataset_pb2.HomeCreditTables(directory="live"),
        ),
        training_request=training_pb2.CreateTrainingJobRequest(
            classifier="lightgbm",
            grid={"num_leaves": choices},
            search=training_pb2.Search(method=training_pb2.SEARCH_METHOD_TPE),
        ),
        decided_by="CN=officer",
        decide_time=MORNING,
        decision_reason="the bureau changed",
        dataset="datasets/ds-2",
        training_job="trainingJobs/tj-2",
        challenger="models/credit-default/versions/3",
        end_time=MORNING,
    )


def tables() -> inspection_pb2.ListTablesResponse:
    """Return a folder with a large CSV table, a broken and an absent one, and two folders in it."""
    table = inspection_pb2.Table
    column = inspection_pb2.TableColumn(name="STATUS", kind=inspection_pb2.COLUMN_KIND_TEXT)
    problem = inspection_pb2.TableProblem(reason="COLUMN_MISSING", column="DAYS_CREDIT", description="is missing")
    return inspection_pb2.ListTablesResponse(
        tables=[
            table(
                name="bureau_balance",
                path="first/bureau_balance.csv",
                present=True,
                format="csv",
                rows=27_299_925,
                rows_estimated=True,
                columns=[column],
            ),
            table(name="bureau", path="first/bureau.parquet", present=True, format="parquet", problems=[problem]),
            table(name="credit_card_balance"),
        ],
        directories=["2026", "2027"],
    )


def table_sample() -> inspection_pb2.SampleTableResponse:
    """Return two rows of two columns, the second of them empty."""
    value = feature_pb2.FeatureValue
    missing = value(missing=feature_pb2.Missing())
    return inspection_pb2.SampleTableResponse(
        columns=["AMT", "KIND"],
        rows=[
            inspection_pb2.SampledRow(cells=[value(number=1_000_000.5), value(category="Cash loans")]),
            inspection_pb2.SampledRow(cells=[missing, missing]),
        ],
        rows_used=inspection_pb2.RowsUsed(total=1_716_428, used=2),
    )


def dataset_sample() -> inspection_pb2.SampleDatasetResponse:
    """Return two applicants with 15 features, the second without target or values."""
    value = feature_pb2.FeatureValue
    missing = value(missing=feature_pb2.Missing())
    return inspection_pb2.SampleDatasetResponse(
        columns=[f"F{place}" for place in range(15)],
        applicants=[
            inspection_pb2.SampledApplicant(applicant_id="100001", target=1, values=[value(number=0.25)] * 15),
            inspection_pb2.SampledApplicant(applicant_id="100002", values=[missing] * 15),
        ],
        rows_used=inspection_pb2.RowsUsed(total=2, used=2),
    )


def number_description() -> inspection_pb2.DescribeColumnResponse:
    """Return a column of 80 rows with three bins, the middle one empty."""
    numbers = inspection_pb2.NumberDescription(
        minimum=0,
        maximum=3,
        mean=1.5,
        standard_deviation=0.5,
        edges=[0, 1, 2, 3],
        counts=[40, 0, 20],
        infinite_count=10,
    )
    numbers.quantiles.add(share=0.5, value=0.75)
    return inspection_pb2.DescribeColumnResponse(
        rows_used=inspection_pb2.RowsUsed(total=5_000_000, used=1_000_000, truncated=True),
        missing_count=10,
        missing_share=0.125,
        distinct_count=33,
        numbers=numbers,
    )


def text_description() -> inspection_pb2.DescribeColumnResponse:
    """Return a column with one level apart and seven others."""
    texts = inspection_pb2.TextDescription(other_level_count=7, other_row_count=10)
    texts.levels.add(level="Cash loans", count=90)
    return inspection_pb2.DescribeColumnResponse(
        rows_used=inspection_pb2.RowsUsed(total=100, used=100), distinct_count=8, texts=texts
    )


def correlations() -> inspection_pb2.ListCorrelationsResponse:
    """Return one pair."""
    pair = inspection_pb2.Correlation(
        column="target", other_column="EXT_SOURCE_3", correlation=-0.21316, common_rows=4_025
    )
    used = inspection_pb2.RowsUsed(total=5_000, used=5_000)
    return inspection_pb2.ListCorrelationsResponse(correlations=[pair], rows_used=used, column_count=106)


def preview() -> inspection_pb2.PreviewCleaningResponse:
    """Return what options would do to the columns of the data set."""
    rule = dataset_pb2.CLEANING_RULE_MISSING_SHARE
    return inspection_pb2.PreviewCleaningResponse(
        feature_count=4,
        kept_feature_count=2,
        dropped_counts=[inspection_pb2.RuleCount(rule=rule, dropped_count=1)],
        columns=dataset().columns,
        rows_used=inspection_pb2.RowsUsed(total=246_009, used=12_970),
    )


def refusal(code: code_pb2.Code.ValueType, reason: str, message: str, *fields: tuple[str, str]) -> status_pb2.Status:
    """Return a status as the services send it, with an ErrorInfo and, for fields, a BadRequest."""
    details = [error_details_pb2.ErrorInfo(domain="counterfoil", reason=reason, metadata={"key": "value"})]
    if fields:
        violations = [error_details_pb2.BadRequest.FieldViolation(field=f, description=d) for f, d in fields]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    packed = [any_pb2.Any() for _ in details]
    for envelope, detail in zip(packed, details, strict=True):
        envelope.Pack(detail)
    return status_pb2.Status(code=code, message=message, details=packed)


def performance() -> performance_pb2.Performance:
    """Return the performance of a version whose outcomes are known of approved applicants, divided by a feature."""
    found = performance_pb2.Performance(model_version=VERSION, overall=_figures(1_000, 0.75))
    found.first_decision_time.FromJsonString("2026-03-01T12:00:00Z")
    found.last_decision_time.FromJsonString("2026-03-02T12:00:00Z")
    found.training.split, found.training.auc = "test", 0.81
    found.assumptions.add(
        premise=performance_pb2.PREMISE_LABELS_UNSELECTED,
        verdict=performance_pb2.PREMISE_VERDICT_DOUBTFUL,
        detail="outcomes are known of approved applicants alone",
        figure=0.0,
        bound=0.8,
    )
    sliced = found.slicings.add(name="CODE_GENDER")
    sliced.slices.add(label="F", figures=_figures(600, 0.8))
    sliced.slices.add(label="M", figures=performance_pb2.PerformanceFigures(rows=15, withheld=True))
    comparison = sliced.comparison
    comparison.reference, comparison.least_approved, comparison.most_approved = "F", "X", "F"
    comparison.impact_ratio = 0.75
    comparison.groups.add(label="F", approval_ratio=1.0, approval_rate_difference=0.0)
    comparison.groups.add(label="X", approval_ratio=0.75, approval_rate_difference=-0.2)
    return found


def _figures(rows: int, approval_rate: float) -> performance_pb2.PerformanceFigures:
    figures = performance_pb2.PerformanceFigures(
        rows=rows, labelled_count=400, approval_rate=approval_rate, label_coverage=0.4
    )
    realised = figures.realised
    realised.among, realised.auc, realised.cost = performance_pb2.LABELLED_AMONG_APPROVED_ONLY, 0.7123, 0.41
    for estimated in (figures.estimated, figures.estimated_labelled):
        estimated.rows = rows
        estimated.auc.value, estimated.auc.low, estimated.auc.high = 0.73, 0.71, 0.75
    return figures
