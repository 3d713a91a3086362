"""One evaluation of a request: what it looks at, and what that costs."""

from openecr.policy.effort import Effort
from openecr.policy.request import AccessRequest


class Inquiry(Effort):
    __slots__ = ("keys", "request", "resource_part")

    def __init__(self, request: AccessRequest) -> None:
        super().__init__()
        self.request = request
        self.resource_part = request.resource.split(":", 5)[-1]  # the last part of the ARN
        self.keys: set[str] = set()  # of the context, looked at: the outcome depends on no others

    def look_up(self, key: str) -> str | tuple[str, ...] | None:
        """The value of a context key, given in lower case; None where the request has none.
        Raises TooMuchWork."""
        self.keys.add(key)
        self.spend(5)
        return self.request.context.get(key)
