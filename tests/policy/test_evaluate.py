"""Who must allow, beyond what the vectors show: unique ids, trust policies, services and providers, the
context looked at no more than needed, and what decided."""

import pytest

from openecr.policy.document import Kind
from openecr.policy.evaluate import Reason, matched_statements
from openecr.policy.inquiry import Inquiry
from openecr.policy.request import IAM_PRINCIPALS, AccessRequest, Policies, Principal
from tests.policy.asking import (
    ALICE,
    APP,
    BOB,
    DEV,
    ROLE,
    ROOT,
    a_policy,
    a_request,
    allow,
    answer,
    ask,
    assume,
    deny,
    grant,
    repository_policy,
    trust_policy,
)
from tests.policy.vectors import PRINCIPALS, REPOSITORY, A, B

FAY = Principal("FederatedUser", f"arn:aws:sts::{A}:federated-user/fay", A, f"{A}:fay")
BUILD = Principal("Service", "codebuild.amazonaws.com", "", "")
PROVIDER = f"arn:aws:iam::{A}:oidc-provider/ci.example.com/main"
JOB = Principal("WebIdentity", PROVIDER, A, "")
ANYONE = PRINCIPALS["anon"]
DEV_ID = DEV.id.partition(":")[0]
NOTHING = a_policy(allow("s3:*"))


# Principals as stored: by unique id where the user or role was known


def test_a_user_is_known_by_its_unique_id():
    policy = repository_policy(grant({"AWS": ALICE.id}))

    assert answer(a_request(), resource=(policy,)) == "ALLOW"
    namesake = Principal("User", ALICE.arn, A, "AIDAANOTHERONEANOTHER")
    assert answer(a_request(namesake), resource=(policy,)) == "ID_IMPLICIT"


def test_a_role_is_known_by_its_unique_id_and_limited_as_by_its_arn():
    policy = repository_policy(grant({"AWS": DEV_ID}))

    assert answer(a_request(DEV), resource=(policy,)) == "ALLOW"
    assert answer(a_request(DEV), resource=(policy,), boundary=NOTHING) == "PB_IMPLICIT"
    assert answer(a_request(DEV), resource=(policy,), session=(NOTHING,)) == "SP_IMPLICIT"
    remade = Principal("AssumedRole", DEV.arn, A, "AROAANOTHERONEANOTHER:sess1", DEV.role_arn)
    assert answer(a_request(remade), resource=(policy,)) == "ID_IMPLICIT"


def test_a_deny_finds_users_and_roles_by_their_unique_ids():
    policy = repository_policy(grant({"AWS": [ALICE.id, DEV_ID]}) | {"Effect": "Deny"})

    for principal in (ALICE, DEV):
        assert answer(a_request(principal), identity=(a_policy(allow()),), resource=(policy,)) == "RP_DENY"


@pytest.mark.parametrize(
    ("principal", "exempt"),
    [
        (ALICE, [A, ALICE.id]),
        (ALICE, [f"arn:aws:iam::{A}:root", ALICE.arn]),
        (DEV, [A, DEV_ID, DEV.arn]),
        (DEV, [A, DEV.role_arn, DEV.arn]),
        (FAY, [A, FAY.arn]),
        (ROOT, [A]),
        (ALICE, "*"),
    ],
)
def test_not_principal_exempts_whom_it_names_with_all_that_stands_behind(principal, exempt):
    def asked(listed):
        statement = {"Effect": "Deny", "NotPrincipal": {"AWS": listed}, "Action": "*"}
        return answer(
            a_request(principal), identity=(a_policy(allow()),), resource=(repository_policy(statement),)
        )

    assert asked(exempt) == "ALLOW"
    if exempt != "*":
        for missing in exempt:
            rest = [each for each in exempt if each != missing] or [B]
            assert asked(rest) == "RP_DENY"


def test_not_principal_exempts_services_by_name_and_the_anonymous_by_a_star_alone():
    def asked(principal, element):
        denying = {"Effect": "Deny", "NotPrincipal": element, "Action": "*"}
        return answer(a_request(principal), resource=(repository_policy(denying, grant("*")),))

    assert asked(BUILD, {"Service": BUILD.arn}) == "ALLOW"
    assert asked(BUILD, {"Service": "lambda.amazonaws.com"}) == "RP_DENY"
    assert asked(ANYONE, {"AWS": A}) == "RP_DENY"
    assert asked(ANYONE, "*") == "ALLOW"


