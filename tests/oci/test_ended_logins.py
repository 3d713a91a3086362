"""A login that ends between the head of a push and its body: it ends the push too.

The server has judged the head when it asks for the body, and how long that takes is up to the client.
"""

import json
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import pytest

from tests.builders import a_layer, an_image
from tests.every_operation.principals import a_user, allow
from tests.oci.wire import Connection, credentials

REPOSITORY = "team/app"
INVALID = "Your Authorization Token is invalid."
EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


@dataclass
class House:
    """A repository, its owner, and a user who pushes to it."""

    server: object
    iam: object
    owner: object
    user: object
    docker: object
    image: object
    layer: object

    def begun(self, method, target, body, headers):
        sent = {"Content-Length": str(len(body)), "Expect": "100-continue", **headers}
        connection = Connection(self.server, method, target, sent)
        connection.wait_for_continue()
        return connection

    def begun_push(self, what):
        """A push whose head was judged, and its body, which is asked for."""
        digest = quote(self.layer.digest)
        if what == "manifest":
            method, target, body = "PUT", f"/v2/{REPOSITORY}/manifests/1.0", self.image.content
        elif what == "whole layer":
            method, target, body = "POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest}", b""
        else:
            self.location = self.docker.start_upload(REPOSITORY).headers["Location"]
            method, target = {
                "chunk": ("PATCH", self.location),
                "last chunk": ("PUT", f"{self.location}?digest={digest}"),
            }[what]
        body = self.image.content if what == "manifest" else self.layer.content
        headers = {"Content-Type": self.image.media_type, **credentials(self.docker)}
        return self.begun(method, target, body, headers), body

    def is_there(self, what):
        """Whether the push has left anything behind."""
        if what == "manifest":
            return self.owner.head_manifest(REPOSITORY, "1.0").status == 200
        if what == "chunk":
            return self.owner.ask("GET", self.location).headers["Range"] != "0-0"
        return self.owner.head_blob(REPOSITORY, self.layer.digest).status == 200

    def disable_key(self):
        self.iam.update_access_key(UserName=self.user.name, AccessKeyId=self.user.key[0], Status="Inactive")


@pytest.fixture
def house(server, docker, repository):
    assert repository == REPOSITORY
    iam = server.client("iam")
    user = a_user(iam, "somebody")
    user.may(allow("ecr:*", "*"))
    image = an_image()
    docker.push_layers(REPOSITORY, image)
    return House(server, iam, docker, user, server.docker(key=user.key), image, a_layer())


def ended(begun):
    connection, body = begun
    with connection:
        connection.send(body)
        return connection.answer()


PUSHES = {"manifest": 201, "whole layer": 201, "chunk": 202, "last chunk": 201}


@pytest.mark.parametrize("what", PUSHES)
def test_a_key_that_ends_before_the_body_is_there_ends_the_push(house, what):
    begun = house.begun_push(what)
    house.disable_key()

    answer = ended(begun)

    assert (answer.status, answer.error, answer.message) == (403, "DENIED", INVALID)
    assert not house.is_there(what)

    house.iam.update_access_key(UserName=house.user.name, AccessKeyId=house.user.key[0], Status="Active")
    assert ended(house.begun_push(what)).status == PUSHES[what]
    assert house.is_there(what)


@pytest.mark.parametrize("what", PUSHES)
def test_a_login_that_is_over_before_the_body_is_there_ends_the_push(house, clock, what):
    begun = house.begun_push(what)
    clock.advance(hours=13)

    answer = ended(begun)

    assert (answer.status, answer.error, answer.message) == (403, "DENIED", EXPIRED)
    if what != "chunk":
        clock.advance(hours=-13)
        assert not house.is_there(what)


@pytest.mark.parametrize("what", ["manifest", "whole layer", "last chunk"])
def test_a_permission_that_ends_before_the_body_is_there_ends_the_push(house, what):
    begun = house.begun_push(what)
    house.user.may()

    answer = ended(begun)

    assert (answer.status, answer.error) == (403, "DENIED")
    assert not house.is_there(what)


def test_a_layer_that_was_sent_in_vain_is_not_left_behind(house):
    begun = house.begun_push("whole layer")
    house.disable_key()
    assert ended(begun).status == 403

    with house.server.parts.stores.database.reading() as db:
        assert db.connection.driver.execute("SELECT count(*) FROM upload").fetchone() == (0,)


def test_a_login_by_a_form_is_judged_when_the_form_is_there(house, clock):
    form = urlencode({"username": "AWS", "password": house.docker.http.auth[1]}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    spared, caught = ((house.begun("POST", "/token/", form, headers), form) for _ in range(2))
    assert json.loads(ended(spared).body)["token"] == house.docker.http.auth[1]

    clock.advance(hours=13)

    answer = ended(caught)
    assert (answer.status, answer.message) == (403, EXPIRED)
