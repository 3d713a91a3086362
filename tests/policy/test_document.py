"""Which texts are policies of a repository, and what a policy tells of itself.

The vectors W01–W32 are those of auth-iam.md §6.4. What takes a look-up (W16, W17, W25), the caller's
measure (W31) or its scope (W27) is tested where that is.
"""

import pytest

from openecr.policy.document import Kind, MalformedPolicy, context_keys, parse, position
from tests.policy.texts import REPOSITORY_STATEMENT, a_text, reason, refused


@pytest.mark.parametrize("kind", Kind)
def test_a_plain_policy_of_each_kind_is_one(kind):
    assert len(parse(a_text(kind), kind).statements) == 1


REPOSITORY_POLICIES = {
    "W01 without Version": '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}',
    "W02 one statement, no list": a_text(Kind.REPOSITORY, Statement=REPOSITORY_STATEMENT),
    "W03 blanks in the Sid": a_text(Kind.REPOSITORY, {"Sid": "allow public pull"}),
    "W04 Id": a_text(Kind.REPOSITORY, Id="x"),
    "W14 all actions of ecr": a_text(Kind.REPOSITORY, {"Action": ["ecr:*"]}),
    "W14 all actions": a_text(Kind.REPOSITORY, {"Action": "*"}),
    "W14 a part of the name": a_text(
        Kind.REPOSITORY, {"Action": ["ecr:Batch*", "ECR:?utimage", "ecr:*Layer*"]}
    ),
    "W16 a role, there or not": a_text(
        Kind.REPOSITORY, {"Principal": {"AWS": "arn:aws:iam::111111111111:role/none"}}
    ),
    "W17 an account, there or not": a_text(Kind.REPOSITORY, {"Principal": {"AWS": "999999999999"}}),
    "W22 one Sid twice": a_text(Kind.REPOSITORY, {"Sid": "a"}, {"Sid": "a"}),
    "W24 a service": a_text(Kind.REPOSITORY, {"Principal": {"Service": "lambda.amazonaws.com"}}),
    "W25 a lock-out": a_text(Kind.REPOSITORY, {"Effect": "Deny", "Action": "ecr:*"}),
    "NotPrincipal with Deny": a_text(
        Kind.REPOSITORY,
        {"Effect": "Deny", "NotPrincipal": {"AWS": "111111111111"}},
        without=("Principal",),
    ),
    "NotAction": a_text(Kind.REPOSITORY, {"NotAction": "ecr:PutImage"}, without=("Action",)),
    "a path in a name": a_text(
        Kind.REPOSITORY,
        {
            "Principal": {
                "AWS": ["arn:aws:iam::111111111111:user/eng/a.b", "arn:aws-cn:iam::111111111111:role/x"]
            }
        },
    ),
    "sessions and federated users": a_text(
        Kind.REPOSITORY,
        {
            "Principal": {
                "AWS": [
                    "arn:aws:sts::111111111111:assumed-role/dev/a@b",
                    "arn:aws:sts::111111111111:federated-user/fay",
                ]
            }
        },
    ),
    "unique ids": a_text(
        Kind.REPOSITORY, {"Principal": {"AWS": ["AIDAABCDEFGHIJKLMNOP", "AROAABCDEFGHIJKLMNOP"]}}
    ),
    "several kinds of principals": a_text(
        Kind.REPOSITORY,
        {
            "Principal": {
                "AWS": "*",
                "Service": "lambda.amazonaws.com",
                "CanonicalUser": "0123456789abcdef" * 4,
            }
        },
    ),
    "an empty condition": a_text(Kind.REPOSITORY, {"Condition": {}}),
    "a condition without values": a_text(Kind.REPOSITORY, {"Condition": {"StringEquals": {"a": []}}}),
    "blanks and line ends": "\t\r\n " + a_text(Kind.REPOSITORY) + "\n",
    "Latin letters": a_text(Kind.REPOSITORY, {"Sid": "x"}).replace("x", "äöü ÿ"),
    "Latin letters in escapes": a_text(Kind.REPOSITORY, {"Sid": "äöü ÿ"}),
}


