"""Catalog data of public registries and repositories; logos. Source: control-plane.md §9.3, §9.5, §9.6."""

import hashlib

import pytest
import requests

from tests.operations.refusals import invalid, no_repository, refusal
from tests.pictures import a_jpeg, a_png

OTHER = "111122223333"
TEXTS = {
    "description": "Tools of the trade",
    "architectures": ["x86-64", "ARM 64", "riscv"],  # the last is none that a gallery knows
    "operatingSystems": ["Linux", "Plan 9"],
    "aboutText": "# About\n\n*Tools*, “of” the trade.",
    "usageText": "`docker run`",
}


@pytest.fixture
def tools(ecr_public):
    """The name of a public repository."""
    ecr_public.create_repository(repositoryName="team/tools")
    return "team/tools"


def data_of(ecr_public, repository):
    return ecr_public.get_repository_catalog_data(repositoryName=repository)["catalogData"]


def put(ecr_public, repository, **data):
    answer = ecr_public.put_repository_catalog_data(repositoryName=repository, catalogData=data)
    return answer["catalogData"]


def display_name(ecr_public):
    return ecr_public.get_registry_catalog_data()["registryCatalogData"].get("displayName")


# Of a repository.


def test_a_repository_without_catalog_data_answers_all_the_same(ecr_public):
    """Terraform reads it at once."""
    created = ecr_public.create_repository(repositoryName="tools")
    assert created["catalogData"] == {}
    assert data_of(ecr_public, "tools") == {}


def test_what_is_put_is_answered_as_it_was_put(ecr_public, tools):
    assert put(ecr_public, tools, **TEXTS) == TEXTS
    assert data_of(ecr_public, tools) == TEXTS


def test_what_a_repository_is_created_with_is_kept(ecr_public):
    created = ecr_public.create_repository(
        repositoryName="tools", catalogData=TEXTS | {"logoImageBlob": a_png()}
    )
    url = created["catalogData"].pop("logoUrl")
    assert created["catalogData"] == TEXTS
    assert data_of(ecr_public, "tools") == TEXTS | {"logoUrl": url}


def test_a_push_and_a_list_have_nothing_to_do_with_texts(ecr_public, server, tools):
    """They may have 200,000 bytes, and a list a thousand repositories."""
    put(ecr_public, tools, aboutText="x" * 25_600, usageText="y" * 25_600)
    database = server.parts.stores.database
    with database.reading() as db:
        (row,) = db.connection.driver.execute("SELECT * FROM repository").fetchall()
    assert len(repr(row)) < 1000


def test_what_is_put_takes_the_place_of_all_there_was(ecr_public, tools):
    put(ecr_public, tools, **TEXTS, logoImageBlob=a_png())
    assert put(ecr_public, tools, description="Else") == {"description": "Else"}
    assert data_of(ecr_public, tools) == {"description": "Else"}
    assert put(ecr_public, tools) == {}
    assert data_of(ecr_public, tools) == {}


@pytest.mark.parametrize(
    ("member", "most"),
    [
        ("description", "é" * 1024),
        ("aboutText", "a" * 25_600),
        ("usageText", "a" * 25_600),
        ("architectures", ["a" * 50] * 50),
        ("operatingSystems", ["a"] * 50),
    ],
)
def test_the_bounds_of_a_text_or_a_list(ecr_public, tools, member, most):
    assert put(ecr_public, tools, **{member: most}) == {member: most}
    more = most + most[:1]
    reason = f"Member must have length less than or equal to {len(most)}"
    for ask in (ecr_public.put_repository_catalog_data, ecr_public.create_repository):
        name = "other" if ask == ecr_public.create_repository else tools
        given = {"repositoryName": name, "catalogData": {member: more}}
        assert refusal(ask, **given) == invalid(member, reason)
    assert data_of(ecr_public, tools) == {member: most}


@pytest.mark.parametrize("member", ["architectures", "operatingSystems"])
def test_the_bounds_of_an_entry(ecr_public, tools, member):
    asked = {"repositoryName": tools, "catalogData": {member: ["a" * 51]}}
    reason = "Member must have length less than or equal to 50"
    assert refusal(ecr_public.put_repository_catalog_data, **asked) == invalid(member, reason)


def test_of_a_repository_that_is_not_there_nothing_is_known(ecr_public, tools):
    ecr_public.create_repository(repositoryName="other")
    put(ecr_public, "other", **TEXTS, logoImageBlob=a_png())
    ecr_public.delete_repository(repositoryName="other")
    for name in ("other", "nowhere"):
        missing = no_repository(name)
        assert refusal(ecr_public.get_repository_catalog_data, repositoryName=name) == missing
        asked = {"repositoryName": name, "catalogData": {}}
        assert refusal(ecr_public.put_repository_catalog_data, **asked) == missing
    ecr_public.create_repository(repositoryName="other")
    assert data_of(ecr_public, "other") == {}


def test_a_repository_of_another_account_is_asked_about_by_its_number(ecr_public, server, tools):
    put(ecr_public, tools, **TEXTS)
    other = server.client("ecr-public", key=server.account(OTHER))
    asked = {"repositoryName": tools, "registryId": "000000000000"}
    assert refusal(other.get_repository_catalog_data, **asked)[0] == "AccessDeniedException"

    ecr_public.set_repository_policy(
        repositoryName=tools,
        policyText='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "'
        + OTHER
        + '"}, "Action": "ecr-public:GetRepositoryCatalogData"}}',
    )

    assert other.get_repository_catalog_data(**asked)["catalogData"] == TEXTS
    asked["catalogData"] = {}
    assert refusal(other.put_repository_catalog_data, **asked)[0] == "AccessDeniedException"


