"""The argument parser of the hrm- commands that Hydra does not configure."""

import argparse
from typing import Any, NoReturn

from puzzles.errors import UserError


class Parser(argparse.ArgumentParser):
    """Takes a mistake for a ValueError of one line, without the usage; description and epilog keep their lines."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help lists what there is")
