"""One exception class per kind of failure; each message names the cause and the remedy."""

import errno
import re
import signal
import sys
from collections.abc import Callable
from types import TracebackType


class ReportError(Exception):
    """A failure the user can mend. Stages print it as one sentence and exit with status 1."""


class ParameterError(ReportError):
    """params.yaml holds an unknown key or an impossible value."""


class DataError(ReportError):
    """A data file is missing, malformed, or not the one that is pinned."""


class DownloadError(ReportError):
    """A pinned file could not be downloaded."""


class ModelError(ReportError):
    """A model or adapter is missing, gated, the wrong revision, or too large for this machine."""


class TrainingError(ReportError):
    """Training could not start or produced a loss that is not a number."""


class OutcomeError(ReportError):
    """Outcomes are missing, incomplete, or from other code, data or parameters."""


class JudgeError(ReportError):
    """The Claude judge cannot be asked, refuses, or would cost more than allowed."""


class PipelineError(ReportError):
    """A stage of the pipeline failed; its own message stands above."""


class ArchiveError(ReportError):
    """A run cannot be kept: its name, or results that are incomplete or not of the parameters."""


class RenderError(ReportError):
    """A document uses something unsupported, or a reference or number does not resolve."""


# What mends a failure of the system, by its number; others get the general advice.
REMEDIES = {
    errno.ENOSPC: "Free space on the disk",
    errno.EDQUOT: "Free space within the quota",
    errno.EFBIG: "Raise the limit on the size of files",
    errno.EACCES: "Mend the permissions",
    errno.EPERM: "Mend the permissions",
    errno.EROFS: "Make the disk writable",
    errno.ENOENT: "Make the folder that is missing, or mend the path",
    errno.ENOTDIR: "Move away the file that stands where a folder belongs",
    errno.EISDIR: "Move away the folder that stands where a file belongs",
    errno.EEXIST: "Move away what stands there",
    errno.ENAMETOOLONG: "Choose a shorter name",
}
INTERRUPTED = "Interrupted. Finished work is kept; run the same command again to go on."


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`; print a ReportError as one sentence and exit with status 1.

    SIGTERM, with which schedulers end a job, leaves by the same way as Ctrl-C: files that are being
    written are put in order first.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        main()
    except ReportError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except OSError as error:
        sys.exit(with_remedy(error, error.errno))
    except Exception as error:
        # safetensors has a class of its own for what the system refuses
        refused = re.search(r"\(os error (\d+)\)$", str(error))
        if refused is None:
            raise
        sys.exit(with_remedy(error, int(refused[1])))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)


def with_remedy(error: Exception, number: int | None) -> str:
    """A failure of the system in one sentence, with what mends an error of this number."""
    remedy = REMEDIES.get(number, "Mend what the system names")
    return (
        f"{type(error).__name__}: {error}. {remedy} and run the same command again; finished work "
        "is kept."
    )


def one_sentence_for_interrupts() -> None:
    """Have an interruption outside of `run_stage`, while modules load, be one sentence too."""
    usual = sys.excepthook

    def hook(kind: type, error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(INTERRUPTED, file=sys.stderr)
        else:
            usual(kind, error, trace)

    sys.excepthook = hook