def test_a_service_is_no_principal_of_an_account_even_where_it_acts_for_one():
    build = Principal("Service", BUILD.arn, A, "")

    assert answer(a_request(build), resource=(repository_policy(grant({"AWS": A})),)) == "RP_IMPLICIT"


def test_a_federated_user_is_named_by_its_arn_and_its_account():
    direct, delegating = repository_policy(grant({"AWS": FAY.arn})), repository_policy(grant({"AWS": A}))

    assert answer(a_request(FAY), resource=(direct,), session=(NOTHING,)) == "ALLOW"
    assert answer(a_request(FAY), resource=(delegating,)) == "ID_IMPLICIT"


# Trust policies stand in place of the resource's, and must always allow


def test_a_trust_policy_that_names_the_principal_is_enough_in_its_account():
    for principal, name in (
        (ALICE, ALICE.arn),
        (ALICE, ALICE.id),
        (DEV, DEV.role_arn),
        (DEV, DEV.arn),
        (DEV, "*"),
    ):
        assert (
            answer(assume(principal), trust=trust_policy(grant({"AWS": name}, "sts:AssumeRole"))) == "ALLOW"
        )


def test_a_trust_policy_that_names_the_account_leaves_it_to_the_identity_side():
    trust = trust_policy(grant({"AWS": A}, "sts:AssumeRole"))

    assert answer(assume(ALICE), trust=trust) == "ID_IMPLICIT"
    assert answer(assume(ALICE), trust=trust, identity=(a_policy(allow("sts:*", ROLE)),)) == "ALLOW"


def test_a_trust_policy_must_allow_whatever_else_does():
    trust = trust_policy(grant({"AWS": BOB.arn}, "sts:AssumeRole"))
    everything = {"identity": (a_policy(allow()),), "resource": (repository_policy(grant("*", "*")),)}

    assert answer(assume(ALICE), trust=trust, **everything) == "TRUST_IMPLICIT"
    assert answer(assume(ROOT), trust=trust) == "TRUST_IMPLICIT"


def test_across_accounts_trust_and_identity_must_both_allow():
    trust = trust_policy(grant({"AWS": BOB.arn}, "sts:AssumeRole"))

    assert answer(assume(BOB), trust=trust) == "ID_IMPLICIT"
    assert answer(assume(BOB), trust=trust, identity=(a_policy(allow("sts:AssumeRole")),)) == "ALLOW"


def test_boundary_and_session_limit_a_trusted_role_but_not_a_trusted_session():
    by_role = trust_policy(grant({"AWS": DEV.role_arn}, "sts:AssumeRole"))
    by_session = trust_policy(grant({"AWS": DEV.arn}, "sts:AssumeRole"))

    assert answer(assume(DEV), trust=by_role, boundary=NOTHING) == "PB_IMPLICIT"
    assert answer(assume(DEV), trust=by_role, session=(NOTHING,)) == "SP_IMPLICIT"
    assert answer(assume(DEV), trust=by_session, boundary=NOTHING, session=(NOTHING,)) == "ALLOW"


def test_denies_of_trust_and_identity_outweigh_trust():
    direct = grant({"AWS": ALICE.arn}, "sts:AssumeRole")
    denied = trust_policy(direct, direct | {"Effect": "Deny"})

    assert answer(assume(ALICE), trust=denied) == "TRUST_DENY"
    assert answer(assume(ALICE), trust=trust_policy(direct), identity=(a_policy(deny("sts:*")),)) == "ID_DENY"


def test_the_denials_of_a_trust_policy_have_their_own_words():
    silent = ask(assume(ALICE), trust=trust_policy(grant({"AWS": B}, "sts:AssumeRole")))
    denying = ask(assume(ALICE), trust=trust_policy(grant("*", "sts:*") | {"Effect": "Deny"}))

    assert silent.suffix("sts:AssumeRole") == "because no role trust policy allows the sts:AssumeRole action"
    assert denying.suffix("sts:AssumeRole") == "with an explicit deny in the role trust policy"