@pytest.mark.parametrize("text", REPOSITORY_POLICIES.values(), ids=REPOSITORY_POLICIES)
def test_this_is_a_repository_policy(text):
    parse(text, Kind.REPOSITORY)


NO_REPOSITORY_POLICIES = {
    "is attached to, no other": {
        "W05 Resource": a_text(Kind.REPOSITORY, {"Resource": "*"}),
        "W05 NotResource": a_text(Kind.REPOSITORY, {"NotResource": "*"}),
    },
    "either Principal or Not": {
        "W06 no Principal": a_text(Kind.REPOSITORY, without=("Principal",)),
        "W07 Principal and NotPrincipal": a_text(Kind.REPOSITORY, {"Effect": "Deny", "NotPrincipal": "*"}),
    },
    "either Action or Not": {
        "W08 Action and NotAction": a_text(Kind.REPOSITORY, {"NotAction": "ecr:PutImage"}),
        "no Action": a_text(Kind.REPOSITORY, without=("Action",)),
    },
    "Allow or Deny": {
        "no Effect": a_text(Kind.REPOSITORY, without=("Effect",)),
        "W09 the letter case of Effect": a_text(Kind.REPOSITORY, {"Effect": "allow"}),
    },
    "a statement has no member": {
        "the letter case of a name": a_text(Kind.REPOSITORY, {"action": "ecr:PutImage"}),
        "W11 another member": a_text(Kind.REPOSITORY, {"Foo": 1}),
    },
    "the Version": {
        "W10 another Version": a_text(Kind.REPOSITORY, Version="2013-01-01"),
        "a Version that is a number": a_text(Kind.REPOSITORY, Version=2012),
        "a Version that is a list": a_text(Kind.REPOSITORY, Version=["2012-10-17"]),
    },
    "the Id": {
        "an Id that is a number": a_text(Kind.REPOSITORY, Id=1),
    },
    "a Sid is a text": {
        "a Sid that is a number": a_text(Kind.REPOSITORY, {"Sid": 1}),
    },
    "policy of this kind has no member": {
        "another member of the document": a_text(Kind.REPOSITORY, Foo=1),
    },
    "no action of ecr": {
        "W12 an action of another service": a_text(Kind.REPOSITORY, {"Action": "s3:GetObject"}),
        "W12 among others": a_text(Kind.REPOSITORY, {"Action": ["ecr:PutImage", "ecr-public:PutImage"]}),
    },
    "no action on a repository": {
        "W13 an action without a repository": a_text(
            Kind.REPOSITORY, {"Action": "ecr:GetAuthorizationToken"}
        ),
        "W15 no such action": a_text(Kind.REPOSITORY, {"Action": "ecr:NoSuchThing"}),
        "W15 no action like this": a_text(Kind.REPOSITORY, {"Action": "ecr:NoSuch*"}),
        "W15 none with this inside": a_text(Kind.REPOSITORY, {"Action": "ecr:*Such*"}),
        "W15 past the last": a_text(Kind.REPOSITORY, {"Action": "ecr:Zip*"}),
    },
    "is no action": {
        "no service": a_text(Kind.REPOSITORY, {"Action": "PutImage"}),
    },
    "is one text or a list": {
        "an empty list of actions": a_text(Kind.REPOSITORY, {"Action": []}),
        "an action that is a number": a_text(Kind.REPOSITORY, {"Action": [1]}),
    },
    "no AWS principal": {
        "W18 a wildcard in a name": a_text(
            Kind.REPOSITORY, {"Principal": {"AWS": "arn:aws:iam::111111111111:user/*"}}
        ),
        "W18 a wildcard for a user": a_text(Kind.REPOSITORY, {"Principal": {"AWS": "arn:aws:iam::123:*"}}),
        "a question mark in a name": a_text(
            Kind.REPOSITORY, {"Principal": {"AWS": "arn:aws:iam::111111111111:user/?"}}
        ),
        "a session of any name": a_text(
            Kind.REPOSITORY, {"Principal": {"AWS": "arn:aws:sts::111111111111:assumed-role/dev/*"}}
        ),
        "a group": a_text(Kind.REPOSITORY, {"Principal": {"AWS": "arn:aws:iam::111111111111:group/dev"}}),
        "an account of 11 digits": a_text(Kind.REPOSITORY, {"Principal": {"AWS": "11111111111"}}),
    },
    'principal is "*" or': {
        "a principal without a kind": a_text(Kind.REPOSITORY, {"Principal": "111111111111"}),
        "principals of no kind": a_text(Kind.REPOSITORY, {"Principal": {}}),
    },
    "there are no": {
        "principals of another kind": a_text(Kind.REPOSITORY, {"Principal": {"GCP": "*"}}),
    },
    "are one text or a list": {
        "no principal in the list": a_text(Kind.REPOSITORY, {"Principal": {"AWS": []}}),
        "a principal that is a number": a_text(Kind.REPOSITORY, {"Principal": {"AWS": 111111111111}}),
    },
    "no Service principal": {
        "any service": a_text(Kind.REPOSITORY, {"Principal": {"Service": "*"}}),
    },
    "of trust policies alone": {
        "an identity provider": a_text(Kind.REPOSITORY, {"Principal": {"Federated": "ci.example.com"}}),
    },
    "with Deny alone": {
        "NotPrincipal with Allow": a_text(
            Kind.REPOSITORY, {"NotPrincipal": {"AWS": "111111111111"}}, without=("Principal",)
        ),
    },
    "no condition operator": {
        "W19 no such operator": a_text(Kind.REPOSITORY, {"Condition": {"StringMatches": {"a": "b"}}}),
        "the letter case of an operator": a_text(
            Kind.REPOSITORY, {"Condition": {"stringEquals": {"a": "b"}}}
        ),
        "no such prefix": a_text(Kind.REPOSITORY, {"Condition": {"ForEachValue:StringEquals": {"a": "b"}}}),
        "two prefixes": a_text(
            Kind.REPOSITORY, {"Condition": {"ForAnyValue:ForAllValues:StringEquals": {"a": "b"}}}
        ),
        "NullIfExists": a_text(Kind.REPOSITORY, {"Condition": {"NullIfExists": {"a": "true"}}}),
    },
    "no object": {
        "W20 an operator without keys": a_text(Kind.REPOSITORY, {"Condition": {"StringEquals": "x"}}),
        "a Condition that is a list": a_text(Kind.REPOSITORY, {"Condition": []}),
    },
    "without a name": {
        "a key without a name": a_text(Kind.REPOSITORY, {"Condition": {"StringEquals": {"": "x"}}}),
    },
    "a text, a number or a boolean": {
        "a value that is an object": a_text(
            Kind.REPOSITORY, {"Condition": {"StringEquals": {"a": {"b": "c"}}}}
        ),
        "a value that is nothing": a_text(Kind.REPOSITORY, {"Condition": {"StringEquals": {"a": [None]}}}),
    },
    "given twice": {
        "W21 a key twice in a statement": a_text(Kind.REPOSITORY).replace(
            '"Effect"', '"Effect": "Deny", "Effect"'
        ),
        "W21 a key twice in the document": a_text(Kind.REPOSITORY).replace("{", '{"Statement":[],', 1),
        "W21 a key twice, once escaped": a_text(Kind.REPOSITORY, {"\\u0045ffect": "Deny"}).replace(
            "\\\\", "\\"
        ),
    },
    "a policy has a Statement": {
        "W23 no statement": a_text(Kind.REPOSITORY, Statement=[]),
        "W23 an empty object": "{}",
    },
    "this is no JSON": {
        "W23 an empty text": "",
        "W23 null": "null",
        "W23 a text": '"text"',
        "a list": "[]",
        "no JSON": "{'Statement':[]}",
        "JSON that does not end": a_text(Kind.REPOSITORY)[:-1],
        "a list of statements that does not end": '{"Statement":[{}',
        "more after the end": a_text(Kind.REPOSITORY) + "}",
        "a comma before the end": '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*"},]}',
        "no comma between members": '{"Version":"2012-10-17" "Statement":[]}',
        "a member without a value": '{"Version"}',
    },
    "statement is an object": {
        "a statement that is a text": a_text(Kind.REPOSITORY, Statement="text"),
        "a statement that is a list": a_text(Kind.REPOSITORY, Statement=[[]]),
    },
    "NaN is no JSON": {
        "no number": '{"Statement":NaN}',
    },
    "nested too deeply": {
        "nesting without end": '{"Statement":' + "[" * 10_000,
    },
    "U+0020 to U+00FF": {
        "W32 letters past U+00FF": a_text(Kind.REPOSITORY, {"Sid": "x"}).replace("x", "\u0416"),
        "a control character": a_text(Kind.REPOSITORY, {"Sid": "x"}).replace("x", "\x01"),
    },
    "an escape stands": {
        "W32 in an escape": a_text(Kind.REPOSITORY, {"Sid": "\u0416"}),
        "half of a pair": a_text(Kind.REPOSITORY, {"Sid": "x"}).replace("x", "\\ud800"),
        "a control character in an escape": a_text(
            Kind.REPOSITORY, {"Condition": {"StringEquals": {"\0": "x"}}}
        ),
    },
}


