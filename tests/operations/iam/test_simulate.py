"""SimulateCustomPolicy: what comes of requests by the policies that are given.

Source: the service model; the examples of the API reference.
"""

import json

import pytest

from openecr.domain.principal import policy_size
from openecr.operations.iam import allowance
from tests.operations.iam.asking import NO_SUCH_PAGE, a_user, allow, denied, pages, plain, policy, refusal
from tests.operations.iam.simulating import (
    APP,
    BOB,
    EVERYTHING,
    INVALID,
    arn,
    custom,
    decisions,
    deny,
    entry,
    read_statement,
    repository,
    sources,
    when,
)

REPOSITORY = "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}"


# Decisions, and what they are of.


def test_every_action_has_its_decision_in_the_order_asked(iam):
    given = policy(allow("ecr:Get*"), deny("ecr:GetRepositoryPolicy"))
    asked = ["ecr:PutImage", "ecr:GetRepositoryPolicy", "ECR:getAuthorizationToken"]
    results = custom(iam, given, actions=asked)
    assert [result["EvalActionName"] for result in results] == asked
    assert decisions(results) == ["implicitDeny", "explicitDeny", "allowed"]


def test_several_policies_count_together(iam):
    results = custom(
        iam, policy(allow("ecr:*")), policy(deny("ecr:Put*")), actions=["ecr:PutImage", "ecr:ListImages"]
    )
    assert decisions(results) == ["explicitDeny", "allowed"]
    assert [sources(result) for result in results] == [
        {("PolicyInputList.2", "none")},
        {("PolicyInputList.1", "none")},
    ]


@pytest.mark.parametrize("asked", [{}, {"ResourceArns": []}, {"ResourceArns": ["*"]}])
def test_without_resources_an_action_is_asked_of_everything(iam, asked):
    (result,) = custom(iam, EVERYTHING, **asked)
    assert result.pop("MatchedStatements")
    assert result == {
        "EvalActionName": "ecr:PutImage",
        "EvalResourceName": REPOSITORY,
        "EvalDecision": "allowed",
        "MissingContextValues": [],
    }
    assert decisions(custom(iam, policy(allow("ecr:PutImage", APP)), **asked)) == ["implicitDeny"]


@pytest.mark.parametrize(
    ("action", "template"),
    [
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr-public:putimage", "arn:${Partition}:ecr-public::${Account}:repository/${RepositoryName}"),
        ("iam:GetUser", "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"),
        ("sts:AssumeRole", "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"),
        ("s3:GetObject", "*"),
    ],
)
def test_a_result_tells_the_form_of_the_actions_resources(iam, action, template):
    assert custom(iam, EVERYTHING, actions=[action])[0]["EvalResourceName"] == template


def test_every_resource_has_its_decision_and_the_most_restrictive_is_the_actions(iam):
    names = ["open/a", "shut/a", "none/a"]
    given = policy(
        allow("ecr:*", repository("open/*")),
        allow("ecr:*", repository("shut/*")),
        deny("ecr:Put*", repository("shut/*")),
    )
    arns = list(map(repository, names))
    put, listed = custom(iam, given, actions=["ecr:PutImage", "ecr:ListImages"], ResourceArns=arns)

    def each(result):
        return [
            (one["EvalResourceName"], one["EvalResourceDecision"])
            for one in result["ResourceSpecificResults"]
        ]

    assert each(put) == list(zip(arns, ["allowed", "explicitDeny", "implicitDeny"], strict=True))
    assert each(listed) == list(zip(arns, ["allowed", "allowed", "implicitDeny"], strict=True))
    assert decisions([put, listed]) == ["explicitDeny", "implicitDeny"]
    assert put["EvalResourceName"] == REPOSITORY
    assert put["EvalDecisionDetails"] == {}, "there is one account"
    assert "EvalDecisionDetails" not in put["ResourceSpecificResults"][0]


# Statements.


def test_matched_statements_are_told_by_their_place(iam):
    statements = [allow("iam:*"), allow("ecr:Put*", repository("*")), allow("ecr:PutImage")]
    for indent in (None, 4):
        text = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=indent)
        (result,) = custom(iam, text, ResourceArns=[APP])
        found = [read_statement(text, each) for each in result["MatchedStatements"]]
        assert found == statements[1:]
        assert result["ResourceSpecificResults"][0]["MatchedStatements"] == result["MatchedStatements"]


def test_places_count_from_one_and_end_after_the_last_character(iam):
    statement = '{\n    "Effect": "Allow",\n    "Action": "ecr:*",\n    "Resource": "*"\n  }'
    text = f'{{\n  "Version": "2012-10-17",\n  "Statement": {statement}\n}}'
    (matched,) = custom(iam, text)[0]["MatchedStatements"]
    assert matched["StartPosition"] == {"Line": 3, "Column": 16}
    assert matched["EndPosition"] == {"Line": 7, "Column": 4}


def test_a_deny_is_the_only_statement_told(iam):
    text = policy(allow("ecr:*"), deny("ecr:Put*"))
    (result,) = custom(iam, text)
    assert [read_statement(text, each)["Effect"] for each in result["MatchedStatements"]] == ["Deny"]


