"""The answer of one line to a request that cannot be met."""


class Refusal(Exception):
    """A request that gets an answer of one line instead of what it asked for."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, " ".join(reason.split()), retry_after