@pytest.mark.parametrize(("why", "text"), refused(NO_REPOSITORY_POLICIES))
def test_this_is_no_repository_policy(why, text):
    assert why in reason(text, Kind.REPOSITORY)


def test_a_policy_of_a_public_repository_names_actions_of_its_service():
    text = a_text(Kind.REPOSITORY, {"Action": ["ecr-public:PutImage", "ecr-public:Describe*"]})

    parse(text, Kind.REPOSITORY, "ecr-public")
    assert reason(text, Kind.REPOSITORY)
    assert reason(a_text(Kind.REPOSITORY), Kind.REPOSITORY, "ecr-public")


def test_a_fault_is_told_with_its_place():
    text = a_text(Kind.IDENTITY, {}, {"Effect": "Permit"})

    with pytest.raises(MalformedPolicy) as error:
        parse(text, Kind.IDENTITY)

    assert error.value.reason == "the Effect of a statement is Allow or Deny"
    assert text[error.value.position :].startswith('{"Effect": "Permit"')


@pytest.mark.parametrize(("text", "place"), [('{"Version": 1,\n "Statement" []}', 28), ("{\x00}", 1)])
def test_what_is_no_json_is_told_with_its_place(text, place):
    with pytest.raises(MalformedPolicy) as error:
        parse(text, Kind.IDENTITY)

    assert error.value.position == place


