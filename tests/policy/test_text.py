"""The form in which ECR gives a policy back: auth-iam.md §6.1, control-plane.md §5.2."""

import json

from openecr.policy.text import render, with_principals

SAMPLE = """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "AllowPull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
}"""


def test_members_of_a_statement_have_one_order_whatever_theirs_was():
    sent = (
        '{"Version":"2012-10-17","Statement":[{"Sid":"AllowPull","Action":["ecr:BatchGetImage",'
        '"ecr:GetDownloadUrlForLayer"],"Principal":"*","Effect":"Allow"}]}'
    )

    assert render(json.loads(sent)) == SAMPLE


def test_every_depth_and_every_kind_of_value_is_written():
    document = {
        "Statement": [
            {
                "Condition": {"NumericLessThan": {"a": [1, 2.5], "b": True}, "Null": {}},
                "NotResource": [],
                "NotAction": "ecr:PutImage",
                "NotPrincipal": {"AWS": ["1", "2"], "Service": "x"},
                "Effect": "Deny",
                "Sid": 'a "quoted" \\ ü\n',
            },
            {"Resource": "*", "Effect": "Allow"},
        ],
        "Id": "x",
        "Version": "2008-10-17",
    }

    assert render(document) == "\n".join(
        [
            "{",
            '  "Version" : "2008-10-17",',
            '  "Id" : "x",',
            '  "Statement" : [ {',
            r'    "Sid" : "a \"quoted\" \\ ü\n",',
            '    "Effect" : "Deny",',
            '    "NotPrincipal" : {',
            '      "AWS" : [ "1", "2" ],',
            '      "Service" : "x"',
            "    },",
            '    "NotAction" : "ecr:PutImage",',
            '    "NotResource" : [ ],',
            '    "Condition" : {',
            '      "NumericLessThan" : {',
            '        "a" : [ 1, 2.5 ],',
            '        "b" : true',
            "      },",
            '      "Null" : { }',
            "    }",
            "  }, {",
            '    "Effect" : "Allow",',
            '    "Resource" : "*"',
            "  } ]",
            "}",
        ]
    )


def test_a_single_statement_stays_one():
    text = render({"Statement": {"Effect": "Deny", "Sid": "x"}})

    assert text == '{\n  "Statement" : {\n    "Sid" : "x",\n    "Effect" : "Deny"\n  }\n}'


def test_principals_are_translated_wherever_they_are_named():
    text = json.dumps(
        {
            "Statement": [
                {"Principal": {"AWS": "alice", "Service": "alice"}, "Effect": "Allow", "Action": "alice"},
                {"NotPrincipal": {"AWS": ["alice", "*", "bob"]}, "Effect": "Deny"},
                {"Principal": {"AWS": "*"}},
                {"Principal": "*"},
            ]
        }
    )

    anew = json.loads(with_principals(text, str.upper))

    assert [each.get("Principal", each.get("NotPrincipal")) for each in anew["Statement"]] == [
        {"AWS": "ALICE", "Service": "alice"},
        {"AWS": ["ALICE", "*", "BOB"]},
        {"AWS": "*"},
        "*",
    ]
    assert anew["Statement"][0]["Action"] == "alice"
    assert with_principals(SAMPLE, str.upper) == SAMPLE
    alone = with_principals('{"Statement":{"Principal":{"AWS":"alice"}}}', str.upper)
    assert json.loads(alone) == {"Statement": {"Principal": {"AWS": "ALICE"}}}


def test_numbers_keep_their_spelling():
    text = '{"Statement":{"Condition":{"NumericEquals":{"a":[1.10,1e3]}}}}'

    assert '"a" : [ 1.10, 1e3 ]' in with_principals(text, str)