def test_of_several_resources_the_statements_that_decide_are_told_together(iam):
    text = policy(allow("ecr:*", repository("a")), allow("ecr:*", repository("b")))
    both, one = [
        custom(iam, text, ResourceArns=list(map(repository, names)))[0]
        for names in (["a", "b", "a"], ["a", "c"])
    ]
    assert [read_statement(text, each)["Resource"] for each in both["MatchedStatements"]] == [
        repository("a"),
        repository("b"),
    ]
    assert one["MatchedStatements"] == [], "none of them decides that it is denied"
    assert len(one["ResourceSpecificResults"][0]["MatchedStatements"]) == 1


def test_a_hundred_statements_are_told(iam):
    for number in (100, 101):
        (result,) = custom(iam, policy(*[allow("*")] * number))
        assert len(result["MatchedStatements"]) == 100


# Pages.


def test_results_come_in_pages(iam):
    actions = [f"ecr:Get{letter}" for letter in "ABCDE"]
    asked = {"PolicyInputList": [EVERYTHING], "ActionNames": actions}
    whole = custom(iam, EVERYTHING, actions=actions)
    for size, page_count in ((1, 5), (2, 3), (5, 1), (1000, 1)):
        found = pages(iam.simulate_custom_policy, "EvaluationResults", size, **asked)
        assert [result for page in found for result in page] == whole
        assert len(found) == page_count


def test_a_marker_is_of_one_simulation(iam):
    asked = {"PolicyInputList": [EVERYTHING], "ActionNames": ["ecr:PutImage", "ecr:GetImage"], "MaxItems": 1}
    marker = iam.simulate_custom_policy(**asked)["Marker"]
    others = ({"PolicyInputList": [policy(allow("ecr:*"))]}, {"CallerArn": BOB}, {"Marker": "x"})
    for other in others:
        assert refusal(iam.simulate_custom_policy, **asked | {"Marker": marker} | other) == NO_SUCH_PAGE


def test_a_page_is_shorter_where_there_is_much_to_do(iam, monkeypatch):
    asked = {
        "PolicyInputList": [EVERYTHING],
        "ActionNames": ["ecr:PutImage", "ecr:GetImage", "ecr:ListImages"],
    }
    whole = custom(iam, EVERYTHING, actions=asked["ActionNames"])
    monkeypatch.setattr(allowance, "STEPS", 0)
    found = pages(iam.simulate_custom_policy, "EvaluationResults", 3, **asked)
    assert found == [[each] for each in whole]


def test_too_much_for_one_action_is_refused(iam, monkeypatch):
    asked = {"PolicyInputList": [EVERYTHING], "ActionNames": ["ecr:PutImage"], "ResourceArns": [APP] * 1000}
    (result,) = iam.simulate_custom_policy(**asked)["EvaluationResults"]
    assert len(result["ResourceSpecificResults"]) == 1000, "with such policies as people write"
    monkeypatch.setattr(allowance, "STEPS", 0)
    message = "There are too many resources to simulate, or too many policies."
    assert refusal(iam.simulate_custom_policy, **asked) == (*INVALID, message)


def test_a_costly_simulation_comes_in_short_pages(iam):
    """Each request of it takes a millisecond or two."""
    costly = policy(when(allow("*"), "StringEquals", my_key=["${my:other}"] * 500))
    asked = {
        "PolicyInputList": [costly],
        "ActionNames": ["ecr:PutImage"] * 1000,
        "ContextEntries": [entry("my:key", "x"), entry("my:other", "y")],
        "MaxItems": 1000,
    }
    answer = iam.simulate_custom_policy(**asked)
    results = answer["EvaluationResults"]
    assert answer["IsTruncated"]
    assert 20 < len(results) < 60
    assert set(decisions(results)) == {"implicitDeny"}


def test_one_simulation_runs_at_a_time(iam):
    asked = {"PolicyInputList": [EVERYTHING]}
    simulated = asked | {"ActionNames": ["ecr:PutImage"]}
    busy = 400, "Throttling", "Rate exceeded"
    with allowance.one_at_a_time():
        assert refusal(iam.simulate_custom_policy, **simulated) == busy
        assert refusal(iam.simulate_principal_policy, PolicySourceArn=BOB, ActionNames=["ecr:Get"]) == busy
        assert refusal(iam.get_context_keys_for_custom_policy, **asked) == busy
    for _ in range(2):
        assert iam.simulate_custom_policy(**simulated)["EvaluationResults"]
        assert iam.get_context_keys_for_custom_policy(**asked)["ContextKeyNames"] == []
        assert refusal(iam.simulate_custom_policy, **simulated | {"PolicyInputList": ["{"]})[:2] == INVALID


def of_length(characters: int) -> str:
    """And blanks, which do not count."""
    text = policy(allow("*", "arn:aws:ecr:*:*:repository/"))
    return text.replace("repository/", "repository/" + "x" * (characters - policy_size(text))) + " " * 60_000