def test_lines_and_columns_are_counted_from_one():
    text = '{\n  "Statement": [\n    {"Sid": "x"}]}'

    assert position(text, 0) == (1, 1)
    assert position(text, text.index('"Statement"')) == (2, 3)
    assert position(text, text.index("[")) == (2, 16)
    assert position(text, text.index('{"Sid"')) == (3, 5)


def test_a_policy_tells_what_it_holds():
    text = a_text(
        Kind.REPOSITORY,
        {"Sid": "first", "Principal": {"AWS": ["222222222222", "*", "AIDAABCDEFGHIJKLMNOP"]}},
        {"Effect": "Deny", "Principal": "*"},
        {"Principal": {"Service": "lambda.amazonaws.com", "AWS": "arn:aws:iam::111111111111:root"}},
        Id="mine",
    )

    policy = parse(text, Kind.REPOSITORY)

    assert (policy.version, policy.id, policy.text) == ("2012-10-17", "mine", text)
    assert [(each.sid, each.effect, each.index) for each in policy.statements] == [
        ("first", "Allow", 0),
        ("", "Deny", 1),
        ("", "Allow", 2),
    ]
    assert policy.principals == ("222222222222", "AIDAABCDEFGHIJKLMNOP", "arn:aws:iam::111111111111:root")


def test_context_keys_are_those_of_conditions_and_variables_as_written():
    text = a_text(
        Kind.IDENTITY,
        {
            "Resource": "arn:aws:s3:::${aws:Username}/${*}",
            "Condition": {
                "StringLike": {"AWS:SourceIp": "${aws:PrincipalTag/Team, 'none'}-*"},
                "Null": {"aws:TokenIssueTime": True},
                "Bool": {"aws:SecureTransport": "true"},
            },
        },
        {},
    )

    assert context_keys(parse(text, Kind.IDENTITY)) == {
        "aws:Username",
        "AWS:SourceIp",
        "aws:PrincipalTag/Team",
        "aws:TokenIssueTime",
        "aws:SecureTransport",
    }
