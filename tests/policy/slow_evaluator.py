"""A second evaluator, slow and plain, written from the documentation alone: it shares no code and no idea
with the engine, so that the two can be held against each other.

It works on documents as they are (decoded JSON), compiles nothing and remembers nothing. Sources: the
IAM user guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators", "… Principal",
"… Variables and tags"; in short auth-iam.md §4.1–4.8.
"""

import base64
import ipaddress
from datetime import UTC, datetime
from fractions import Fraction

UNREADABLE = object()
AWS_PRINCIPALS = ("Account", "User", "AssumedRole", "FederatedUser")


def decide(request, documents):
    """ "ALLOW", or the reason of the denial.

    documents  by kind: "identity", "resource", "service control", … each a list of documents; "boundary"
               and "trust" one document or None; "session" a list or None; the levels of "service control"
               and "resource control" are lists of lists
    """
    principal = request.principal
    is_aws = principal.type in AWS_PRINCIPALS
    control = documents["service control"] if is_aws else []
    trust, resource = documents["trust"], documents["resource"]
    if trust is not None:
        resource = [trust]
    boundary = [] if documents["boundary"] is None else [documents["boundary"]]
    session = documents["session"] or []

    # "An explicit deny in any policy overrides any allows."
    if any(denies(request, each) for level in control for each in level):
        return "SCP_DENY"
    if any(denies(request, each) for level in documents["resource control"] for each in level):
        return "RCP_DENY"
    if any(denies(request, each) for each in resource):
        return "TRUST_DENY" if trust is not None else "RP_DENY"
    if any(denies(request, each) for each in documents["identity"]):
        return "ID_DENY"
    if any(denies(request, each) for each in boundary):
        return "PB_DENY"
    if any(denies(request, each) for each in session):
        return "SP_DENY"

    # Every level of the organisation has to allow.
    for level in control:
        if not any(allows(request, each) for each in level):
            return "SCP_IMPLICIT"

    ways = {way for each in resource for way in ways_allowed(request, each)}
    identity_allows = principal.type == "Account" or any(
        allows(request, each) for each in documents["identity"]
    )
    boundary_allows = not boundary or allows(request, boundary[0])
    session_allows = documents["session"] is None or any(allows(request, each) for each in session)
    missing_on_resource = "TRUST_IMPLICIT" if trust is not None else "RP_IMPLICIT"

    if not is_aws:
        return "ALLOW" if ways else missing_on_resource
    if trust is not None and not ways:
        return "TRUST_IMPLICIT"
    if principal.account != request.resource_account:
        if not ways:
            return missing_on_resource
    elif "itself" in ways:
        return "ALLOW"
    elif "role" in ways:
        identity_allows = True
    if not identity_allows:
        return "ID_IMPLICIT"
    if not boundary_allows:
        return "PB_IMPLICIT"
    if not session_allows:
        return "SP_IMPLICIT"
    return "ALLOW"


def denies(request, document):
    return any(each["Effect"] == "Deny" and applies(request, document, each) for each in statements(document))


def allows(request, document):
    return any(
        each["Effect"] == "Allow" and applies(request, document, each) for each in statements(document)
    )


def ways_allowed(request, document):
    """How a resource's policy allows the principal: as "itself", by its "role", by its "account"."""
    return {
        way_named(request.principal, each["Principal"])
        for each in statements(document)
        if each["Effect"] == "Allow" and applies(request, document, each)
    }


def statements(document):
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def applies(request, document, statement):
    return (
        action_matches(request, statement)
        and resource_matches(request, document, statement)
        and principal_matches(request, statement)
        and conditions_hold(request, document, statement)
    )


# Action and resource


def action_matches(request, statement):
    if "NotAction" in statement:
        return not any(is_action(request.action, each) for each in as_list(statement["NotAction"]))
    return any(is_action(request.action, each) for each in as_list(statement["Action"]))


def is_action(action, pattern):
    if pattern == "*":
        return True
    wanted, given = pattern.lower().split(":"), action.lower().split(":")
    return glob(wanted[0], given[0]) and glob(wanted[1], given[1])


def resource_matches(request, document, statement):
    if "NotResource" in statement:
        listed = as_list(statement["NotResource"])
        return not any(is_resource(request, document, each) for each in listed)
    if "Resource" in statement:
        return any(is_resource(request, document, each) for each in as_list(statement["Resource"]))
    return True


def is_resource(request, document, pattern):
    if pattern == "*":
        return True
    filled = substitute(request, document, pattern)
    return filled is not None and arn_glob(filled, request.resource)


def arn_glob(pattern, text):
    """Each of the six parts on its own. The pattern is a list of characters and wildcards."""
    parts, texts = split_at_colons(pattern), text.split(":", 5)
    return len(parts) == len(texts) == 6 and all(map(glob, parts, texts))


def split_at_colons(pattern):
    parts = [[]]
    for each in pattern:
        if each == ":" and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(each)
    return parts


def glob(pattern, text):
    """A pattern is text, or a list of characters in which ("*",) and ("?",) are the wildcards."""
    if isinstance(pattern, str):
        pattern = [(each,) if each in "*?" else each for each in pattern]
    if not pattern:
        return not text
    first, rest = pattern[0], pattern[1:]
    if first == ("*",):
        return glob(rest, text) or (text != "" and glob(pattern, text[1:]))
    return text != "" and first in (("?",), text[0]) and glob(rest, text[1:])


# Principals


def principal_matches(request, statement):
    principal = request.principal
    if "Principal" in statement:
        return way_named(principal, statement["Principal"]) is not None
    if "NotPrincipal" in statement:
        return not is_exempt(principal, statement["NotPrincipal"])
    return True