# Logos.


@pytest.mark.parametrize(
    ("media_type", "picture"), [("image/png", a_png()), ("image/jpeg", a_jpeg(200, 100))]
)
def test_a_logo_is_there_for_everybody_as_it_came(ecr_public, server, tools, media_type, picture):
    url = put(ecr_public, tools, logoImageBlob=picture)["logoUrl"]
    assert url == f"{server.url}/-/logos/{hashlib.sha256(picture).hexdigest()}"
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.content) == (200, picture)
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"

    head = requests.head(url, timeout=10)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(len(picture)), b"")
    again = requests.get(url, timeout=10, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_logo_ends_with_the_next_one_and_with_its_repository(ecr_public, tools):
    first = put(ecr_public, tools, logoImageBlob=a_png())["logoUrl"]
    second = put(ecr_public, tools, logoImageBlob=a_png(61, 61))["logoUrl"]
    assert first != second
    assert [requests.get(url, timeout=10).status_code for url in (first, second)] == [404, 200]
    third = put(ecr_public, tools, logoImageBlob=a_png())["logoUrl"]
    assert third == first
    ecr_public.delete_repository(repositoryName=tools)
    assert [requests.get(url, timeout=10).status_code for url in (first, second)] == [404, 404]


def test_a_logo_of_two_repositories_stays_while_one_of_them_has_it(ecr_public, tools):
    ecr_public.create_repository(repositoryName="other", catalogData={"logoImageBlob": a_png()})
    url = put(ecr_public, tools, logoImageBlob=a_png())["logoUrl"]
    put(ecr_public, tools)
    assert requests.get(url, timeout=10).status_code == 200
    ecr_public.delete_repository(repositoryName="other")
    assert requests.get(url, timeout=10).status_code == 404


def test_an_empty_logo_is_none(ecr_public, tools):
    put(ecr_public, tools, logoImageBlob=a_png())
    assert put(ecr_public, tools, logoImageBlob=b"") == {}


def test_what_is_no_logo_is_refused_and_changes_nothing(ecr_public, tools):
    before = put(ecr_public, tools, **TEXTS, logoImageBlob=a_png())
    for picture, reason in (
        (b"<svg/>", "Image must be a PNG or a JPEG"),
        (a_png()[:-1], "Image must be a whole and well-formed PNG, with nothing after its end"),
        (a_png(59, 60), "Image dimensions must be between 60x60 and 2048x2048"),
    ):
        for ask, name in (
            (ecr_public.put_repository_catalog_data, tools),
            (ecr_public.create_repository, "other"),
        ):
            asked = {"repositoryName": name, "catalogData": {"logoImageBlob": picture}}
            assert refusal(ask, **asked) == invalid("logoImageBlob", reason)
    assert data_of(ecr_public, tools) == before
    assert len(ecr_public.describe_repositories()["repositories"]) == 1


def test_a_logo_has_512000_bytes_at_most(ecr_public, tools):
    filled = a_jpeg()[:-2]
    filled += b"\x00" * (512_000 - len(filled) - 2) + b"\xff\xd9"
    url = put(ecr_public, tools, logoImageBlob=filled)["logoUrl"]
    assert requests.get(url, timeout=10).content == filled
    asked = {"repositoryName": tools, "catalogData": {"logoImageBlob": filled + b"x"}}
    reason = "Member must have length less than or equal to 512000"
    assert refusal(ecr_public.put_repository_catalog_data, **asked) == invalid("logoImageBlob", reason)


@pytest.mark.parametrize(
    ("settings_more", "start"),
    [
        ({"public_external_url": "https://public.ecr.example.com"}, "https://public.ecr.example.com"),
        ({"external_url": "https://r.example.com:8443"}, "https://r.example.com:8443"),
        ({"public_external_url": "host"}, None),
    ],
)
def test_the_address_of_a_logo_is_where_the_public_registry_is(settings, request, settings_more, start):
    settings |= settings_more
    server = request.getfixturevalue("server")
    created = server.client("ecr-public").create_repository(
        repositoryName="tools", catalogData={"logoImageBlob": a_png()}
    )
    assert created["catalogData"]["logoUrl"].rpartition("/-/logos/")[0] == (start or server.url)


def test_the_bytes_of_a_logo_are_not_written_to_the_audit_file(ecr_public, server, tools):
    put(ecr_public, tools, logoImageBlob=a_png())
    written = (server.parts.settings.data_dir / "audit.jsonl").read_text().splitlines()[-1]
    assert f'"logoImageBlob":{{"sizeInBytes":{len(a_png())}}}' in written


# Of a registry.


def test_a_registry_has_no_display_name_until_it_is_given_one(ecr_public):
    assert ecr_public.get_registry_catalog_data()["registryCatalogData"] == {}
    for name in ("The tool makers", "x" * 100, ""):
        answer = ecr_public.put_registry_catalog_data(displayName=name)
        assert answer["registryCatalogData"] == {"displayName": name}
        assert display_name(ecr_public) == name
    assert ecr_public.put_registry_catalog_data()["registryCatalogData"] == {}
    assert display_name(ecr_public) is None


def test_a_display_name_has_100_characters_at_most(ecr_public):
    reason = "Member must have length less than or equal to 100"
    assert refusal(ecr_public.put_registry_catalog_data, displayName="x" * 101) == invalid(
        "displayName", reason
    )


def test_each_registry_has_its_own_display_name_whatever_the_region(ecr_public, server):
    ecr_public.put_registry_catalog_data(displayName="The tool makers")
    assert display_name(server.client("ecr-public", region="eu-west-1")) == "The tool makers"
    assert display_name(server.client("ecr-public", key=server.account(OTHER))) is None
