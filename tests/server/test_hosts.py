"""Which registry a request is for, which front, and the addresses given out. Source: data-plane.md §5.4."""

import asyncio

import pytest

from openecr.domain.addresses import (
    Addresses,
    check_external_url,
    check_public_external_url,
    is_reserved_name,
)
from openecr.domain.registry import Kind, private_registry, public_registry
from openecr.port import Request, Response
from openecr.server.hosts import Front, Fronts, namespace_of, not_found, refuse_plainly

LOCAL = Addresses("http://localhost:3270", "http://localhost:3270/public.ecr.aws")
A, R = "123456789012", "eu-west-1"
PRIVATE_HOSTS = [
    f"{A}.dkr.ecr.{R}.amazonaws.com",
    f"{A}.dkr.ecr.{R}.amazonaws.com:443",
    f"{A}.DKR.ECR.{R}.LocalHost:3270",
    f"{A}.dkr.ecr.{R}.localhost.",
    f"{A}.dkr-ecr.{R}.on.aws",
    f"{A}.dkr.ecr-fips.{R}.amazonaws.com",
    f"{A}.dkr-ecr-fips.{R}.on.aws",
    f"{A}.dkr.ecr.{R}.ecr.internal.example",
]
PUBLIC_HOSTS = ["public.ecr.aws", "public.ecr.localhost:3270", "ecr-public.aws.com", "PUBLIC.ECR.AWS"]
PLAIN_HOSTS = [
    "",
    "localhost:3270",
    "127.0.0.1",
    "[::1]:3270",
    "registry.example",
    "12345678901.dkr.ecr.us-east-1.localhost",  # eleven digits
    "1234567890123.dkr.ecr.us-east-1.localhost",
    "a123456789012.dkr.ecr.us-east-1.localhost",
    f"{A}.dkr.ecr.localhost",  # no domain behind the region
    "ecr-public",
    "notpublic.ecr.aws",
]


# The four forms.


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_form_1_a_host_names_a_private_registry(host):
    address = LOCAL.place(host, "team/app/manifests/1.0")
    assert (address.kind, address.account, address.region) == (Kind.PRIVATE, A, R)
    assert (address.prefix, address.path, address.host_names_registry) == ("", "team/app/manifests/1.0", True)


@pytest.mark.parametrize("host", PUBLIC_HOSTS)
def test_form_1_a_host_names_the_public_registry(host):
    address = LOCAL.place(host, "alias/team/app/manifests/1.0")
    assert (address.kind, address.account, address.alias) == (Kind.PUBLIC, None, "alias")
    assert (address.prefix, address.path) == ("/alias", "team/app/manifests/1.0")
    assert address.host_names_registry


def test_the_host_of_the_public_setting_names_the_public_registry():
    ours = Addresses("https://ecr.example", "https://images.example:8443")
    assert ours.place("images.example:8443", "alias/app/tags/list").alias == "alias"
    assert ours.place("IMAGES.example", "alias/app/tags/list").kind is Kind.PUBLIC
    assert ours.place("ecr.example", "alias/app/tags/list").is_plain


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_form_2_a_namespace_names_the_registry(host):
    address = LOCAL.place("localhost:3270", "team/app/manifests/1.0", namespace=host)
    assert (address.kind, address.account, address.region) == (Kind.PRIVATE, A, R)
    assert not address.host_names_registry
    assert LOCAL.place("localhost", "alias/app/tags/list", namespace="public.ecr.aws").alias == "alias"


def test_a_host_counts_more_than_a_namespace():
    assert LOCAL.place(PRIVATE_HOSTS[0], "app/tags/list", namespace="public.ecr.aws").account == A


def test_a_namespace_of_somebody_else_says_nothing():
    assert LOCAL.place("localhost", "library/alpine/tags/list", namespace="docker.io").is_plain


@pytest.mark.parametrize("host", PLAIN_HOSTS)
def test_form_3_a_path_names_the_registry(host):
    address = LOCAL.place(host, f"{A}.dkr.ecr.{R}/team/app/blobs/uploads/")
    assert (address.kind, address.account, address.region) == (Kind.PRIVATE, A, R)
    assert (address.prefix, address.path) == (f"/{A}.dkr.ecr.{R}", "team/app/blobs/uploads/")
    assert not address.host_names_registry

    public = LOCAL.place(host, "public.ecr.aws/alias/app/tags/list")
    assert (public.kind, public.alias, public.path) == (Kind.PUBLIC, "alias", "app/tags/list")
    assert public.prefix == "/public.ecr.aws/alias"


@pytest.mark.parametrize("host", PLAIN_HOSTS)
def test_form_4_nothing_names_a_registry(host):
    for path in ("", "app/manifests/1.0", "_catalog", f"{A}/app/tags/list", f"{A}.dkr.ecr.{R}"):
        address = LOCAL.place(host, path)
        assert address.is_plain
        assert (address.prefix, address.path, address.region) == ("", path, None)


def test_without_an_alias_a_public_address_has_none():
    for path in ("", "_catalog", "alias", "NoAlias/app/tags/list", "%61lias/app/tags/list"):
        address = LOCAL.place("public.ecr.aws", path)
        assert (address.kind, address.alias, address.path) == (Kind.PUBLIC, None, path)


