"""What policies ask about a request: the context keys of their conditions and variables.

Who simulates a request asks this first: for these keys it needs values. Source: the service model.
"""

import re
from collections.abc import Iterable

from openecr.domain.principal import Identity, IdentityKind
from openecr.errors import InvalidInputException, MalformedPolicyDocumentException, NoSuchEntityException
from openecr.metadata.database import Transaction
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.iam.allowance import check_length, one_at_a_time
from openecr.policy.document import Kind, MalformedPolicy, Policy, context_keys, parse, parse_stored

SOURCE_ARN = re.compile(r"arn:aws:iam::[0-9]{12}:(user|group|role)/(?:.*/)?([^/]+)")


def policy_source(call: Call) -> list[str]:
    """The user, group or role whose policies the input names. Raises InvalidInputException."""
    arn = call.input["PolicySourceArn"]
    if not SOURCE_ARN.fullmatch(arn):
        raise InvalidInputException(f"ARN {arn} is not valid.")
    return [arn]


@operation("iam", resource=everything)
def get_context_keys_for_custom_policy(call: Call) -> Output:
    """The keys that the given policies ask for.

    Input   PolicyInputList (JSON texts)
    Output  ContextKeyNames, sorted, as they are written where they come first
    Raises  InvalidInputException, ThrottlingException
    """
    return {"ContextKeyNames": _keys(_given(call))}


@operation("iam", resource=policy_source)
def get_context_keys_for_principal_policy(call: Call) -> Output:
    """The keys that the policies in force for a user, a group or a role ask for, and those of more policies.

    Input   PolicySourceArn, PolicyInputList (JSON texts)
    Output  ContextKeyNames, sorted, as they are written where they come first
    Raises  InvalidInputException, NoSuchEntityException, ThrottlingException
    """
    with call.reading() as db:
        source = get_policy_source(call, db)
        documents = [document for _, document in db.identity_policies.in_force(source.id)]
    in_force = [parse_stored(document, Kind.IDENTITY) for document in documents]
    return {"ContextKeyNames": _keys([*in_force, *_given(call)])}


def get_policy_source(call: Call, db: Transaction) -> Identity:
    """Whom PolicySourceArn names. Raises NoSuchEntityException."""
    arn = call.input["PolicySourceArn"]
    written = SOURCE_ARN.fullmatch(arn)
    assert written is not None, "the gate has asked policy_source"
    kind, name = IdentityKind(written[1]), written[2]
    found = db.identities.find(call.caller.account, kind, name)
    if found is None or found.arn != arn:
        raise NoSuchEntityException(kind=kind, name=name)
    return found


def _given(call: Call) -> list[Policy]:
    """Those of PolicyInputList. Raises InvalidInputException, ThrottlingException."""
    texts = call.input.get("PolicyInputList", ())
    check_length(texts)
    with one_at_a_time():
        try:
            return [parse(text, Kind.IDENTITY) for text in texts]
        except MalformedPolicy:
            raise InvalidInputException(MalformedPolicyDocumentException.message) from None


def _keys(policies: Iterable[Policy]) -> list[str]:
    """The keys of policies, each once: their case does not count."""
    keys: dict[str, str] = {}
    for policy in policies:
        for key in sorted(context_keys(policy)):
            keys.setdefault(key.lower(), key)
    return sorted(keys.values(), key=str.lower)