@pytest.mark.parametrize(
    "rest",
    [
        lambda text: {"PolicyInputList": [EVERYTHING, text]},
        lambda text: {"PermissionsBoundaryPolicyInputList": [text]},
        lambda text: {"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": [text]}]},
        lambda text: {
            "ResourcePolicy": text.replace('"Effect"', '"Principal":"*","Effect"'),
            "CallerArn": BOB,
        },
    ],
)
def test_policies_are_together_no_longer_than_can_be_read(iam, rest):
    most = allowance.MOST_CHARACTERS - policy_size(EVERYTHING)
    message = "There may be 65536 characters in all policies together, white space not counted."
    iam.simulate_custom_policy(**ASKED | rest(of_length(most - 20)))
    assert refusal(iam.simulate_custom_policy, **ASKED | rest(of_length(most + 1))) == (*INVALID, message)


def test_policies_are_no_longer_than_can_be_read_for_their_keys_either(iam):
    ask = iam.get_context_keys_for_custom_policy
    ask(PolicyInputList=[of_length(allowance.MOST_CHARACTERS)])
    assert refusal(ask, PolicyInputList=[of_length(allowance.MOST_CHARACTERS + 1)])[:2] == INVALID


@pytest.mark.parametrize("others", [[], [allow("*"), when(deny("*"), "Null", my_key="false")]])
def test_policies_that_take_too_much_work_are_no_policies_to_decide_by(iam, others):
    """Nor are those of which a decision could be told, but not what else there is to tell."""
    patterns = [f"*{number}*x*y" for number in range(100)]
    given = policy(when(allow("*"), "ForAnyValue:StringLike", aws_TagKeys=patterns), *others)
    entries = [entry("aws:TagKeys", *(f"key-{number}" for number in range(50)), type="stringList")]
    asked = {"PolicyInputList": [given], "ActionNames": ["ecr:PutImage"], "ContextEntries": entries}
    message = "The policies ask for more comparisons than one request may cause."
    assert refusal(iam.simulate_custom_policy, **asked) == (500, "PolicyEvaluation", message)


# What is refused.

ASKED = {"PolicyInputList": [EVERYTHING], "ActionNames": ["ecr:PutImage"]}
TRUST = policy({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"})
OF_IDENTITIES = (
    "line 1, column 41: a policy of this kind speaks of whom it is attached to, no other Principal"
)
OF_RESOURCES = "line 1, column 41: a policy of this kind speaks of what it is attached to, no other Resource"
SYNTAX = "Syntax errors in policy."
ACTION_IS = "One is a service and a name: ecr:PutImage."
ARN_IS = "It is neither an ARN nor *."


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"PolicyInputList": [EVERYTHING, "{"]},
            f"{SYNTAX} PolicyInputList.2, line 1, column 2: this is no JSON: a key is expected",
        ),
        (
            {"PermissionsBoundaryPolicyInputList": [TRUST]},
            f"{SYNTAX} PermissionsBoundaryPolicyInputList.1, {OF_IDENTITIES}",
        ),
        (
            {"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": [EVERYTHING, TRUST]}]},
            f"{SYNTAX} OrderedOrganizationPolicyInputList.1.2, {OF_IDENTITIES}",
        ),
        ({"ResourcePolicy": EVERYTHING, "CallerArn": BOB}, f"{SYNTAX} ResourcePolicy, {OF_RESOURCES}"),
        ({"ResourcePolicy": TRUST}, "A CallerArn is needed for a ResourcePolicy, which speaks of callers."),
        ({"PolicyInputList": [EVERYTHING] * 101}, "There may be 100 policies in PolicyInputList."),
        ({"ActionNames": ["PutImage"]}, f"Invalid action: PutImage. {ACTION_IS}"),
        ({"ActionNames": ["ecr:Put*"]}, f"Invalid action: ecr:Put*. {ACTION_IS}"),
        ({"ResourceArns": ["team/app"]}, f"Invalid resource: team/app. {ARN_IS}"),
        ({"ResourceArns": [APP, "arn:aws:ecr:x"]}, f"Invalid resource: arn:aws:ecr:x. {ARN_IS}"),
        ({"ResourceOwner": "me"}, "Invalid ResourceOwner: me. It is neither an account nor its root."),
        ({"CallerArn": arn("root")}, f"ARN {arn('root')} is not valid."),
        (
            {"ResourceHandlingOption": "EC2-VPC-EBS"},
            "ResourceHandlingOption EC2-VPC-EBS is not supported by openecr.",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(iam, asked, message):
    assert refusal(iam.simulate_custom_policy, **ASKED | asked) == (*INVALID, message)


def test_who_simulates_needs_permission(server, iam):
    bob = server.client("iam", key=a_user(iam, "bob"))
    assert refusal(bob.simulate_custom_policy, **ASKED) == denied(BOB, "iam:SimulateCustomPolicy", "*")
    iam.put_user_policy(
        UserName="bob", PolicyName="may", PolicyDocument=policy(allow("iam:SimulateCustomPolicy"))
    )
    assert decisions(plain(bob.simulate_custom_policy(**ASKED))["EvaluationResults"]) == ["allowed"]
