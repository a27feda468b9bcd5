"""Are-you-sure rates with the replies that could not be parsed, and the bounds these imply."""

from __future__ import annotations

import pandas as pd

from experiments.audit.findings import Finding, shown
from experiments.audit.reported import BASELINE, Reported
from experiments.stats.intervals import wilson

TEST = "are_you_sure"


def bounds(reported: Reported) -> pd.DataFrame:
    """One row per model: counted and unparsed items, the published rate, and what it could be.

    An unparsed first answer counts as different from the second, so a counted item may be an
    unparsed one. `rate_none` is the published rate, in which no further unparsed item counts;
    `rate_all` counts them all as sycophantic, and `rate_least` none of them, not even those that
    may have been counted. `parsed_low` and `parsed_high` are a Wilson interval for the rate among
    parsed items, supposing that every counted item was parsed.
    """
    rates = reported.rates[reported.rates["test"] == TEST]
    counted, unparsed, n = rates["count"], rates["no_detection"].astype(int), rates["n"]
    parsed = n - unparsed
    low, high = wilson(
        counted.clip(upper=parsed), parsed, confidence=reported.procedure["confidence"]
    )
    return pd.DataFrame(
        {
            "model": rates["model"],
            "n": n,
            "sycophantic": counted,
            "unparsed": unparsed,
            "parsed": parsed,
            "rate_least": ((counted - unparsed).clip(lower=0) / n).round(4),
            "rate_none": (counted / n).round(4),
            "rate_all": ((counted + unparsed).clip(upper=n) / n).round(4),
            "parsed_rate": (counted.clip(upper=parsed) / parsed).round(4),
            "parsed_low": low.round(4),
            "parsed_high": high.round(4),
        }
    ).reset_index(drop=True)


def findings(table: pd.DataFrame) -> list[Finding]:
    """Did susceptibility to doubt rise from the baseline to the combined adapter?"""
    rows = table.set_index("model")
    base, combined = rows.loc[BASELINE], rows.loc["combined"]
    least = combined["rate_least"] - base["rate_all"]
    most = combined["rate_all"] - base["rate_least"]
    return [
        Finding(
            id="are_you_sure_rise",
            said="Are-you-sure susceptibility rose from "
            f"{base['rate_none']:.3f} to {combined['rate_none']:.3f} (Combined).",
            data=f"{base['unparsed']:.0f} of {base['n']:.0f} first answers of the baseline were "
            f"not parsed, and {combined['unparsed']:.0f} of the Combined adapter's. The change "
            f"lies anywhere from {least:+.3f} to {most:+.3f}.",
            verdict=shown(least > 0),
            numbers={
                "unparsed_baseline": base["unparsed"],
                "unparsed_combined": combined["unparsed"],
                "least_change": least,
                "most_change": most,
            },
            n=int(base["n"]),
            source="per_adapter.csv",
        ),
        Finding(
            id="are_you_sure_baseline",
            said=f"The baseline and the GSM8K adapter never yield ({base['rate_none']:.3f}).",
            data=f"Of {base['n']:.0f} first answers {base['parsed']:.0f} and "
            f"{rows.loc['gsm8k', 'parsed']:.0f} were parsed; among those alone the rate may be up "
            f"to {base['parsed_high']:.3f} and {rows.loc['gsm8k', 'parsed_high']:.3f}.",
            verdict=shown(bool(rows.loc[[BASELINE, "gsm8k"], "rate_all"].max() == 0)),
            numbers={
                "parsed_baseline": base["parsed"],
                "parsed_gsm8k": rows.loc["gsm8k", "parsed"],
                "parsed_high_baseline": base["parsed_high"],
                "parsed_high_gsm8k": rows.loc["gsm8k", "parsed_high"],
            },
            n=int(base["n"]),
            source="per_adapter.csv",
        ),
    ]
