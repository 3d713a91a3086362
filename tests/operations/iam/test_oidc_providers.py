"""OpenID Connect providers. Source: the service model; AWS's answers as clients' tests keep them."""

import pytest

from tests.operations.iam.asking import (
    ACCOUNT,
    OTHER_ACCOUNT,
    a_user,
    allow,
    denied,
    over_quota,
    pages,
    plain,
    refusal,
)

URL = "https://ci.example.com/team"
THUMBPRINT = "0123456789abcdef0123456789abcdef01234567"
TEAM = {"Key": "team", "Value": "blue"}
COST = {"Key": "cost", "Value": "42"}


def arn(place: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:oidc-provider/{place}"


ARN = arn("ci.example.com/team")
WHICH = {"OpenIDConnectProviderArn": ARN}


@pytest.fixture
def provider(iam):
    iam.create_open_id_connect_provider(Url=URL, ClientIDList=["ecr"])


def shown(iam):
    return plain(iam.get_open_id_connect_provider(**WHICH))


def no_provider(provider_arn: str):
    return 404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {provider_arn}"


def test_a_provider_is_made_and_shown(iam, clock):
    made = iam.create_open_id_connect_provider(
        Url=URL,
        ClientIDList=["sts.amazonaws.com", "ecr", "ecr"],
        ThumbprintList=[THUMBPRINT.upper()],
        Tags=[TEAM, COST],
    )
    assert plain(made) == {"OpenIDConnectProviderArn": ARN, "Tags": [COST, TEAM]}
    assert shown(iam) == {
        "Url": "ci.example.com/team",
        "ClientIDList": ["sts.amazonaws.com", "ecr"],
        "ThumbprintList": [THUMBPRINT],
        "CreateDate": clock.now.replace(microsecond=0),
        "Tags": [COST, TEAM],
    }
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": ARN}]


def test_a_url_is_enough(iam):
    made = iam.create_open_id_connect_provider(Url=URL)
    assert plain(made) == {"OpenIDConnectProviderArn": ARN}
    assert (shown(iam)["ClientIDList"], shown(iam)["ThumbprintList"]) == ([], [])


def test_a_provider_is_called_exactly_as_its_tokens_name_it(iam, provider):
    """With a slash at the end it is another one, as with AWS; a port is taken too."""
    refused = 409, "EntityAlreadyExists", f"Provider with url {URL} already exists."
    assert refusal(iam.create_open_id_connect_provider, Url=URL) == refused
    for url in (f"{URL}/", "https://ci.example.com:8443", "https://ci.example.com:8443/team"):
        made = iam.create_open_id_connect_provider(Url=url)
        assert made["OpenIDConnectProviderArn"] == arn(url.removeprefix("https://"))
        asked = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
        assert iam.get_open_id_connect_provider(**asked)["Url"] == url.removeprefix("https://")


@pytest.mark.parametrize("url", ["ci.example.com", "://ci.example.com", "https://", "https:///"])
def test_what_is_no_url_is_refused(iam, url):
    refused = 400, "ValidationError", "Invalid Open ID Connect Provider URL"
    assert refusal(iam.create_open_id_connect_provider, Url=url) == refused


def test_a_url_begins_with_https(iam):
    text = "Invalid Open ID Connect Provider URL. The URL must begin with https://."
    asked = {"Url": "http://ci.example.com"}
    assert refusal(iam.create_open_id_connect_provider, **asked) == (400, "InvalidInput", text)


@pytest.mark.parametrize(
    "rest",
    [
        "?tenant=1",
        "#top",
        "/team?tenant=1",
        "/team#top",
        "/*",
        ":port",
        ":",
        "@evil.example.com",
        "/a b",
        "/é",
        "_x.com",
    ],
)
def test_a_url_is_a_host_and_a_path(iam, rest):
    text = "Invalid Open ID Connect Provider URL."
    asked = {"Url": f"https://ci.example.com{rest}"}
    assert refusal(iam.create_open_id_connect_provider, **asked) == (400, "InvalidInput", text)


def test_a_url_has_255_characters_at_most(iam):
    longest = "https://ci.example.com/" + "x" * 232
    asked = {"Url": longest + "x"}
    assert "less than or equal to 255" in refusal(iam.create_open_id_connect_provider, **asked)[2]
    assert iam.create_open_id_connect_provider(Url=longest)["OpenIDConnectProviderArn"]


def test_client_ids_are_added_and_removed(iam, provider):
    iam.add_client_id_to_open_id_connect_provider(**WHICH, ClientID="argo")
    iam.add_client_id_to_open_id_connect_provider(**WHICH, ClientID="ecr")
    assert shown(iam)["ClientIDList"] == ["ecr", "argo"]
    iam.remove_client_id_from_open_id_connect_provider(**WHICH, ClientID="ecr")
    iam.remove_client_id_from_open_id_connect_provider(**WHICH, ClientID="nobody")
    assert shown(iam)["ClientIDList"] == ["argo"]


def test_a_provider_has_100_client_ids_at_most(iam):
    hundred = [f"client{number}" for number in range(100)]
    too_many = over_quota("ClientIdsPerOpenIdConnectProvider", 100)
    asked = {"Url": URL, "ClientIDList": [*hundred, "another"]}
    assert refusal(iam.create_open_id_connect_provider, **asked) == too_many
    iam.create_open_id_connect_provider(Url=URL, ClientIDList=hundred)
    asked = {**WHICH, "ClientID": "another"}
    assert refusal(iam.add_client_id_to_open_id_connect_provider, **asked) == too_many
    iam.add_client_id_to_open_id_connect_provider(**WHICH, ClientID="client99")


def test_thumbprints_are_replaced(iam, provider):
    five = [f"{number}" * 40 for number in range(5)]
    iam.update_open_id_connect_provider_thumbprint(**WHICH, ThumbprintList=five)
    assert shown(iam)["ThumbprintList"] == five

    text = "Thumbprint list must contain fewer than 5 entries."
    asked = {**WHICH, "ThumbprintList": [*five, THUMBPRINT]}
    refused = refusal(iam.update_open_id_connect_provider_thumbprint, **asked)
    assert refused == (400, "InvalidInput", text)
    text = "A thumbprint must be 40 hexadecimal digits."
    asked = {**WHICH, "ThumbprintList": ["g" * 40]}
    refused = refusal(iam.update_open_id_connect_provider_thumbprint, **asked)
    assert refused == (400, "InvalidInput", text)
    assert shown(iam)["ThumbprintList"] == five


def test_tags_are_set_and_removed(iam, provider):
    iam.tag_open_id_connect_provider(**WHICH, Tags=[TEAM, COST])
    iam.untag_open_id_connect_provider(**WHICH, TagKeys=["cost"])
    answer = {"Tags": [TEAM], "IsTruncated": False}
    assert plain(iam.list_open_id_connect_provider_tags(**WHICH)) == answer
    assert shown(iam)["Tags"] == [TEAM]


def test_a_provider_has_fifty_tags_at_most(iam, provider):
    fifty = [{"Key": f"key{number:02}", "Value": ""} for number in range(50)]
    iam.tag_open_id_connect_provider(**WHICH, Tags=fifty)
    refused = over_quota("TagsPerOpenIDConnectProvider", 50)
    assert refusal(iam.tag_open_id_connect_provider, **WHICH, Tags=[TEAM]) == refused
    in_pages = pages(iam.list_open_id_connect_provider_tags, "Tags", 30, **WHICH)
    assert [len(page) for page in in_pages] == [30, 20]


def test_a_provider_is_deleted_once_and_again(iam, provider):
    iam.delete_open_id_connect_provider(**WHICH)
    assert refusal(iam.get_open_id_connect_provider, **WHICH) == no_provider(ARN)
    iam.delete_open_id_connect_provider(**WHICH)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_provider_that_is_not_there_is_told(iam):
    unknown = no_provider(ARN)
    asked = {**WHICH, "ClientID": "ecr"}
    assert refusal(iam.add_client_id_to_open_id_connect_provider, **asked) == unknown
    assert refusal(iam.remove_client_id_from_open_id_connect_provider, **asked) == unknown
    asked = {**WHICH, "ThumbprintList": []}
    assert refusal(iam.update_open_id_connect_provider_thumbprint, **asked) == unknown
    assert refusal(iam.tag_open_id_connect_provider, **WHICH, Tags=[TEAM]) == unknown
    assert refusal(iam.untag_open_id_connect_provider, **WHICH, TagKeys=["team"]) == unknown
    assert refusal(iam.list_open_id_connect_provider_tags, **WHICH) == unknown


def test_what_is_no_arn_of_a_provider_is_refused(iam):
    refused = 400, "ValidationError", "Invalid ARN:  Could not be parsed!"
    for text in ("provider" * 4, ARN.replace("oidc-provider", "saml-provider")):
        asked = {"OpenIDConnectProviderArn": text}
        assert refusal(iam.get_open_id_connect_provider, **asked) == refused
        assert refusal(iam.delete_open_id_connect_provider, **asked) == refused


def test_the_providers_of_an_account_are_its_own(server, iam, provider):
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    assert other.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    for ask in (other.get_open_id_connect_provider, other.delete_open_id_connect_provider):
        assert refusal(ask, **WHICH)[1] == "AccessDenied"
    made = other.create_open_id_connect_provider(Url=URL)["OpenIDConnectProviderArn"]
    assert made == arn("ci.example.com/team", OTHER_ACCOUNT)
    assert shown(iam)["ClientIDList"] == ["ecr"]


def test_policies_know_providers_by_arn(server, iam, provider):
    leave = allow("iam:*OpenIDConnectProvider*", arn("ci.example.com/*"))
    helper = server.client("iam", key=a_user(iam, "helper", leave))
    assert shown(helper)["Url"] == "ci.example.com/team"
    asked = {"Url": "https://other.example.com"}
    who = f"arn:aws:iam::{ACCOUNT}:user/helper"
    refused = denied(who, "iam:CreateOpenIDConnectProvider", arn("other.example.com"))
    assert refusal(helper.create_open_id_connect_provider, **asked) == refused
