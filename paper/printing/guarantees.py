"""What was simulated and tried of the verdicts: coverage, families of tests, trivial policies."""

from __future__ import annotations

import pandas as pd

from experiments.claims import Claims
from experiments.stats.claims import (
    CONTRADICTED,
    INCONCLUSIVE,
    NO_VERDICT,
    NOT_MEASURED,
    SUPPORTED,
)
from printing.labels import FAMILIES
from printing.report import Report
from printing.sentences import listed

SHORT = {
    SUPPORTED: "yes",
    CONTRADICTED: "no",
    INCONCLUSIVE: "·",
    NO_VERDICT: "none",
    NOT_MEASURED: "–",
}
CASE = ["case", "varies"]


def coverage(report: Report) -> pd.DataFrame:
    """One row per simulated case: sizes, the interval in use, and those that it took over from.

    coverage, low and high are of the size at which the interval in use covers least; `others` has
    the least coverage of each other method, in words.
    """
    table = report.frame("coverage")
    of_case = dict(list(table.groupby(CASE, sort=False)))
    rows = []
    for rows_of in of_case.values():
        used = rows_of["in_use"].astype(str) == "True"
        worst = rows_of[used].loc[rows_of[used]["coverage"].idxmin()]
        least = rows_of[~used].groupby("method", sort=False)["coverage"].min()
        others = listed((f"{name.replace('_', ' ')} {one:.1%}" for name, one in least.items()), "–")
        row = worst.to_dict() | {"method": worst["method"].replace("_", " ")}
        row |= {"sizes": ", ".join(map(str, sorted(set(rows_of["n"])))), "others": others}
        rows.append(row | {"falls": "" if str(worst["enough"]) == "True" else "**too low**"})
    return pd.DataFrame(rows)


def coverage_table(report: Report) -> str:
    """The same as Markdown."""
    columns = {
        "Simulated": "{case}",
        "Drawn anew": "{varies}",
        "n": "{sizes}",
        "Interval in use": "{method}",
        "Least coverage": "{coverage:.1%} [{low:.1%}, {high:.1%}]",
        "": "{falls}",
        "Least of the others": "{others}",
    }
    return report.table(coverage(report), columns, "coverage", [*CASE, "method"])


def coverage_in_words(report: Report) -> str:
    """In how many cases the interval in use covers enough, and in which it does not."""
    rows = coverage(report)
    low = rows[rows["falls"] != ""]
    few = report.count("coverage.too low", len(low))
    every = report.count("coverage.cases", len(rows))
    if low.empty:
        return f"In all {every} cases the intervals in use cover enough at every size."
    names = report.phrase("coverage.too low, cases", listed(low["case"]))
    return (
        f"In {few} of {every} cases the interval in use covers too rarely at one size or more: "
        f"{names}. Where differences are like these, an interval says less than it seems to."
    )


def familywise_table(report: Report) -> str:
    """How often a family of tests errs, by rule and correction."""
    columns = {
        "Tests take into account": "{rule}",
        "Correction": "{correction}",
        "Tests": "{effects:.0f}",
        "n": "{n:.0f}",
        "Seeds": "{seeds:.0f}",
        "Any false finding": "{error:.1%} [{low:.1%}, {high:.1%}]",
    }
    return report.table(report.frame("familywise"), columns, "familywise", ["rule", "correction"])


def policies_table(report: Report) -> str:
    """Claims × policies, whole: what each policy would be said to have shown."""
    table = report.frame("policies")
    names = list(dict.fromkeys(table["policy"]))
    rows = []
    for claim, of_claim in table.groupby("id", sort=False):
        row = {"claim": claim.replace("-", " ")}  # words, which a narrow column can break
        for one in of_claim.itertuples():
            said = SHORT[one.verdict]
            if one.verdict == SUPPORTED:
                said = said if str(one.allowed) == "True" else "**wrongly**"
            row[one.policy] = report.phrase(f"policies[id={claim},policy={one.policy}]", said)
        rows.append(row)
    columns = {"Claim": "{claim}"} | {policy_heading(name): f"{{{name}}}" for name in names}
    return report.table(pd.DataFrame(rows, columns=["claim", *names]), columns, "", [])


def policy_heading(policy: str) -> str:
    """The name of a policy as a heading: "Always A"."""
    return " ".join(
        word.upper() if len(word) == 1 else word for word in policy.capitalize().split("_")
    )


def families_table(report: Report, stated: Claims) -> str:
    """Each family of claims: what it is about, and how many claims share its correction."""
    rows = [
        {
            "family": FAMILIES[name],
            "about": family.about,
            "claims": sum(claim.family == name for claim in stated.claims),
        }
        for name, family in stated.families.items()
    ]
    columns = {"Family": "{family}", "About": "{about}", "Claims": "{claims:.0f}"}
    return report.table(pd.DataFrame(rows), columns, "claims.yaml", ["family"])


def margins_table(report: Report, stated: Claims) -> str:
    """Every margin and threshold other than zero: its size, its reason, and its claims."""
    found: dict[tuple, list[str]] = {}
    for claim in stated.claims:
        for part in claim.tested:
            size = part.margin or part.threshold
            if size:
                what = next(
                    f"`{part.estimand[name]}`"
                    for name in ("measure", "quantity", "coefficient")
                    if name in part.estimand
                )
                found.setdefault((what, part.direction, size, part.because), []).append(claim.id)
    rows = [
        {"what": what, "direction": direction, "size": size, "because": because,
         "claims": listed(f"`{name}`" for name in dict.fromkeys(names))}
        for (what, direction, size, because), names in found.items()
    ]  # fmt: skip
    columns = {
        "Measure": "{what}",
        "Direction": "{direction}",
        "Margin or threshold": "{size:g}",
        "Because": "{because}",
        "Claims": "{claims}",
    }
    return report.table(pd.DataFrame(rows), columns, "claims.yaml", ["what", "direction", "size"])
