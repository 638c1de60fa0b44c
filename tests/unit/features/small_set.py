"""A small set of features that uses every word of the specification, for tests of what the words mean."""

from shared.features.specification import (
    Aggregate,
    AmongLast,
    ApplicationSpecification,
    Binary,
    Derived,
    FeatureSpecification,
    HasLevel,
    HistorySpecification,
    Operation,
    Subset,
    Within,
)

SCORES = ("EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3")

_SUMMARIES: tuple[Operation, ...] = ("product", "sum", "mean", "min", "max", "std", "missing")

APPLICATION = ApplicationSpecification(
    numbers=("CODE_GENDER", "AMT_CREDIT", "AMT_ANNUITY", "DAYS_EMPLOYED", *SCORES),
    binaries=(Binary("CODE_GENDER", {"M": 0.0, "F": 1.0}),),
    categories=("OCCUPATION_TYPE",),
    derived=(
        *(Derived(f"SCORES_{operation.upper()}", operation, SCORES) for operation in _SUMMARIES),
        Derived("SCORES_WEIGHTED", "mean", SCORES, weights=(1.0, 2.0, 4.0)),
        Derived("TERM", "ratio", ("AMT_CREDIT", "AMT_ANNUITY")),
        Derived("LEFT", "difference", ("AMT_CREDIT", "AMT_ANNUITY")),
        Derived("BEYOND", "excess", ("AMT_CREDIT", "AMT_ANNUITY")),
        Derived("ANY_LEFT", "positive", ("LEFT",)),
        Derived("SCORE_TERM", "product", ("SCORES_MEAN", "TERM")),
    ),
    never=("DAYS_EMPLOYED",),
    dropped=("CODE_GENDER", "XNA"),
)

BUREAU = HistorySpecification(
    table="bureau",
    prefix="B_",
    numbers=(Aggregate("AMT_CREDIT_SUM", ("mean", "sum")), Aggregate("DEBT_PERC", ("mean",))),
    categories=("CREDIT_ACTIVE",),
    derived=(
        Derived("OWED", "difference", ("AMT_CREDIT_SUM_DEBT", "AMT_CREDIT_SUM_OVERDUE")),
        Derived("DEBT_PERC", "ratio", ("OWED", "AMT_CREDIT_SUM")),
    ),
    subsets=(
        Subset("B_ACTIVE_", (HasLevel("CREDIT_ACTIVE", "Active"),)),
        Subset(
            "B_RECENT_",
            (Within("DAYS_CREDIT", lowest=-1.0, highest=2.0),),
            numbers=(Aggregate("AMT_CREDIT_SUM", ("min", "max", "mean", "var")),),
            count=True,
        ),
        Subset(
            "B_LAST_",
            (AmongLast("DAYS_CREDIT", 1),),
            numbers=(Aggregate("DAYS_CREDIT", ("max", "nunique")),),
            categories=("CREDIT_ACTIVE",),
            count=True,
        ),
        Subset(
            "B_LAST3_OWING_",
            (AmongLast("DAYS_CREDIT", 3), HasLevel("CREDIT_ACTIVE", "Active"), Within("OWED", lowest=0.0)),
            numbers=(Aggregate("OWED", ("sum",)),),
        ),
    ),
)

SMALL = FeatureSpecification(
    application=APPLICATION,
    histories=(
        BUREAU,
        HistorySpecification("POS_CASH_balance", "P_", numbers=(Aggregate("SK_DPD", ("max",)),), count=True),
    ),
    combined=(
        Derived("B_RECENT_TREND", "difference", ("B_RECENT_AMT_CREDIT_SUM_MEAN", "B_AMT_CREDIT_SUM_MEAN")),
        Derived("RECORDS", "sum", ("B_RECENT_COUNT", "P_COUNT")),
        Derived("CREDIT_TREND", "ratio", ("AMT_CREDIT", "B_RECENT_TREND")),
    ),
)