@pytest.mark.parametrize("provider", [PROVIDER, "ci.example.com/main"])
def test_of_a_web_identity_the_trust_policy_alone_decides(provider):
    action = "sts:AssumeRoleWithWebIdentity"
    condition = {"StringEquals": {"ci.example.com/main:sub": "repo:a"}}
    trust = trust_policy(grant({"Federated": provider}, action, Condition=condition))

    def asked(subject):
        return answer(
            AccessRequest(JOB, action, ROLE, A, {"ci.example.com/main:sub": subject}),
            trust=trust,
            service_control=((NOTHING,),),
        )

    assert asked("repo:a") == "ALLOW"
    assert asked("repo:b") == "TRUST_IMPLICIT"


@pytest.mark.parametrize(
    "element", [{"AWS": "*"}, {"AWS": A}, {"Federated": "ci.example.com"}, {"Federated": "other.example.com"}]
)
def test_a_web_identity_is_named_by_its_provider_only(element):
    trust = trust_policy(grant(element, "sts:*"))

    assert answer(assume(JOB, "sts:AssumeRoleWithWebIdentity"), trust=trust) == "TRUST_IMPLICIT"


def test_a_service_is_trusted_by_name():
    trust = trust_policy(grant({"Service": "codebuild.amazonaws.com"}, "sts:AssumeRole"))

    assert answer(assume(BUILD), trust=trust) == "ALLOW"
    assert (
        answer(assume(Principal("Service", "lambda.amazonaws.com", "", "")), trust=trust) == "TRUST_IMPLICIT"
    )


# Organisations


def test_service_control_binds_none_but_principals_of_an_account():
    silent = ((NOTHING,),)
    open_to_all = (repository_policy(grant("*")),)

    assert answer(a_request(BUILD), resource=open_to_all, service_control=silent) == "ALLOW"
    assert answer(a_request(ANYONE), resource=open_to_all, service_control=silent) == "ALLOW"
    assert answer(a_request(ROOT), service_control=silent) == "SCP_IMPLICIT"
    assert answer(a_request(ROOT), service_control=()) == "ALLOW"


def test_resource_control_binds_everyone():
    policy = a_policy(
        grant("*", "ecr:*", Resource="*") | {"Effect": "Deny"},
        kind="resource control",
        grammar=Kind.RESOURCE_CONTROL,
    )

    for principal in (ROOT, BUILD, ANYONE, ALICE):
        open_to_all = (repository_policy(grant("*")),)
        assert answer(a_request(principal), resource=open_to_all, resource_control=((policy,),)) == "RCP_DENY"


# What is asked for, and what decides


def test_a_session_of_no_policies_may_do_nothing_and_one_of_several_what_any_allows():
    full = (a_policy(allow()),)

    assert answer(a_request(DEV), identity=full, session=()) == "SP_IMPLICIT"
    assert answer(a_request(DEV), identity=full, session=(NOTHING, a_policy(allow("ecr:Put*")))) == "ALLOW"


