"""YAML files that people write, read as DVC reads them: `012` is twelve, and `yes` is a text."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.constructor import DuplicateKeyError


class YAMLProblem(ValueError):
    """The text is not YAML, or is YAML that would be read in another way than it looks."""


def read_yaml(path: Path) -> object:
    """The content of a YAML file; every mapping names each key once.

    FileNotFoundError if there is none; YAMLProblem in one sentence without the path otherwise.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise YAMLProblem("is not a file; put the file back")
    return parse_yaml(path.read_bytes())


def parse_yaml(content: bytes) -> object:
    """The content of YAML text as UTF-8; YAMLProblem as in `read_yaml`."""
    try:
        return YAML(typ="safe", pure=True).load(content.decode("utf-8-sig"))
    except DuplicateKeyError as error:
        key = str(error.problem).split('"')[1]
        line = error.problem_mark.line + 1
        raise YAMLProblem(f"line {line} names {key!r} a second time; remove one of them") from None
    except RecursionError:
        raise YAMLProblem("is nested too deeply; flatten it") from None
    # ValueError: an impossible date, or bytes that are not UTF-8
    except (YAMLError, ValueError) as error:
        raise YAMLProblem(f"is not YAML: {' '.join(str(error).split())}") from None
