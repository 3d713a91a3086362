"""Why a request is denied, in the words AWS has for it. Source: auth-iam.md §4.9."""

from enum import StrEnum


class Reason(StrEnum):
    """Which kind of policy denies: for want of an Allow in it, or by a Deny in it."""

    ID_IMPLICIT = "ID_IMPLICIT"
    RP_IMPLICIT = "RP_IMPLICIT"
    PB_IMPLICIT = "PB_IMPLICIT"
    SP_IMPLICIT = "SP_IMPLICIT"
    SCP_IMPLICIT = "SCP_IMPLICIT"
    TRUST_IMPLICIT = "TRUST_IMPLICIT"
    ID_DENY = "ID_DENY"
    RP_DENY = "RP_DENY"
    PB_DENY = "PB_DENY"
    SP_DENY = "SP_DENY"
    SCP_DENY = "SCP_DENY"
    RCP_DENY = "RCP_DENY"
    TRUST_DENY = "TRUST_DENY"


SUFFIXES = {
    Reason.ID_IMPLICIT: "because no identity-based policy allows the {action} action",
    Reason.RP_IMPLICIT: "because no resource-based policy allows the {action} action",
    Reason.PB_IMPLICIT: "because no permissions boundary allows the {action} action",
    Reason.SP_IMPLICIT: "because no session policy allows the {action} action",
    Reason.SCP_IMPLICIT: "because no service control policy allows the {action} action",
    Reason.TRUST_IMPLICIT: "because no role trust policy allows the {action} action",
    Reason.ID_DENY: "with an explicit deny in an identity-based policy",
    Reason.RP_DENY: "with an explicit deny in a resource-based policy",
    Reason.PB_DENY: "with an explicit deny in a permissions boundary",
    Reason.SP_DENY: "with an explicit deny in a session policy",
    Reason.SCP_DENY: "with an explicit deny in a service control policy",
    Reason.RCP_DENY: "with an explicit deny in a resource control policy",
    Reason.TRUST_DENY: "with an explicit deny in the role trust policy",
}
"""What follows `… is not authorized to perform: {action} on resource: {resource}`."""

NEEDS = {
    Reason.ID_IMPLICIT: "an identity-based policy of {principal} that allows {action} on {resource}",
    Reason.RP_IMPLICIT: "a resource-based policy of account {owner} that allows it to {principal}",
    Reason.PB_IMPLICIT: "a permissions boundary that allows {action} on {resource}",
    Reason.SP_IMPLICIT: "a session policy that allows {action} on {resource}, or a session without one",
    Reason.SCP_IMPLICIT: "at every level a service control policy that allows {action} on {resource}",
    Reason.TRUST_IMPLICIT: "a trust policy of {resource} that allows it to {principal}",
}
"""What it would take, by what is missing."""
