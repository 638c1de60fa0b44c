"""Measure the shapes of real tables into the parameter file of the synthesizer.

Usage: python -m shared.tables.fitting TABLES_DIR OUT.json

The file holds aggregates only: quantiles rounded to four significant digits and never further out than 20 rows from
either end, shares of levels of which those seen in fewer than 20 rows are written as if they were 10, correlations to
two decimals. The names of rare levels are kept, since every user of the tables knows them; rare numbers are not.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from scipy.special import ndtri
from scipy.stats import rankdata

from shared.tables.reading import open_tables
from shared.tables.synthetic.parameters import PROBABILITIES, Floats
from shared.tables.synthetic.shapes import SHAPES, Shape, TableShapes

Entry = dict[str, Any]

_FEWEST_ROWS: Final = 20
_RARE_SHARE: Final = 0.0005
_FEWEST_ROWS_OF_A_KIND: Final = 100
_MOST_NUMERIC_LEVELS: Final = 40
# Levels of the full tables that a sample may lack.
_PUBLIC_LEVELS: Final = {
    "CODE_GENDER": ("XNA",),
    "NAME_FAMILY_STATUS": ("Unknown",),
    "NAME_INCOME_TYPE": ("Businessman", "Maternity leave", "Student"),
}


def fit(directory: Path) -> Entry:
    """Return the parameters of the tables in a directory, which must all be there."""
    frames = {name: frame.collect() for name, frame in open_tables(directory).frames.items()}
    labels = frames["application_train"].select("SK_ID_CURR", "TARGET")
    frames["application"] = pl.concat([frames["application_train"].drop("TARGET"), frames["application_test"]])
    facts = _facts(frames)
    parameters = {}
    for table, shapes in SHAPES.items():
        frame = frames[table]
        if "SK_ID_CURR" in frame.columns:
            frame = frame.join(labels, on="SK_ID_CURR", how="left", maintain_order="left")
        parameters[table] = _fit_table(frame, shapes) | {"facts": facts.get(table, {})}
    for table in ("bureau", "previous_application"):
        parameters[table]["columns"]["ROWS_PER_CLIENT"] = _rows_per_client(frames["application"], frames[table])
    return parameters


def write(parameters: Mapping[str, Entry], path: Path) -> None:
    """Write the parameters as JSON with one column, and one row of a matrix, a line."""
    lines = []
    for table, entry in parameters.items():
        parts = [f'"{key}": {_block(value)}' for key, value in entry.items()]
        lines.append(f'"{table}": {{\n' + ",\n".join(parts) + "\n}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Measure the tables of the first argument into the file that the second names."""
    match sys.argv[1:]:
        case [directory, out]:
            write(fit(Path(directory)), Path(out))
        case _:
            sys.exit("usage: python -m shared.tables.fitting TABLES_DIR OUT.json")


