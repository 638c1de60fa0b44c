"""The 771 features of the public reference script for the Home Credit tables."""

from shared.features.specification import (
    Aggregate,
    Aggregation,
    ApplicationSpecification,
    Binary,
    Derived,
    FeatureSpecification,
    HasLevel,
    HistorySpecification,
    Rollup,
    Subset,
)

_MEAN: tuple[Aggregation, ...] = ("mean",)
_SUM: tuple[Aggregation, ...] = ("sum",)
_MAX_MEAN: tuple[Aggregation, ...] = ("max", "mean")
_MEAN_SUM: tuple[Aggregation, ...] = ("mean", "sum")
_MIN_MAX_MEAN: tuple[Aggregation, ...] = ("min", "max", "mean")
_MAX_MEAN_SUM: tuple[Aggregation, ...] = ("max", "mean", "sum")
_MIN_MAX_MEAN_VAR: tuple[Aggregation, ...] = ("min", "max", "mean", "var")
_MAX_MEAN_SUM_VAR: tuple[Aggregation, ...] = ("max", "mean", "sum", "var")
_MIN_MAX_MEAN_SUM: tuple[Aggregation, ...] = ("min", "max", "mean", "sum")
_MIN_MAX_MEAN_SUM_VAR: tuple[Aggregation, ...] = ("min", "max", "mean", "sum", "var")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HOUSING = _names("""
    APARTMENTS BASEMENTAREA YEARS_BEGINEXPLUATATION YEARS_BUILD COMMONAREA ELEVATORS ENTRANCES FLOORSMAX FLOORSMIN
    LANDAREA LIVINGAPARTMENTS LIVINGAREA NONLIVINGAPARTMENTS NONLIVINGAREA
""")

_APPLICATION = ApplicationSpecification(
    numbers=(
        *_names("""
            CODE_GENDER FLAG_OWN_CAR FLAG_OWN_REALTY CNT_CHILDREN AMT_INCOME_TOTAL AMT_CREDIT AMT_ANNUITY
            AMT_GOODS_PRICE REGION_POPULATION_RELATIVE DAYS_BIRTH DAYS_EMPLOYED DAYS_REGISTRATION DAYS_ID_PUBLISH
            OWN_CAR_AGE FLAG_MOBIL FLAG_EMP_PHONE FLAG_WORK_PHONE FLAG_CONT_MOBILE FLAG_PHONE FLAG_EMAIL
            CNT_FAM_MEMBERS REGION_RATING_CLIENT REGION_RATING_CLIENT_W_CITY HOUR_APPR_PROCESS_START
            REG_REGION_NOT_LIVE_REGION REG_REGION_NOT_WORK_REGION LIVE_REGION_NOT_WORK_REGION REG_CITY_NOT_LIVE_CITY
            REG_CITY_NOT_WORK_CITY LIVE_CITY_NOT_WORK_CITY EXT_SOURCE_1 EXT_SOURCE_2 EXT_SOURCE_3
        """),
        *(f"{column}_{measure}" for measure in ("AVG", "MODE", "MEDI") for column in _HOUSING),
        *_names("""
            TOTALAREA_MODE OBS_30_CNT_SOCIAL_CIRCLE DEF_30_CNT_SOCIAL_CIRCLE OBS_60_CNT_SOCIAL_CIRCLE
            DEF_60_CNT_SOCIAL_CIRCLE DAYS_LAST_PHONE_CHANGE
        """),
        *(f"FLAG_DOCUMENT_{number}" for number in range(2, 22)),
        *(f"AMT_REQ_CREDIT_BUREAU_{span}" for span in ("HOUR", "DAY", "WEEK", "MON", "QRT", "YEAR")),
    ),
    binaries=(
        Binary("CODE_GENDER", {"M": 0.0, "F": 1.0}),
        Binary("FLAG_OWN_CAR", {"N": 0.0, "Y": 1.0}),
        Binary("FLAG_OWN_REALTY", {"Y": 0.0, "N": 1.0}),
    ),
    categories=_names("""
        NAME_CONTRACT_TYPE NAME_TYPE_SUITE NAME_INCOME_TYPE NAME_EDUCATION_TYPE NAME_FAMILY_STATUS
        NAME_HOUSING_TYPE OCCUPATION_TYPE WEEKDAY_APPR_PROCESS_START ORGANIZATION_TYPE FONDKAPREMONT_MODE
        HOUSETYPE_MODE WALLSMATERIAL_MODE EMERGENCYSTATE_MODE
    """),
    derived=(
        Derived("DAYS_EMPLOYED_PERC", "ratio", ("DAYS_EMPLOYED", "DAYS_BIRTH")),
        Derived("INCOME_CREDIT_PERC", "ratio", ("AMT_INCOME_TOTAL", "AMT_CREDIT")),
        Derived("INCOME_PER_PERSON", "ratio", ("AMT_INCOME_TOTAL", "CNT_FAM_MEMBERS")),
        Derived("ANNUITY_INCOME_PERC", "ratio", ("AMT_ANNUITY", "AMT_INCOME_TOTAL")),
        Derived("PAYMENT_RATE", "ratio", ("AMT_ANNUITY", "AMT_CREDIT")),
    ),
    never=("DAYS_EMPLOYED",),
    dropped=("CODE_GENDER", "XNA"),
)