class LazyContext(dict[str, str]):
    """A context that knows what it was asked."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.asked: list[str] = []

    def get(self, key, default=None):
        self.asked.append(key)
        return super().get(key, default)


def test_the_context_is_asked_only_for_what_a_fitting_statement_needs():
    tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}}
    context = LazyContext()
    policies = (
        a_policy(
            allow("ecr:PutImage", APP, Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
            deny("ecr:DeleteRepository", **tagged),  # another action
            deny("ecr:PutImage", f"{REPOSITORY}other", **tagged),  # another repository
            allow("ecr:Put*", f"{REPOSITORY}a*"),
        ),
    )

    decision = ask(a_request(context=context), identity=policies)

    assert decision.allowed
    assert not decision.keys
    assert context.asked == []


def test_what_the_context_had_a_part_in_is_conditional():
    context = LazyContext()
    tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/Team": "red"}}}

    decision = ask(a_request(context=context), identity=(a_policy(allow(), deny(**tagged)),))

    assert decision.allowed
    assert decision.keys
    assert context.asked == ["aws:resourcetag/team"]
    by_variable = ask(a_request(), identity=(a_policy(allow("*", f"{REPOSITORY}${{aws:username}}")),))
    assert by_variable.keys


def test_a_decision_names_what_decided():
    full, pull = a_policy(allow(), name="full"), a_policy(deny(), allow("ecr:Put*"), name="pull")

    denied = ask(a_request(), identity=(full, pull))
    assert [(source.name, statement.index) for source, statement in denied.deciding] == [("pull", 0)]

    limited = ask(a_request(), identity=(full,), boundary=a_policy(allow("ecr:*"), name="limit"))
    assert [source.name for source, _ in limited.deciding] == ["full", "limit"]

    assert ask(a_request(), identity=(NOTHING,)).deciding == ()


def test_to_name_the_account_decides_nothing_within_it():
    delegating = repository_policy(grant({"AWS": A}))

    decision = ask(a_request(), identity=(a_policy(allow(), name="full"),), resource=(delegating,))

    assert [source.name for source, _ in decision.deciding] == ["full"]


def test_every_statement_that_speaks_of_a_request_can_be_shown():
    policies = Policies(
        identity=(a_policy(allow(), allow("s3:*"), deny("ecr:Put*"), name="mine"),),
        resource=(repository_policy(grant({"AWS": B}), grant("*")),),
        boundary=a_policy(allow("ecr:*"), name="limit"),
    )

    found = matched_statements(Inquiry(a_request()), policies)

    assert [(source.name, statement.index) for source, statement in found] == [
        ("repository policy of app", 1),
        ("mine", 0),
        ("mine", 2),
        ("limit", 0),
    ]


SUFFIXES = {
    Reason.ID_IMPLICIT: "because no identity-based policy allows the ecr:PutImage action",
    Reason.RP_IMPLICIT: "because no resource-based policy allows the ecr:PutImage action",
    Reason.PB_IMPLICIT: "because no permissions boundary allows the ecr:PutImage action",
    Reason.SP_IMPLICIT: "because no session policy allows the ecr:PutImage action",
    Reason.SCP_IMPLICIT: "because no service control policy allows the ecr:PutImage action",
    Reason.ID_DENY: "with an explicit deny in an identity-based policy",
    Reason.RP_DENY: "with an explicit deny in a resource-based policy",
    Reason.PB_DENY: "with an explicit deny in a permissions boundary",
    Reason.SP_DENY: "with an explicit deny in a session policy",
    Reason.SCP_DENY: "with an explicit deny in a service control policy",
}
FULL, DENYING = a_policy(allow()), a_policy(allow(), deny())
DENIALS = {
    Reason.ID_IMPLICIT: {},
    Reason.PB_IMPLICIT: {"identity": (FULL,), "boundary": NOTHING},
    Reason.SP_IMPLICIT: {"identity": (FULL,), "session": (NOTHING,)},
    Reason.SCP_IMPLICIT: {"identity": (FULL,), "service_control": ((FULL,), (NOTHING,))},
    Reason.ID_DENY: {"identity": (DENYING,)},
    Reason.RP_DENY: {"identity": (FULL,), "resource": (repository_policy(grant("*") | {"Effect": "Deny"}),)},
    Reason.PB_DENY: {"identity": (FULL,), "boundary": DENYING},
    Reason.SP_DENY: {"identity": (FULL,), "session": (DENYING,)},
    Reason.SCP_DENY: {"identity": (FULL,), "service_control": ((DENYING,),)},
}


@pytest.mark.parametrize("reason", DENIALS)
def test_a_denial_says_which_kind_of_policy_denies(reason):
    decision = ask(a_request(), **DENIALS[reason])

    assert decision.reason is reason
    assert decision.suffix("ecr:PutImage") == SUFFIXES[reason]


def test_across_accounts_the_resource_side_is_named_first():
    decision = ask(a_request(BOB))

    assert decision.suffix("ecr:PutImage") == SUFFIXES[Reason.RP_IMPLICIT]


def test_of_several_denies_the_order_of_kinds_says_which_is_reported():
    kinds = {
        "service_control": ((DENYING,),),
        "resource_control": (
            (
                a_policy(
                    grant("*", "*", Resource="*") | {"Effect": "Deny"},
                    kind="resource control",
                    grammar=Kind.RESOURCE_CONTROL,
                ),
            ),
        ),
        "resource": (repository_policy(grant("*") | {"Effect": "Deny"}),),
        "identity": (DENYING,),
        "boundary": DENYING,
        "session": (DENYING,),
    }
    expected = ["SCP_DENY", "RCP_DENY", "RP_DENY", "ID_DENY", "PB_DENY", "SP_DENY"]

    for first, reason in enumerate(expected):
        assert answer(a_request(), **dict(list(kinds.items())[first:])) == reason


def test_principals_with_policies_of_their_own_are_those_of_an_account():
    assert {each.type for each in (ROOT, ALICE, DEV, FAY) if each.has_identity} == IAM_PRINCIPALS
    assert not any(each.has_identity for each in (BUILD, ANYONE, JOB))
