"""What people are told of a decision."""

import json

from openecr.policy.document import Kind, parse
from openecr.policy.request import Source
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
    ask,
    assume,
    deny,
    grant,
    repository_policy,
    trust_policy,
)
from tests.policy.vectors import REPOSITORY, A


def explained(request, **policies) -> list[str]:
    return ask(request, **policies).explain(request).splitlines()


def test_an_allowed_request_is_told_by_what():
    policy = a_policy(allow("s3:*"), allow("ecr:*", Sid="Push"), name="user policy push")

    assert explained(a_request(), identity=(policy,), boundary=a_policy(allow(), name="limits")) == [
        f"ALLOWED {ALICE.arn} ecr:PutImage {APP}",
        '  Allow by identity policy: user policy push, statement 2 "Push" (line 9, column 5)',
        "  Allow by identity policy: limits, statement 1 (line 4, column 5)",
    ]


def test_a_root_user_is_told_to_need_no_policy():
    assert explained(a_request(ROOT)) == [
        f"ALLOWED {ROOT.arn} ecr:PutImage {APP}",
        "  a root user needs no policy in its account",
    ]


def test_an_explicit_deny_is_told_by_what():
    text = '{\n  "Statement": {"Effect": "Deny", "Principal": "*", "Action": "ecr:Put*"}\n}'
    source = Source("resource", "repository policy of app", parse(text, Kind.REPOSITORY))

    assert explained(a_request(), identity=(a_policy(allow()),), resource=(source,)) == [
        f"DENIED {ALICE.arn} ecr:PutImage {APP}",
        "  with an explicit deny in a resource-based policy",
        "  Deny by resource policy: repository policy of app, statement 1 (line 2, column 16)",
        "  needed: that this statement no longer applies, for no Allow outweighs a Deny",
    ]


def test_the_lack_of_an_allow_is_told_with_what_it_takes():
    assert explained(a_request(), identity=(a_policy(allow("s3:*")),)) == [
        f"DENIED {ALICE.arn} ecr:PutImage {APP}",
        "  because no identity-based policy allows the ecr:PutImage action",
        f"  needed: an identity-based policy of {ALICE.arn} that allows ecr:PutImage on {APP}",
    ]


def test_what_came_close_is_told_the_closest_first():
    policy = a_policy(
        allow("ecr:*", f"{REPOSITORY}prod/*"),
        allow("ecr:Put*", APP, Condition={"StringEquals": {"aws:ResourceTag/env": ["dev", "qa"]}}),
        name="user policy pull",
    )
    resource = repository_policy(grant({"AWS": BOB.arn}), grant({"AWS": A}))
    request = a_request(context={"aws:resourcetag/env": "prod"})

    lines = explained(request, identity=(policy,), resource=(resource,))

    assert [line for line in lines if line.startswith("  close: ")] == [
        "  close: user policy pull, statement 2 (line 9, column 5) allows it, but on a condition: "
        'StringEquals aws:ResourceTag/env "dev", "qa"; the request has "prod"',
        "  close: repository policy of app, statement 2 (line 11, column 5) names the account alone, "
        "which leaves it to identity-based policies",
        "  close: user policy pull, statement 1 (line 4, column 5) "
        "allows the action, but not on this resource",
        "  close: repository policy of app, statement 1 (line 4, column 5) "
        "allows the action on this resource, but not to this principal",
    ]


def test_a_key_that_the_request_lacks_is_told():
    policy = a_policy(allow(Condition={"Bool": {"aws:MultiFactorAuthPresent": True}}))

    lines = explained(a_request(), identity=(policy,))

    assert lines[2].endswith('Bool aws:MultiFactorAuthPresent "true"; the request has no such key')


def test_only_the_closest_few_are_told_and_only_the_beginning_of_what_they_compare():
    values = [f"{number}" * 1_000 for number in range(9)]
    policy = a_policy(*[allow(Condition={"StringEquals": {"a": values}})] * 9)

    lines = explained(a_request(context={"a": ("x" * 1_000,) * 4}), identity=(policy,))

    assert len([line for line in lines if line.startswith("  close: ")]) == 5
    assert '… (9 in all); the request has "x' in lines[2]
    assert lines[2].endswith("… (4 in all)")
    assert len(lines[2]) < 1_500


def test_each_lack_is_told_with_its_own_need():
    full, nothing = (
        a_policy(allow()),
        a_policy(allow("s3:*"), allow("ecr:*", "arn:aws:s3:::x"), name="silent"),
    )
    denials = {
        "a permissions boundary that allows": {"identity": (full,), "boundary": nothing},
        "a session policy that allows": {"identity": (full,), "session": (nothing,)},
        "at every level a service control policy": {"identity": (full,), "service_control": ((nothing,),)},
    }
    for need, policies in denials.items():
        lines = explained(a_request(DEV), **policies)
        assert lines[2] == (
            "  close: silent, statement 2 (line 9, column 5) allows the action, but not on this resource"
        )
        assert lines[3].startswith(f"  needed: {need}")


def test_the_lack_of_a_grant_across_accounts_and_of_trust_is_told():
    other = repository_policy(grant({"AWS": ALICE.arn}))
    assert explained(a_request(BOB), resource=(other,))[2:] == [
        "  close: repository policy of app, statement 1 (line 4, column 5) "
        "allows the action on this resource, but not to this principal",
        f"  needed: a resource-based policy of account {A} that allows it to {BOB.arn}",
    ]
    trust = trust_policy(grant({"AWS": BOB.arn}, "sts:AssumeRole"))
    assert explained(assume(ALICE), trust=trust)[2:] == [
        "  close: trust policy of target, statement 1 (line 4, column 5) "
        "allows the action on this resource, but not to this principal",
        f"  needed: a trust policy of {ROLE} that allows it to {ALICE.arn}",
    ]


def test_a_text_from_outside_stays_on_its_line():
    policy = a_policy(allow(Condition={"StringEquals": {"aws:UserAgent": "a\nb"}}))

    lines = explained(a_request(context={"aws:useragent": "x\ny"}), identity=(policy,))

    assert len(lines) == 4
    assert json.dumps("x\ny") in lines[2]


def test_of_long_names_the_beginning_is_told():
    trust = trust_policy(grant("*", "sts:AssumeRole", Condition={"Bool": {"a\n" + "k" * 9_000: True}}))
    resource = repository_policy(grant({"AWS": BOB.arn}, Sid="s" * 9_000))

    conditional, elsewhere = (
        explained(assume(ALICE), trust=trust)[2],
        explained(a_request(), resource=(resource,))[2],
    )

    assert "Bool a\\nkkk" in conditional
    assert len(conditional) < 500
    assert 'statement 1 "sss' in elsewhere
    assert len(elsewhere) < 500


def test_where_there_is_too_much_to_look_at_it_is_told_so():
    hopeless = allow(Condition={"StringLike": {"a": ["*" + "a" * 50 + "b*"]}})
    near = allow(Condition={"Bool": {"aws:SecureTransport": True}})
    request = a_request(context={"a": "a" * 10_000})

    lines = explained(request, identity=(a_policy(near), a_policy(*[hopeless] * 20)))

    assert lines[3].endswith("the request has no such key")
    assert lines[-2] == "  others may have come close: there are too many to look at"


def test_what_was_cut_off_is_told_so():
    request = a_request(context={"a": "a" * 100_000})
    policy = a_policy(deny(Condition={"StringLike": {"a": ["*" + "a" * 50 + "b*"]}}))

    assert "  the policies ask for more comparisons than one request may cause" in explained(
        request, identity=(policy,)
    )
