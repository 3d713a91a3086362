"""One evaluation of a request: what it looks at, and what that costs."""

from typing import TYPE_CHECKING

from openecr.policy.effort import Effort
from openecr.policy.request import AccessRequest

if TYPE_CHECKING:
    from openecr.policy.document import Candidates, Policy


class Inquiry(Effort):
    __slots__ = ("_has_guessed", "keys", "request", "resource_part")

    def __init__(self, request: AccessRequest, steps: int | None = None) -> None:
        super().__init__(steps)
        self._has_guessed = False
        self.request = request
        self.resource_part = request.resource.split(":", 5)[-1]  # the last part of the ARN
        self.keys: set[str] = set()  # of the context, looked at: the outcome depends on no others

    def look_up(self, key: str) -> str | tuple[str, ...] | None:
        """The value of a context key, given in lower case; None where the request has none.
        Raises TooMuchWork."""
        self.keys.add(key)
        self.spend(5)
        return self.request.context.get(key)

    def candidates(self, policy: "Policy") -> "Candidates":
        """The statements of a policy that mean the action."""
        found = policy.candidates(self.request.action)
        self._has_guessed |= found.is_cut_off
        return found

    @property
    def is_cut_off(self) -> bool:
        """Whether work was left undone, here or when the statements that mean the action were told."""
        return self._has_guessed or self.is_used_up
