"""What a request needs is found by key; no look-up on its path reads a whole table."""

import re

import pytest

from openecr.metadata import (
    access_keys,
    aliases,
    catalogs,
    identities,
    identity_policies,
    image_lists,
    lifecycle_facts,
    lifecycle_policies,
    lifecycle_previews,
    managed_policies,
    referrers,
    repositories,
    resource_policies,
    revocations,
    sessions,
    tags,
)

HOT = {
    "access key": (access_keys._FIND, "access_key"),
    "session": (sessions._FIND, "session"),
    "revocation": (revocations._FIND, "revocation"),
    "identity": (identities._FIND_BY_ID, "identity"),
    "identity by name": (identities._FIND, "identity"),
    "policies in force": (
        identity_policies._IN_FORCE,
        "identity inline_policy group_member attached_policy managed_policy policy_version",
    ),
    "boundary": (managed_policies._DOCUMENT, "managed_policy policy_version"),
    "repository policy": (resource_policies._FIND_NAMED, "repository repository_policy"),
    "alias": (aliases._ACCOUNT, "alias"),
    "how many repositories": (repositories._COUNT, "repository_count"),
    "texts of a catalog": (catalogs._TEXTS, "catalog"),
    "logo": (catalogs._LOGO_CONTENT, "logo"),
    "logo of a repository": (catalogs._LOGO, "logo"),
    "display name": (catalogs._OF_REGISTRY, "registry_catalog"),
    "registry policy": (resource_policies._FIND_OF_REGISTRY, "registry_policy"),
}
WARM = {
    "images for a lifecycle policy": lifecycle_facts._IMAGES,
    "tags for a lifecycle policy": lifecycle_facts._TAGS,
    "indexes for a lifecycle policy": lifecycle_facts._CHILDREN,
    "lifecycle policies that are due": lifecycle_policies._DUE,
    "images of a preview to be forgotten": lifecycle_previews._CLEAR,
    "page of identities": identities._PAGE,
    "groups": identities._GROUPS,
    "members": identities._MEMBERS,
    "attached to": identity_policies._ENTITIES,
    "how many": identity_policies._COUNT,
    "bounded": identity_policies._BOUNDED,
    "how many bounded": identity_policies._BOUNDED_COUNT,
    "page of policies": managed_policies._PAGE,
    "how many versions": managed_policies._VERSION_COUNT,
    "keys of a user": access_keys._LIST,
    "expired sessions": sessions._DELETE_EXPIRED,
}

PAGES = {
    "images": (image_lists._PAGE, "image"),
    "image ids": (image_lists._IDS, "image tag"),
    "the rest of an image's ids": (image_lists._REST_OF_IDS, "image tag"),
    "referrers": (referrers._AFTER, "image"),
    "referrers of a type": (referrers._AFTER_OF_TYPE, "image"),
    "images of a preview": (lifecycle_previews._PAGE, "lifecycle_preview_image"),
    "its tagged or untagged images": (lifecycle_previews._PAGE_BY_TAGS, "lifecycle_preview_image"),
    "tags": (tags._NAMES, "tag"),
    "tags and their images": (tags._DETAILS, "tag image"),
    "tags of an image": (tags._OF_IMAGE, "tag"),
    "repositories": (repositories._PAGE, "repository"),
    "catalog": (repositories._NAMES, "repository"),
}
"""What is read in the order of an index and left off where the page ends, with the tables it searches."""


def plan(db, query):
    values = dict.fromkeys(query._compiled.params, 1)
    rows = db.connection.driver.execute(f"EXPLAIN QUERY PLAN {query.text}", values).fetchall()
    return [text for *_, text in rows]


@pytest.mark.parametrize("name", HOT)
def test_a_look_up_on_the_path_of_a_request_is_a_search_by_key(db, name):
    query, tables = HOT[name]
    steps = plan(db, query)
    searches = [step for step in steps if step.startswith("SEARCH")]

    assert [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step] == []
    assert {step.split()[1] for step in searches} == set(tables.split())
    assert [step for step in searches if " USING " not in step or "=?" not in step] == []


@pytest.mark.parametrize("name", WARM)
def test_a_list_reads_its_own_rows_only(db, name):
    assert [step for step in plan(db, WARM[name]) if "SCAN" in step] == []


@pytest.mark.parametrize("name", ["attached to", "how many", "bounded", "how many bounded"])
def test_whom_a_policy_is_attached_to_is_searched_by_its_arn(db, name):
    first = next(step for step in plan(db, WARM[name]) if step.startswith("SEARCH"))
    assert "arn=?" in first


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_from_where_it_begins_in_its_order_and_no_further(db, name):
    """No table is scanned and nothing sorted; what filters a row is in the key that it is searched by."""
    query, tables = PAGES[name]
    steps = plan(db, query)

    assert [step.split()[0] for step in steps] == ["SEARCH"] * len(tables.split())
    assert [step.split()[1] for step in steps] == tables.split()
    for column, comparison in re.findall(r"\.(\w+) (=|>) :", query.text):
        assert f"{column}{comparison}?" in " ".join(steps)


def test_of_an_image_that_is_marked_only_its_own_rows_are_read(db):
    searches = [step for step in plan(db, tags._MARK) if "SUBQUERY" not in step]
    assert searches[0] == "SEARCH image USING INTEGER PRIMARY KEY (rowid=?)"
    assert {step.split(" USING ")[1] for step in searches[1:]} == {"INDEX tag_by_image (image_id=?)"}
