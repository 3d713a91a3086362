"""Operations that are there for users, for groups and for roles alike, under a name of each."""

from collections.abc import Callable, Mapping

from openecr.domain.principal import IdentityKind
from openecr.operations.call import Call, Output
from openecr.operations.context_keys import Value
from openecr.operations.gate import operation
from openecr.operations.iam.entities import NOUNS, named

ALL = tuple(IdentityKind)

Act = Callable[[Call, IdentityKind], Output]
Keys = Callable[[Call, IdentityKind], Mapping[str, Value]]


def of_each(
    name: str, kinds: tuple[IdentityKind, ...] = ALL, *, context: Keys | None = None
) -> Callable[[Act], Act]:
    """Make a function one operation of each kind: `Put{}Policy` is PutUserPolicy, PutGroupPolicy, …"""

    def register(act: Act) -> Act:
        for kind in kinds:
            _register(act, name.format(NOUNS[kind]), kind, context)
        return act

    return register


def _register(act: Act, name: str, kind: IdentityKind, context: Keys | None) -> None:
    def run(call: Call) -> Output:
        return act(call, kind)

    keys = None if context is None else lambda call: context(call, kind)
    operation("iam", name=name, resource=named(kind), context=keys)(run)
