"""Where a preset's files come from and what they say of themselves, in words and as a table."""

from __future__ import annotations

from experiments.models.presets import PRESETS, Preset

DIGITS = 12  # of a hash that presets.py has whole


def origin(preset: Preset) -> str:
    """What pins the files of a preset, in one sentence."""
    if split := preset.split:
        return (
            f"It was joined from {split.count} packages that a third party uploaded "
            f"({split.package}1 to {split.count}, version {split.version}) and is known by its "
            f"sha256 ({split.sha256[:DIGITS]}…); the file calls itself “{split.named}”."
        )
    if preset.repository is None:
        return "It comes from a package that is pinned by its hash."
    return f"It is {preset.repository} at the commit {preset.revision}."


def precision(preset: Preset) -> str:
    """In what precision the weights come, and what else a reader must know; may be empty."""
    if split := preset.split:
        quantised = f"Its weights were quantised to four bits and more ({split.quantisation})"
    elif preset.repository is None:
        quantised = "Its weights were quantised to four bits"
    else:
        return preset.remark
    return f"{quantised} and expanded once. {preset.remark}".strip()


def rows() -> list[tuple[str, ...]]:
    """Of each preset that comes in parts: name, parameters, licence, origin, the maker's own."""
    return [
        (
            f"`{name}`",
            f"{preset.parameters:,}",
            preset.licence,
            f"{origin(preset)} {precision(preset)}",
            f"`{preset.repository}` at `{preset.revision}`" + " (gated)" * preset.gated,
        )
        for name, preset in PRESETS.items()
        if preset.split is not None
    ]
