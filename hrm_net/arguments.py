"""The argument parser of the hrm- commands that Hydra does not configure."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Takes a mistake for a ValueError of one line, without the usage; description and epilog keep their lines."""

    def __init__(self, name: str, *, description: str, epilog: str) -> None:
        super().__init__(
            name, description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
        )

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; --help lists what there is")
