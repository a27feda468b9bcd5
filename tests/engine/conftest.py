import pytest

from experiments.params import Engine
from tests.engine import tiny


@pytest.fixture(scope="session", params=list(tiny.CONFIGS))
def any_model(request):
    return tiny.language_model(request.param)


@pytest.fixture(scope="session")
def llama():
    return tiny.language_model("llama")


@pytest.fixture
def settings():
    return Engine(token_budget=128, row_tokens=32, cache_gib=0.001, generation_slots=3, threads=1)
