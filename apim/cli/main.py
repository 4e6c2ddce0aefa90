"""Arguments, and which command they ask for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from apim.cli.exits import Exit, Stop
from apim.cli.offline import diff_files, lint_file
from apim.cli.reports import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """\
exit codes: 0 fine; 1 findings or changes at or above the threshold, or refused by the platform;
2 wrong usage or unreadable input; 3 the platform does not answer as agreed.
check, upload and publish read the platform's address from --server or APIM_SERVER, and the access
token from APIM_TOKEN only.
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    try:
        values = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    try:
        report, code = values.run(values)
        _write(report, values.output)
    except Stop as stop:
        sys.stderr.write(f"apim: {stop}\n")
        return int(stop.code)
    except BrokenPipeError:
        return int(Exit.FINE)
    return int(code)


def _write(report: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(report)
        sys.stdout.flush()
        return
    try:
        output.write_text(report, encoding="utf-8")
    except OSError as error:
        raise Stop(Exit.USAGE, f"{output} cannot be written: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="apim",
        description="Judge, compare and publish descriptions of APIs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_lint(commands)
    _add_diff(commands)
    _add_check(commands)
    _add_upload(commands)
    _add_publish(commands)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--output", type=Path, help="write the report to this file")
    return command


def _add_format(command: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    command.add_argument("--format", choices=formats, default="text", help="default: text")


def _add_lint(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(commands, "lint", "Judge a description by rules, offline.")
    command.add_argument("file", type=Path)
    command.add_argument(
        "--ruleset",
        action="append",
        metavar="FILE|NAME",
        help="a ruleset's file, or the name of a built-in one; may be repeated (default: all "
        "built-in ones)",
    )
    _add_format(command)
    command.add_argument(
        "--fail-on",
        choices=("error", "warn", "info", "hint", "never"),
        default="error",
        help="the mildest severity that fails; default: error",
    )
    command.set_defaults(run=lint_file)


def _add_diff(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(commands, "diff", "Tell what changes for callers, offline.")
    command.add_argument("old", type=Path)
    command.add_argument("new", type=Path)
    _add_format(command, (*FORMATS, "markdown"))
    command.add_argument(
        "--fail-on",
        choices=("breaking", "risky", "compatible", "never"),
        default="breaking",
        help="the mildest change that fails; default: breaking",
    )
    command.set_defaults(run=diff_files)


def _remote(name: str) -> object:
    """The HTTP client is imported only by the commands that need it."""

    def run(values: argparse.Namespace) -> tuple[str, Exit]:
        from apim.cli import remote  # noqa: PLC0415 - see above

        chosen: tuple[str, Exit] = getattr(remote, name)(values)
        return chosen

    return run


def _add_server(command: argparse.ArgumentParser) -> None:
    command.add_argument("--server", help="the platform's address; default: APIM_SERVER")
    command.add_argument(
        "--version", required=True, metavar="ID", help="public id of the API version"
    )


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "Ask a platform what it would say of publishing a description. Nothing is kept."
    command = _command(commands, "check", text)
    command.add_argument("file", type=Path)
    _add_server(command)
    command.add_argument(
        "--transition", help="publish, publish_revision, deprecate…; default: publishing"
    )
    command.add_argument("--sunset-on", metavar="DATE", help="for a deprecation, YYYY-MM-DD")
    _add_format(command)
    command.set_defaults(run=_remote("check"))


def _add_upload(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _command(commands, "upload", "Upload a description as a new revision.")
    command.add_argument("file", type=Path)
    _add_server(command)
    command.add_argument("--note", default="", help="what changed, for colleagues")
    _add_format(command, ("text", "json"))
    command.set_defaults(run=_remote("upload"))


def _add_publish(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "Publish a revision: a new one from a file, or one that was uploaded before."
    command = _command(commands, "publish", text)
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("file", type=Path, nargs="?")
    source.add_argument("--revision", type=int, help="number of an uploaded revision")
    _add_server(command)
    command.add_argument("--note", default="", help="what changed, for colleagues")
    command.add_argument(
        "--acknowledge-breaking", action="store_true", help="publish although callers break"
    )
    _add_format(command, ("text", "json"))
    command.set_defaults(run=_remote("publish"))
