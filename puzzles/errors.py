"""The error that tells users what is wrong with what they gave."""


class UserError(ValueError):
    """A mistake in something that a user gave: a value, a file, a puzzle.

    The message is one line that names what is wrong and what is allowed. Commands print it and exit with code 2. Any
    other exception is a defect of this package: it keeps its traceback and the command exits with code 1.
    """