def _block(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[\n" + ",\n".join(f" {json.dumps(row)}" for row in value) + "\n]"
    return json.dumps(value)


def _fit_table(frame: pl.DataFrame, shapes: TableShapes) -> Entry:
    columns = {name: _fit_column(name, frame, shape) for name, shape in shapes.shapes.items()}
    correlated = [name for name in shapes.correlated if len(columns[name].get("levels", "..")) > 1]
    return {
        "columns": columns,
        "correlated": correlated,
        "correlation": _correlation(frame, shapes, columns, correlated),
        "profile": list(shapes.profile),
        "profiles": _profiles(frame, shapes.profile),
    }


def _fit_column(name: str, frame: pl.DataFrame, shape: Shape) -> Entry:
    values = _values(frame, shape)
    pooled = _marginal(name, values)
    if shape.given is None:
        return pooled
    kinds = values.group_by("given").len().filter(pl.col("len") >= _FEWEST_ROWS_OF_A_KIND)["given"].drop_nulls()
    by = {kind: _marginal(name, values.filter(pl.col("given") == kind)) for kind in sorted(kinds)}
    return pooled | {"by": by}


def _values(frame: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    given = pl.lit(None, dtype=pl.String) if shape.given is None else shape.given
    ordered = set(shape.order.meta.root_names()) <= set(frame.columns)
    order = shape.order if ordered else pl.lit(None, dtype=pl.Float64)
    rows = frame if shape.where is None else frame.filter(shape.where)
    values = rows.select(value=shape.value, given=given, order=order)
    if not values["value"].dtype.is_float():
        return values
    finite = pl.when(pl.col("value").is_finite()).then(pl.col("value"))
    return values.with_columns(value=finite)


def _marginal(name: str, values: pl.DataFrame) -> Entry:
    known = values.drop_nulls("value")
    missing = _missing_share(values.height - known.height, values.height)
    if known["value"].dtype == pl.String:
        return {"missing": missing, **_text_levels(name, known)}
    if known.height < _FEWEST_ROWS:
        return {"missing": 1.0, "levels": [0.0], "shares": [1.0]}
    numbers = known["value"].cast(pl.Float64)
    if numbers.n_unique() <= _MOST_NUMERIC_LEVELS and (numbers == numbers.round()).all():
        return {"missing": missing, **_numeric_levels(numbers)}
    return {"missing": missing, "grid": _grid(numbers)}


def _grid(numbers: pl.Series) -> list[float]:
    edge = min(_FEWEST_ROWS / len(numbers), 0.5)
    return [float(f"{x:.4g}") for x in np.quantile(numbers.to_numpy(), np.clip(PROBABILITIES, edge, 1 - edge))]


def _missing_share(missing: int, rows: int) -> float:
    return _level_share(missing, rows) if missing else 0.0


def _text_levels(name: str, known: pl.DataFrame) -> Entry:
    """Return the levels by their mean order; those too rare to have one stand where the mean of all rows is."""
    overall = known["order"].mean()
    counted = known.group_by("value").agg(pl.len(), order=pl.col("order").mean())
    counted = counted.with_columns(order=pl.when(pl.col("len") >= _FEWEST_ROWS).then("order").fill_null(overall))
    counted = counted.sort("order", "value")
    shares = [_level_share(count, known.height) for count in counted["len"]]
    unseen = [level for level in _PUBLIC_LEVELS.get(name, ()) if level not in counted["value"]]
    return {"levels": counted["value"].to_list() + unseen, "shares": shares + [_RARE_SHARE] * len(unseen)}


def _numeric_levels(numbers: pl.Series) -> Entry:
    counted = numbers.value_counts().rename({numbers.name: "value"}).sort("value")
    frequent = counted.filter(pl.col("count") >= _FEWEST_ROWS)
    return {
        "levels": frequent["value"].to_list(),
        "shares": [_level_share(count, len(numbers)) for count in frequent["count"]],
    }


def _level_share(count: int, rows: int) -> float:
    return _rounded(count / rows) if count >= _FEWEST_ROWS else _RARE_SHARE


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _correlation(
    frame: pl.DataFrame, shapes: TableShapes, columns: Mapping[str, Entry], correlated: Iterable[str]
) -> list[list[float]]:
    """Return the lower triangle (with the diagonal) of the correlations of normal scores, pairwise complete."""
    scores = [_normal_scores(frame, shapes.shapes[name], columns[name]) for name in correlated]
    if not scores:
        return []
    matrix = np.column_stack(scores)
    seen = (~np.isnan(matrix)).astype(float)
    filled = np.nan_to_num(matrix)
    rows, sums, squares = seen.T @ seen, filled.T @ seen, (filled**2).T @ seen
    spread = np.sqrt(np.maximum(rows * squares - sums**2, 1e-12))
    correlation = (rows * (filled.T @ filled) - sums * sums.T) / (spread * spread.T)
    # What rounds to -0.0 on one processor rounds to 0.0 on another, whose sums end in other bits; adding 0.0 makes one.
    return [[round(float(x), 2) + 0.0 for x in correlation[i, : i + 1]] for i in range(len(scores))]


def _normal_scores(frame: pl.DataFrame, shape: Shape, column: Entry) -> Floats:
    value = shape.value if shape.where is None else pl.when(shape.where).then(shape.value)
    values = frame.select(value=value)["value"]
    if values.dtype == pl.String:
        order = {level: float(position) for position, level in enumerate(column["levels"])}
        values = values.replace_strict(order, default=None, return_dtype=pl.Float64)
    numbers = values.cast(pl.Float64).to_numpy()
    scores = np.full(len(numbers), np.nan)
    seen = np.isfinite(numbers)
    scores[seen] = ndtri((rankdata(numbers[seen]) - 0.5) / max(int(seen.sum()), 1))
    return scores


def _profiles(frame: pl.DataFrame, columns: tuple[str, ...]) -> list[list[Any]]:
    if not columns:
        return []
    counted = frame.drop_nulls(columns).group_by(columns).len().filter(pl.col("len") >= _FEWEST_ROWS)
    return [[*row[:-1], _rounded(row[-1] / frame.height)] for row in counted.sort(columns).rows()]


def _rows_per_client(applications: pl.DataFrame, table: pl.DataFrame) -> Entry:
    counts = table.group_by("SK_ID_CURR").len("value")
    rows = applications.select("SK_ID_CURR").join(counts, on="SK_ID_CURR", how="left").fill_null(0)
    return {"missing": 0.0, "grid": _grid(rows["value"].cast(pl.Float64))}


def _facts(frames: Mapping[str, pl.DataFrame]) -> dict[str, dict[str, float]]:
    bureau, previous = frames["bureau"], frames["previous_application"]
    covered = bureau.join(frames["bureau_balance"], on="SK_ID_BUREAU", how="semi")
    pos = frames["POS_CASH_balance"]
    facts: dict[str, dict[str, Any]] = {
        "bureau_balance": {"clients": covered["SK_ID_CURR"].n_unique() / bureau["SK_ID_CURR"].n_unique()},
        "POS_CASH_balance": {"orphans": _orphans(pos, previous), "overdue": (pos["SK_DPD"] > 0).mean()},
        "credit_card_balance": _card_facts(frames["credit_card_balance"], previous),
    }
    return {table: {name: _rounded(value) for name, value in entry.items()} for table, entry in facts.items()}


def _card_facts(months: pl.DataFrame, previous: pl.DataFrame) -> dict[str, Any]:
    """Return the share of cards ever used and, of the months of those, shares of what happened."""
    positive = pl.col("AMT_BALANCE") > 0
    used = months.filter(positive.any().over("SK_ID_PREV"))
    owing = used.filter(positive)
    return {
        "orphans": _orphans(months, previous),
        "used": used["SK_ID_PREV"].n_unique() / months["SK_ID_PREV"].n_unique(),
        "owing": owing.height / used.height,
        "unknown_drawings": months.select(pl.col("AMT_DRAWINGS_ATM_CURRENT").is_null().mean()).item(),
        "no_limit": months.select((pl.col("AMT_CREDIT_LIMIT_ACTUAL") == 0).mean()).item(),
        "paid": owing.select((pl.col("AMT_PAYMENT_TOTAL_CURRENT") > 0).mean()).item(),
        "atm_drawn": owing.select((pl.col("AMT_DRAWINGS_ATM_CURRENT") > 0).mean()).item(),
        "pos_drawn": owing.select((pl.col("AMT_DRAWINGS_POS_CURRENT") > 0).mean()).item(),
        "overdue": (owing["SK_DPD"] > 0).mean(),
    }


def _orphans(table: pl.DataFrame, previous: pl.DataFrame) -> float:
    contracts = table.select("SK_ID_PREV").unique()
    return contracts.join(previous, on="SK_ID_PREV", how="anti").height / contracts.height


if __name__ == "__main__":
    main()
