"""The reference features as a straightforward translation of the pandas side into Polars: lazy group-bys, joins."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from benchmarks.pandas_features import ALL, BUREAU, CLIENT, INSTALMENTS, NEVER, POINT_OF_SALE, PREVIOUS, Functions

Levels = Mapping[str, Sequence[str]]


def build(directory: Path, file_format: str) -> pl.DataFrame:
    """Return one row per application: SK_ID_CURR, TARGET and the 771 features."""
    features = _applications(directory, file_format)
    for part in (_bureau, _previous, _point_of_sale, _instalments, _credit_card):
        features = features.join(part(directory, file_format), on=CLIENT, how="left")
    return features


def _scan(directory: Path, file_format: str, table: str) -> tuple[pl.LazyFrame, Levels]:
    """Return the table and the levels of its text columns, sorted."""
    path = directory / f"{table}.{file_format}"
    frame = pl.scan_csv(path, infer_schema_length=None) if file_format == "csv" else pl.scan_parquet(path)
    texts = [name for name, kind in frame.collect_schema().items() if not kind.is_numeric()]
    found = frame.select(pl.col(name).cast(pl.String).drop_nulls().unique().implode() for name in texts).collect()
    return frame, {name: sorted(found[name][0]) for name in texts}


def _one_hots(levels: Levels, functions: Sequence[str]) -> Iterator[tuple[str, pl.Expr]]:
    for column, names in levels.items():
        for level in (*names, None):
            there = pl.col(column).is_null() if level is None else pl.col(column).eq_missing(level)
            for function in functions:
                name = f"{column}_{'nan' if level is None else level}_{function.upper()}"
                yield name, getattr(there.cast(pl.Float64), function)()


def _numbers(functions: Functions) -> Iterator[tuple[str, pl.Expr]]:
    for column, names in functions.items():
        for function in names:
            value = pl.col(column).cast(pl.Float64)
            name = f"{column}_{function.upper()}"
            if function == "size":
                yield name, pl.len().cast(pl.Float64)
            elif function == "nunique":
                yield name, value.drop_nulls().n_unique().cast(pl.Float64)
            else:
                yield name, getattr(value, function)()


def _aggregate(
    frame: pl.LazyFrame,
    key: str,
    functions: Functions,
    prefix: str,
    levels: Levels | None = None,
    *,
    level_functions: Sequence[str] = ("mean",),
) -> pl.DataFrame:
    measures = [*_numbers(functions), *_one_hots(levels or {}, level_functions)]
    return frame.group_by(key).agg(value.alias(f"{prefix}{name}") for name, value in measures).collect()


def _with_subsets(
    frame: pl.LazyFrame, whole: pl.DataFrame, functions: Functions, subsets: Mapping[str, pl.Expr]
) -> pl.DataFrame:
    for prefix, chosen in subsets.items():
        whole = whole.join(_aggregate(frame.filter(chosen), CLIENT, functions, prefix), on=CLIENT, how="left")
    return whole


def _count(prefix: str, frame: pl.LazyFrame, features: pl.DataFrame) -> pl.DataFrame:
    counted = frame.group_by(CLIENT).agg(pl.len().cast(pl.Float64).alias(f"{prefix}COUNT")).collect()
    return features.join(counted, on=CLIENT, how="left")


def _ratio(left: str, right: str) -> pl.Expr:
    ratio = pl.col(left) / pl.col(right)
    return pl.when(ratio.is_finite()).then(ratio)


def _applications(directory: Path, file_format: str) -> pl.DataFrame:
    tables = [_scan(directory, file_format, f"application_{name}")[0] for name in ("train", "test")]
    frame = pl.concat([table.with_columns(pl.col(pl.Enum).cast(pl.String)) for table in tables], how="diagonal")
    rows = frame.filter(pl.col("CODE_GENDER").ne_missing("XNA")).collect()
    codes = {
        "CODE_GENDER": {"M": 0.0, "F": 1.0},
        "FLAG_OWN_CAR": {"N": 0.0, "Y": 1.0},
        "FLAG_OWN_REALTY": {"Y": 0.0, "N": 1.0},
    }
    rows = rows.with_columns(pl.col(name).replace_strict(code, default=None) for name, code in codes.items())
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    employed = pl.when(pl.col("DAYS_EMPLOYED") != NEVER).then(pl.col("DAYS_EMPLOYED"))
    rows = rows.with_columns(employed.alias("DAYS_EMPLOYED"))
    return rows.with_columns(
        *(
            (pl.col(name) == level).fill_null(value=False).cast(pl.Float64).alias(f"{name}_{level}")
            for name in texts
            for level in sorted(rows[name].drop_nulls().unique())
        ),
        _ratio("DAYS_EMPLOYED", "DAYS_BIRTH").alias("DAYS_EMPLOYED_PERC"),
        _ratio("AMT_INCOME_TOTAL", "AMT_CREDIT").alias("INCOME_CREDIT_PERC"),
        _ratio("AMT_INCOME_TOTAL", "CNT_FAM_MEMBERS").alias("INCOME_PER_PERSON"),
        _ratio("AMT_ANNUITY", "AMT_INCOME_TOTAL").alias("ANNUITY_INCOME_PERC"),
        _ratio("AMT_ANNUITY", "AMT_CREDIT").alias("PAYMENT_RATE"),
    ).drop(texts)


def _bureau(directory: Path, file_format: str) -> pl.DataFrame:
    balance, states = _scan(directory, file_format, "bureau_balance")
    monthly = {"MONTHS_BALANCE": ["min", "max", "size"]}
    per_credit = _aggregate(balance, "SK_ID_BUREAU", monthly, "", states)
    bureau, levels = _scan(directory, file_format, "bureau")
    joined = bureau.join(per_credit.lazy(), on="SK_ID_BUREAU", how="left")
    shares = {f"STATUS_{state}_MEAN": ["mean"] for state in (*states["STATUS"], "nan")}
    features = _aggregate(joined, CLIENT, {**BUREAU, **shares}, "BURO_", levels)
    subsets = {f"{level.upper()}_": pl.col("CREDIT_ACTIVE") == level for level in ("Active", "Closed")}
    return _with_subsets(joined, features, BUREAU, subsets)


def _previous(directory: Path, file_format: str) -> pl.DataFrame:
    previous, levels = _scan(directory, file_format, "previous_application")
    rows = previous.with_columns(_ratio("AMT_APPLICATION", "AMT_CREDIT").alias("APP_CREDIT_PERC"))
    features = _aggregate(rows, CLIENT, PREVIOUS, "PREV_", levels)
    subsets = {f"{level.upper()}_": pl.col("NAME_CONTRACT_STATUS") == level for level in ("Approved", "Refused")}
    return _with_subsets(rows, features, PREVIOUS, subsets)


def _point_of_sale(directory: Path, file_format: str) -> pl.DataFrame:
    rows, levels = _scan(directory, file_format, "POS_CASH_balance")
    return _count("POS_", rows, _aggregate(rows, CLIENT, POINT_OF_SALE, "POS_", levels))


def _instalments(directory: Path, file_format: str) -> pl.DataFrame:
    frame, _ = _scan(directory, file_format, "installments_payments")
    days_late = pl.col("DAYS_ENTRY_PAYMENT") - pl.col("DAYS_INSTALMENT")
    rows = frame.with_columns(
        _ratio("AMT_PAYMENT", "AMT_INSTALMENT").alias("PAYMENT_PERC"),
        (pl.col("AMT_INSTALMENT") - pl.col("AMT_PAYMENT")).alias("PAYMENT_DIFF"),
        days_late.clip(lower_bound=0).fill_null(0).alias("DPD"),
        (-days_late).clip(lower_bound=0).fill_null(0).alias("DBD"),
    )
    return _count("INSTAL_", rows, _aggregate(rows, CLIENT, INSTALMENTS, "INSTAL_"))


def _credit_card(directory: Path, file_format: str) -> pl.DataFrame:
    rows, levels = _scan(directory, file_format, "credit_card_balance")
    numbers = [name for name in rows.collect_schema() if name not in {*levels, CLIENT, "SK_ID_PREV"}]
    features = _aggregate(rows, CLIENT, dict.fromkeys(numbers, ALL), "CC_", levels, level_functions=ALL)
    return _count("CC_", rows, features)
