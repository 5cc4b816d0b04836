"""Where the program starts: the version is told before anything is imported that takes time."""

from __future__ import annotations

import sys

from builder import __version__


def main() -> None:
    """Runs the command line, as `build-catalog` and `python -m builder`."""
    if sys.argv[1:] == ["--version"]:
        print(f"build-catalog, version {__version__}")  # noqa: T201  what click prints, without click
        return
    from builder.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
