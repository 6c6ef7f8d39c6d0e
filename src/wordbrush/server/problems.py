"""What a client is told when a request cannot be done: a status, one sentence, and when to come back."""

from wordbrush.errors import WordbrushError


class Problem(WordbrushError):
    """A request that ends with an HTTP status; `retry_after` is in seconds, for a server that is busy."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        """Say what is wrong, and what to do."""
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
