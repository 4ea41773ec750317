"""The `modeldeck` command: parse a line, run its verb, and turn every failure into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from console.usage import HelpShown, Opening, UsageError, asks_for_all, only_opening, whole_help
from store.errors import ModeldeckError, Refused, StorageUnwritable, WorkFailed

if TYPE_CHECKING:
    from console.output import Output

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; no traceback leaves here unless MODELDECK_DEBUG=1."""
    if argv is None:
        _speak_utf8()
    arguments = list(sys.argv[1:] if argv is None else argv)
    _have_streams()
    _never_fail_to_encode()
    if asks_for_all(arguments):
        return _show(whole_help())
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except HelpShown as shown:
        return _show(shown.text)
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        _output(arguments).note("interrupted")
        return INTERRUPTED
    except ModeldeckError as error:
        return _fail(error, arguments)
    except OSError as error:
        return _fail(_of_system(error), arguments)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return _fail(WorkFailed(f"an error of ours: {said}", "MODELDECK_DEBUG=1 shows where"), arguments)
    return code


def _output(arguments: list[str]) -> Output:
    from console.output import Output  # late: the console opens without it

    return Output(as_json="--json" in arguments)


def _run(arguments: list[str]) -> int:
    opening = only_opening(arguments)
    if opening is not None:
        return _open_console(opening)
    from console.parser import opening_said, parse

    invocation = parse(arguments)
    if invocation is None:
        return _open_console(opening_said(arguments))
    from console.commands.session import Session

    session = Session(invocation, _output(arguments), os.environ)
    session.refuse_local_change()
    module, name = invocation.verb.run.split(":")
    run: Callable[[Session], int] = getattr(importlib.import_module(module), name)
    return run(session)


def _open_console(said: Opening) -> int:
    from console.commands.place import place_of

    place = place_of(said.folder, said.deck, os.environ)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the console needs a terminal", "what serves: modeldeck pulse; every verb: modeldeck --help")
    run = importlib.import_module("console.app").run
    return int(run(place, read_only=said.read_only))


def _fail(error: ModeldeckError, arguments: list[str]) -> int:
    if os.environ.get("MODELDECK_DEBUG") == "1":
        raise error
    try:
        _output(arguments).error(error)
    except BrokenPipeError:
        return _reader_left()
    return error.exit_code


def _of_system(error: OSError) -> ModeldeckError:
    where = f": {error.filename}" if error.filename else ""
    said = f"{error.strerror or error}{where}"
    if error.errno in (13, 28, 30):  # not permitted, no space left, read-only
        return StorageUnwritable(said, "see: modeldeck doctor")
    return Refused(said) if error.filename else WorkFailed(said)


def _show(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    return 0


def _reader_left() -> int:
    """Whoever reads our output had enough; keep the interpreter from complaining at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _have_streams() -> None:
    """Put nothing where a stream was closed before we began, as under `>&-`; Python has None there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (for the process's life)


def _speak_utf8() -> None:
    """Begin anew in UTF-8 mode under a locale of another encoding, where names of files would not survive.

    What it starts, the daemon among them, inherits the mode.
    """
    if sys.flags.utf8_mode or sys.getfilesystemencoding() == "utf-8":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 (our own command line)


def _never_fail_to_encode() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
