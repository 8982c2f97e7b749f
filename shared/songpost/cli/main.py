"""The command's door: words in, an exit code out (0 done, 1 refused or failed, 2 bad usage or bad settings).

Every command lives in a room of its own that is imported when it is asked for. A named error is printed as one
line on standard error; anything else is a fault of Songpost and says where to report it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from songpost.cli.commands import COMMANDS
from songpost.cli.words import parser
from songpost.errors import SongpostError

Command = Callable[[argparse.Namespace, Mapping[str, str]], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = parser(COMMANDS).parse_args(argv)
    environ = with_dotenv(dict(os.environ), Path(".env"))
    try:
        command: Command = getattr(import_module(f"songpost.cli.{words.room}"), words.command)
        return command(words, environ)
    except SongpostError as error:
        print(f"songpost: {error.name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("songpost: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (`songpost actions | head`): there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def with_dotenv(environ: dict[str, str], path: Path) -> dict[str, str]:
    """Add what `.env` says and the environment does not."""
    if not path.is_file():
        return environ
    from dotenv import dotenv_values

    told = {key: value for key, value in dotenv_values(path, interpolate=False).items() if value is not None}
    return {**told, **environ}


if __name__ == "__main__":
    sys.exit(main())