_BUREAU = HistorySpecification(
    table="bureau",
    prefix="BURO_",
    numbers=(
        Aggregate("DAYS_CREDIT", _MIN_MAX_MEAN_VAR),
        Aggregate("DAYS_CREDIT_ENDDATE", _MIN_MAX_MEAN),
        Aggregate("DAYS_CREDIT_UPDATE", _MEAN),
        Aggregate("CREDIT_DAY_OVERDUE", _MAX_MEAN),
        Aggregate("AMT_CREDIT_MAX_OVERDUE", _MEAN),
        Aggregate("AMT_CREDIT_SUM", _MAX_MEAN_SUM),
        Aggregate("AMT_CREDIT_SUM_DEBT", _MAX_MEAN_SUM),
        Aggregate("AMT_CREDIT_SUM_OVERDUE", _MEAN),
        Aggregate("AMT_CREDIT_SUM_LIMIT", _MEAN_SUM),
        Aggregate("AMT_ANNUITY", _MAX_MEAN),
        Aggregate("CNT_CREDIT_PROLONG", _SUM),
    ),
    categories=("CREDIT_ACTIVE", "CREDIT_CURRENCY", "CREDIT_TYPE"),
    subsets=(
        Subset("ACTIVE_", (HasLevel("CREDIT_ACTIVE", "Active"),)),
        Subset("CLOSED_", (HasLevel("CREDIT_ACTIVE", "Closed"),)),
    ),
    rollup=Rollup(
        history=HistorySpecification(
            table="bureau_balance",
            prefix="",
            key="SK_ID_BUREAU",
            numbers=(Aggregate("MONTHS_BALANCE", ("min", "max", "size")),),
            categories=("STATUS",),
        ),
        numbers=(
            Aggregate("MONTHS_BALANCE_MIN", ("min",)),
            Aggregate("MONTHS_BALANCE_MAX", ("max",)),
            Aggregate("MONTHS_BALANCE_SIZE", _MEAN_SUM),
        ),
    ),
)

_PREVIOUS = HistorySpecification(
    table="previous_application",
    prefix="PREV_",
    never=("DAYS_FIRST_DRAWING", "DAYS_FIRST_DUE", "DAYS_LAST_DUE_1ST_VERSION", "DAYS_LAST_DUE", "DAYS_TERMINATION"),
    derived=(Derived("APP_CREDIT_PERC", "ratio", ("AMT_APPLICATION", "AMT_CREDIT")),),
    numbers=(
        Aggregate("AMT_ANNUITY", _MIN_MAX_MEAN),
        Aggregate("AMT_APPLICATION", _MIN_MAX_MEAN),
        Aggregate("AMT_CREDIT", _MIN_MAX_MEAN),
        Aggregate("APP_CREDIT_PERC", _MIN_MAX_MEAN_VAR),
        Aggregate("AMT_DOWN_PAYMENT", _MIN_MAX_MEAN),
        Aggregate("AMT_GOODS_PRICE", _MIN_MAX_MEAN),
        Aggregate("HOUR_APPR_PROCESS_START", _MIN_MAX_MEAN),
        Aggregate("RATE_DOWN_PAYMENT", _MIN_MAX_MEAN),
        Aggregate("DAYS_DECISION", _MIN_MAX_MEAN),
        Aggregate("CNT_PAYMENT", _MEAN_SUM),
    ),
    categories=_names("""
        NAME_CONTRACT_TYPE WEEKDAY_APPR_PROCESS_START FLAG_LAST_APPL_PER_CONTRACT NAME_CASH_LOAN_PURPOSE
        NAME_CONTRACT_STATUS NAME_PAYMENT_TYPE CODE_REJECT_REASON NAME_TYPE_SUITE NAME_CLIENT_TYPE
        NAME_GOODS_CATEGORY NAME_PORTFOLIO NAME_PRODUCT_TYPE CHANNEL_TYPE NAME_SELLER_INDUSTRY NAME_YIELD_GROUP
        PRODUCT_COMBINATION
    """),
    subsets=(
        Subset("APPROVED_", (HasLevel("NAME_CONTRACT_STATUS", "Approved"),)),
        Subset("REFUSED_", (HasLevel("NAME_CONTRACT_STATUS", "Refused"),)),
    ),
)

