"""The command line: which commands there are. Each is a file in `builder.commands`, which print and set exit codes.

Exit codes: 0 clean, 1 the content has errors (with --strict: or warnings), 2 wrong usage or settings, 3 nothing to
build, 4 an optional dependency is missing, 130 stopped with Ctrl-C or by SIGTERM.
"""

from __future__ import annotations

import importlib
import io
import signal
import sys
import threading

import click

from builder import __version__

COMMANDS = {
    "build": "build",
    "check": "check",
    "diff": "diff",
    "export": "export",
    "import": "import_",
    "init": "init",
    "match": "match",
    "new": "new",
    "run": "run",
    "schema": "schema",
    "serve": "serve",
    "serve-model": "serve_model",
    "verify": "verify",
}
"""The names of the commands and of their modules, each of which has the command under the module's own name."""


class _Commands(click.Group):
    """Loads a command when it is asked for; `build-catalog [SOURCE]` is `build-catalog build [SOURCE]`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in COMMANDS and args[0] not in ("--help", "-h", "--version")):
            args = ["build", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"builder.commands.{name}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="build-catalog")
def main() -> None:
    """Turn a folder of model files in YAML into a validated static STAC catalog with model cards.

    With no command, the catalog is built, with the options of `build`.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or pipe of another encoding shows `\u2192` where it has no arrow, instead of failing.
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        # As Ctrl-C does, so that nothing half-made and no process of a pool stays.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


if __name__ == "__main__":
    main()
