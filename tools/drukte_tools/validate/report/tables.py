"""The report's figures as CSV, one row for each figure of each stratum."""

import csv
import io
from typing import Any, Final

FIGURES: Final = (
    ("count_mae", "person"),
    ("count_bias", "person"),
    ("total_ratio", "1"),
    ("share_within_1_or_20_percent", "1"),
    ("gain_over_constant", "person"),
)
HEAD: Final = (
    "order", "device", "zone", "stratum_kind", "stratum", "figure", "unit", "value", "low_95", "high_95", "pictures",
    "blocks", "mean_counted", "constant_mae",
)  # fmt: skip


def csv_table(found: dict[str, Any]) -> str:
    """The table; numbers that the pictures do not tell are empty."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEAD)
    for row in [{"by": "all", "name": "all", **found["overall"]}, *found["strata"]]:
        for name, unit in FIGURES:
            e = row[name]
            numbers = [e["value"], e["low"], e["high"]]
            table.writerow(
                [found["order"], found["device"], found["zone"], row["by"], row["name"], name, unit]
                + ["" if n is None else f"{n:.6g}" for n in numbers]
                + [row["pictures"], row["blocks"], f"{row['mean_counted']:.6g}", f"{row['constant_mae']:.6g}"]
            )
    return out.getvalue()
