"""Locations and links: relative, with the registry's part of the path that the client used."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openecr.domain.registry import private_registry
from openecr.identity.caller import root_caller
from openecr.oci.exchange import Exchange
from openecr.oci.text import values_of
from tests.oci.asking import ACCOUNT, ADDRESSES, ALIAS, PUBLIC_HOST, REGION, Closed, Desk, a_request, place

BY_PATH = f"{ACCOUNT}.dkr.ecr.{REGION}"


def an_exchange(path="/v2/app/tags/list", *, host="localhost:3270", query="") -> Exchange:
    request = a_request(path=path, host=host, query=query)
    registry = private_registry(ACCOUNT, REGION)
    return Exchange(
        request=request,
        gate=Closed(),
        authentication=Desk().authentication,
        addresses=ADDRESSES,
        caller=root_caller(ACCOUNT),
        registry=registry,
        address=place(request),
        repository="app",
        reference="",
    )


@pytest.mark.parametrize(
    ("path", "host", "location"),
    [
        ("/v2/app/blobs/uploads/", "localhost:3270", "/v2/app/blobs/uploads/1"),
        ("/v2/app/blobs/uploads/", f"{BY_PATH}.amazonaws.com", "/v2/app/blobs/uploads/1"),
        (f"/v2/{BY_PATH}/app/blobs/uploads/", "localhost:3270", f"/v2/{BY_PATH}/app/blobs/uploads/1"),
        (
            f"/v2/public.ecr.aws/{ALIAS}/app/blobs/uploads/",
            "localhost:3270",
            f"/v2/public.ecr.aws/{ALIAS}/app/blobs/uploads/1",
        ),
        (f"/v2/{ALIAS}/app/blobs/uploads/", PUBLIC_HOST, f"/v2/{ALIAS}/app/blobs/uploads/1"),
    ],
)
def test_a_location_keeps_what_the_client_wrote_before_the_name(path, host, location):
    assert an_exchange(path, host=host).location("blobs/uploads/1") == location


def test_a_link_reads_as_the_specification_has_it():
    link = an_exchange().next_link("/v2/app/tags/list", [("n", "2"), ("last", "1.0")])
    assert link == '</v2/app/tags/list?n=2&last=1.0>; rel="next"'


def test_a_link_keeps_the_namespace_a_mirror_was_asked_for():
    namespace = f"{BY_PATH}.amazonaws.com"
    link = an_exchange(query=f"ns={namespace}&n=2").next_link("/v2/app/tags/list", [("n", "2")])
    assert link == f'</v2/app/tags/list?n=2&ns={namespace}>; rel="next"'


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="�"), max_size=40))
def test_a_link_says_what_was_put_in_and_cannot_be_broken_out_of(value):
    link = an_exchange().next_link("/v2/app/referrers/x", [("artifactType", value)])
    target = link.removeprefix("<").removesuffix('>; rel="next"')
    assert not set(target) & set('<>" ')
    assert values_of(urlsplit(target).query, "artifactType") == [value]
    assert parse_qsl(urlsplit(target).query, keep_blank_values=True) == [("artifactType", value)]


@pytest.mark.parametrize(
    ("path", "written", "name"),
    [
        ("/v2/app/blobs/uploads/", "team/other", "team/other"),
        ("/v2/app/blobs/uploads/", f"{BY_PATH}/other", None),
        ("/v2/app/blobs/uploads/", "Other", None),
        ("/v2/app/blobs/uploads/", "", None),
        (f"/v2/{BY_PATH}/app/blobs/uploads/", f"{BY_PATH}/team/other", "team/other"),
        (f"/v2/{BY_PATH}/app/blobs/uploads/", f"444455556666.dkr.ecr.{REGION}/other", None),
        (f"/v2/{BY_PATH}/app/blobs/uploads/", "other", None),
        (f"/v2/public.ecr.aws/{ALIAS}/app/blobs/uploads/", f"public.ecr.aws/{ALIAS}/other", "other"),
        (f"/v2/public.ecr.aws/{ALIAS}/app/blobs/uploads/", "public.ecr.aws/another/other", None),
    ],
)
def test_the_source_of_a_mount_is_read_as_the_path_is(path, written, name):
    assert an_exchange(path).sibling(written) == name