_POINT_OF_SALE = HistorySpecification(
    table="POS_CASH_balance",
    prefix="POS_",
    numbers=(
        Aggregate("MONTHS_BALANCE", ("max", "mean", "size")),
        Aggregate("SK_DPD", _MAX_MEAN),
        Aggregate("SK_DPD_DEF", _MAX_MEAN),
    ),
    categories=("NAME_CONTRACT_STATUS",),
    count=True,
)

_INSTALMENTS = HistorySpecification(
    table="installments_payments",
    prefix="INSTAL_",
    derived=(
        Derived("PAYMENT_PERC", "ratio", ("AMT_PAYMENT", "AMT_INSTALMENT")),
        Derived("PAYMENT_DIFF", "difference", ("AMT_INSTALMENT", "AMT_PAYMENT")),
        Derived("DPD", "excess", ("DAYS_ENTRY_PAYMENT", "DAYS_INSTALMENT")),
        Derived("DBD", "excess", ("DAYS_INSTALMENT", "DAYS_ENTRY_PAYMENT")),
    ),
    numbers=(
        Aggregate("NUM_INSTALMENT_VERSION", ("nunique",)),
        Aggregate("DPD", _MAX_MEAN_SUM),
        Aggregate("DBD", _MAX_MEAN_SUM),
        Aggregate("PAYMENT_PERC", _MAX_MEAN_SUM_VAR),
        Aggregate("PAYMENT_DIFF", _MAX_MEAN_SUM_VAR),
        Aggregate("AMT_INSTALMENT", _MAX_MEAN_SUM),
        Aggregate("AMT_PAYMENT", _MIN_MAX_MEAN_SUM),
        Aggregate("DAYS_ENTRY_PAYMENT", _MAX_MEAN_SUM),
    ),
    count=True,
)

_CARD_COLUMNS = _names("""
    MONTHS_BALANCE AMT_BALANCE AMT_CREDIT_LIMIT_ACTUAL AMT_DRAWINGS_ATM_CURRENT AMT_DRAWINGS_CURRENT
    AMT_DRAWINGS_OTHER_CURRENT AMT_DRAWINGS_POS_CURRENT AMT_INST_MIN_REGULARITY AMT_PAYMENT_CURRENT
    AMT_PAYMENT_TOTAL_CURRENT AMT_RECEIVABLE_PRINCIPAL AMT_RECIVABLE AMT_TOTAL_RECEIVABLE CNT_DRAWINGS_ATM_CURRENT
    CNT_DRAWINGS_CURRENT CNT_DRAWINGS_OTHER_CURRENT CNT_DRAWINGS_POS_CURRENT CNT_INSTALMENT_MATURE_CUM SK_DPD
    SK_DPD_DEF
""")

_CREDIT_CARD = HistorySpecification(
    table="credit_card_balance",
    prefix="CC_",
    numbers=tuple(Aggregate(column, _MIN_MAX_MEAN_SUM_VAR) for column in _CARD_COLUMNS),
    categories=("NAME_CONTRACT_STATUS",),
    category_functions=_MIN_MAX_MEAN_SUM_VAR,
    count=True,
)

REFERENCE = FeatureSpecification(
    application=_APPLICATION, histories=(_BUREAU, _PREVIOUS, _POINT_OF_SALE, _INSTALMENTS, _CREDIT_CARD)
)
