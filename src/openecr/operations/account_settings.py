"""GetAccountSetting, PutAccountSetting. Each holds for the registry of one region."""

from collections.abc import Collection

from openecr.domain.account_settings import VALUES
from openecr.errors import ValidationException
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation


@operation("ecr", resource=everything, inline=True)
def get_account_setting(call: Call) -> Output:
    """What a setting is, be it by default.

    Input   name
    Output  name, value
    Raises  ValidationException for a name that is none
    Source  advanced-features.md §1.2
    """
    name = _one_of(VALUES, call, "name")
    with call.reading() as db:
        value = db.account_settings.find(call.registry, name)
    return {"name": name, "value": VALUES[name][0] if value is None else value}


@operation("ecr", resource=everything)
def put_account_setting(call: Call) -> Output:
    """Change a setting. It holds from the next request on.

    Input   name, value
    Output  name, value
    Raises  ValidationException for a name or a value that is none
    Source  advanced-features.md §1.2
    """
    name = _one_of(VALUES, call, "name")
    value = _one_of(VALUES[name], call, "value")
    with call.transaction() as db:
        db.account_settings.put(call.registry, name, value)
    return {"name": name, "value": value}


def _one_of(known: Collection[str], call: Call, member: str) -> str:
    """A member of the input that must be one of those. Its model lists no values.

    Which error ECR raises is unknown; the words are those of an enumeration (control-plane.md §1.7).
    """
    given: str = call.input[member]
    if given not in known:
        raise ValidationException(
            f"Invalid parameter at '{member}' failed to satisfy constraint: "
            f"'Member must satisfy enum value set: [{', '.join(sorted(known))}]'"
        )
    return given