@pytest.mark.parametrize(
    ("name", "is_reserved"),
    [
        (f"{A}.dkr.ecr.{R}/app", True),
        (f"{A}.dkr.ecr.{R}", True),
        ("public.ecr.aws/app", True),
        ("public.ecr.aws.example/app", False),
        ("app/public.ecr.aws", False),
        (f"{A}.dkr.ecr/app", False),
    ],
)
def test_names_that_form_3_would_read_otherwise_are_reserved(name, is_reserved):
    assert is_reserved_name(name) is is_reserved
    assert LOCAL.place("localhost", name + "/x").is_plain is not is_reserved


# The addresses given out lead back to where they came from.

SETTINGS = [
    ("http://localhost:3270", "http://localhost:3270/public.ecr.aws"),
    ("http://{account}.dkr.ecr.{region}.localhost:3270", "http://public.ecr.localhost:3270"),
    ("https://ecr.example/{account}.dkr.ecr.{region}", "https://images.example"),
    ("host", "host"),
]


@pytest.mark.parametrize(("external", "public"), SETTINGS)
def test_a_repository_uri_is_an_address_of_its_repository(external, public):
    addresses = Addresses(external, public)
    private = private_registry(A, R)
    uri = addresses.repository_uri(private, "team/app", origin="http://registry:5001")
    host, _, path = uri.partition("/")
    address = addresses.place(host, path + "/tags/list")
    assert address.path == "team/app/tags/list"
    assert address.account in (A, None)
    assert addresses.proxy_endpoint(A, R, origin="http://registry:5001").endswith("://" + host)

    uri = addresses.repository_uri(public_registry(A), "app", alias="al1", origin="http://registry:5001")
    assert uri == addresses.registry_uri("al1", origin="http://registry:5001") + "/app"
    host, _, path = uri.partition("/")
    address = addresses.place(host, path + "/tags/list")
    assert (address.kind, address.alias, address.path) == (Kind.PUBLIC, "al1", "app/tags/list")


def test_the_default_addresses():
    origin = "http://elsewhere"
    assert LOCAL.repository_uri(private_registry(A, R), "app", origin=origin) == "localhost:3270/app"
    public = LOCAL.repository_uri(public_registry(A), "app", alias="al1", origin=origin)
    assert public == "localhost:3270/public.ecr.aws/al1/app"
    assert LOCAL.proxy_endpoint(A, R, origin=origin) == "http://localhost:3270"


def test_as_the_request_came():
    addresses = Addresses("host", "host")
    assert addresses.proxy_endpoint(A, R, origin="https://registry:5001") == "https://registry:5001"
    public = public_registry(A)
    asked = {"name": "app", "alias": "al1"}
    assert (
        addresses.repository_uri(public, **asked, origin="http://public.ecr.x:1") == "public.ecr.x:1/al1/app"
    )
    assert addresses.repository_uri(public, **asked, origin="http://r") == "r/public.ecr.aws/al1/app"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a",
        "localhost:3270",
        "http://",
        "http://a/b",
        "http://a?b",
        "http://a#b",
        "http://a b",
        "http://a:b",
    ],
)
def test_an_external_url_that_leads_nowhere_is_told(url):
    assert check_external_url(url)
    assert check_public_external_url(url)


def test_a_public_url_has_no_placeholders():
    assert check_public_external_url("http://{account}.example")


# Fronts.


def request(method="GET", path="/", query="", **headers):
    return Request("id", method, path, query, headers, "", "http", None)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (request(path="/v2/"), "oci"),
        (request(path="/v2"), "oci"),
        (request(path="/v2/app/tags/list"), "oci"),
        (request(path="/token"), "oci"),
        (request(path="/token/"), "oci"),
        (request("POST"), "aws"),
        (request("PUT", **{"X-Amz-Target": "x"}), "aws"),
        (request(query="Action=GetCallerIdentity"), "aws"),
        (request(path="/-/healthz"), "server"),
        (request(path="/-/"), "server"),
        (request(), "web"),
        (request(query="x=Action="), "web"),
        (request(path="/v2x"), "web"),
        (request(path="//v2/"), "web"),
        (request(path="/tokens"), "web"),
        (request("POST", path="/other"), "web"),
        (request(path="/-"), "web"),
    ],
)
def test_the_front_is_chosen_by_the_path(asked, name):
    fronts = Fronts(*(Front(each, not_found, refuse_plainly) for each in ("oci", "aws", "server", "web")))
    assert fronts.choose(asked).name == name


@pytest.mark.parametrize(
    ("method", "query", "namespace"),
    [
        ("GET", "ns=public.ecr.aws", "public.ecr.aws"),
        ("HEAD", "a=b&ns=public.ecr.aws%3A443", "public.ecr.aws:443"),
        ("GET", "ns=a&ns=b", "a"),
        ("GET", "xns=a", None),
        ("GET", "", None),
        ("POST", "ns=public.ecr.aws", None),
        ("PUT", "ns=public.ecr.aws", None),
    ],
)
def test_a_namespace_counts_for_reading_only(method, query, namespace):
    assert namespace_of(request(method, query=query)) == namespace


def test_what_is_nobodys_path_is_not_found():
    assert asyncio.run(not_found(request())) == Response(
        404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n"
    )