def way_named(principal, element):
    if element == "*":
        return "itself"
    if principal.type == "WebIdentity":
        host = principal.arn.split("oidc-provider/")[-1]
        providers = as_list(element.get("Federated", []))
        return "itself" if principal.arn in providers or host in providers else None
    if "*" in as_list(element.get("AWS", [])):
        return "itself"
    if principal.type == "Anonymous":
        return None
    if principal.type == "Service":
        return "itself" if principal.arn in as_list(element.get("Service", [])) else None
    listed = as_list(element.get("AWS", []))
    if principal.type == "Account":
        return "itself" if names_account(principal, listed) else None
    if principal.arn in listed or (principal.type == "User" and principal.id in listed):
        return "itself"
    if principal.type == "AssumedRole" and names_role(principal, listed):
        return "role"
    return "account" if names_account(principal, listed) else None


def names_account(principal, listed):
    return principal.account in listed or f"arn:aws:iam::{principal.account}:root" in listed


def names_role(principal, listed):
    return principal.role_arn in listed or principal.id.split(":")[0] in listed


def is_exempt(principal, element):
    """All of the principal's chain must be listed: account, role and session; or account and user."""
    if element == "*":
        return True
    if principal.type not in AWS_PRINCIPALS:
        return way_named(principal, element) == "itself"
    listed = as_list(element.get("AWS", []))
    if "*" in listed:
        return True
    chain = [names_account(principal, listed)]
    if principal.type == "AssumedRole":
        chain += [names_role(principal, listed), principal.arn in listed]
    elif principal.type == "User":
        chain.append(principal.arn in listed or principal.id in listed)
    elif principal.type == "FederatedUser":
        chain.append(principal.arn in listed)
    return all(chain)


# Variables


def substitute(request, document, text):
    """The text as characters and wildcards, its variables filled in; None where one has no value."""
    if document.get("Version", "2008-10-17") != "2012-10-17":
        return [(each,) if each in "*?" else each for each in text]
    result, rest = [], text
    while rest:
        if not rest.startswith("${"):
            result.append((rest[0],) if rest[0] in "*?" else rest[0])
            rest = rest[1:]
            continue
        name, _, rest = rest[2:].partition("}")
        if name in ("*", "?", "$"):
            result.append(name)
            continue
        key, comma, default = name.partition(",")
        value = value_of(request, key)
        if not isinstance(value, str):
            if not comma:
                return None
            value = default.strip().strip("'")
        result += value
    return result


def value_of(request, key):
    return {name.lower(): value for name, value in request.context.items()}.get(key.lower())


# Conditions


def conditions_hold(request, document, statement):
    return all(
        condition_holds(request, document, operator, key, as_list(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def condition_holds(request, document, operator, key, wanted):
    set_operator, _, name = operator.rpartition(":")
    given = value_of(request, key)
    values = [] if given is None else [given] if isinstance(given, str) else list(given)
    wanted = [as_text(each) for each in wanted]
    if name == "Null":
        return str(not values).lower() in [each.lower() for each in wanted]

    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    is_negated = "Not" in name
    if not values:
        if if_exists:
            return True
        if set_operator:
            return set_operator == "ForAllValues"
        return is_negated

    def satisfies(value):
        if not is_readable(name, value):
            return False
        return is_negated != any(compares(request, document, name, value, each) for each in wanted)

    if set_operator == "ForAllValues" or (not set_operator and is_negated):
        return all(satisfies(value) for value in values)
    return any(satisfies(value) for value in values)


def is_readable(name, value):
    if name.startswith("Numeric"):
        return as_number(value) is not UNREADABLE
    if name.startswith("Date"):
        return as_moment(value) is not UNREADABLE
    if name == "Bool":
        return value.lower() in ("true", "false")
    if name == "BinaryEquals":
        return as_bytes(value) is not UNREADABLE
    if "IpAddress" in name:
        return as_address(value) is not UNREADABLE
    if name.startswith("Arn"):
        return len(value.split(":")) >= 6
    return True


def compares(request, document, name, value, wanted):
    """Whether the request's value and one of the policy's compare as the operator says, Not left aside."""
    positive = name.replace("Not", "")
    if positive in ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"):
        pattern = substitute(request, document, wanted)
        if pattern is None:
            return False
        if positive == "StringLike":
            return glob(pattern, value)
        if positive.startswith("Arn"):
            return arn_glob(pattern, value)
        text = "".join(each[0] if isinstance(each, tuple) else each for each in pattern)
        return text.lower() == value.lower() if positive == "StringEqualsIgnoreCase" else text == value
    if positive == "Bool":
        return wanted.lower() == value.lower()
    if positive == "BinaryEquals":
        return as_bytes(wanted) == as_bytes(value)
    if positive == "IpAddress":
        network, address = ipaddress.ip_network(wanted, strict=False), as_address(value)
        return network.version == address.version and address in network
    read = as_number if positive.startswith("Numeric") else as_moment
    left, right = read(value), read(wanted)
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left <= right,
        "GreaterThan": left > right,
        "GreaterThanEquals": left >= right,
    }[positive.removeprefix("Numeric").removeprefix("Date")]


def as_number(text):
    try:
        return Fraction(text)
    except ValueError:
        return UNREADABLE


def as_moment(text):
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return UNREADABLE
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def as_bytes(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return UNREADABLE


def as_address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return UNREADABLE


def as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_list(value):
    return value if isinstance(value, list) else [value]
