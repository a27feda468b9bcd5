"""Repositories to compare."""

import pytest

from tests.revisions.repository import CLAIMS, EFFECTS, Repository, printed


@pytest.fixture
def bare(tmp_path, monkeypatch, capsys) -> Repository:
    """No commit yet."""
    return Repository(tmp_path, monkeypatch, capsys)


@pytest.fixture
def repository(bare) -> Repository:
    """One commit with claims, effects and three printed numbers in two documents."""
    bare.write("results/effects.csv", EFFECTS)
    bare.write("results/claims.csv", CLAIMS)
    bare.prints(*printed())
    bare.commit()
    return bare
