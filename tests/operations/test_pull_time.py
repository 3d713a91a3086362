"""When an image was last pulled, and whose pulls do not count."""

import json
import sys
import threading
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from openecr.domain.quotas import Quotas
from openecr.operations.pulls import BATCH, ROOM, NotedPulls
from tests.builders import an_image, an_index

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/scanner"
ANY = {"Effect": "Allow", "Action": "*", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ANY]})


@pytest.fixture
def image(docker, repository):
    image = an_image()
    assert docker.push(repository, image, "1.0").status == 201
    return image


@pytest.fixture
def pulled_at(server, ecr, repository):
    """When the image was pulled by what is recorded, once all that was noted is."""

    def pulled_at(image):
        server.parts.record_pulls()
        [detail] = ecr.describe_images(repositoryName=repository, imageIds=[{"imageDigest": image.digest}])[
            "imageDetails"
        ]
        return detail.get("lastRecordedPullTime")

    return pulled_at


@pytest.fixture
def user(server):
    """A user who may everything: its ARN and its key."""
    iam = server.client("iam")
    arn = iam.create_user(UserName="robot")["User"]["Arn"]
    iam.put_user_policy(UserName="robot", PolicyName="all", PolicyDocument=POLICY)
    key = iam.create_access_key(UserName="robot")["AccessKey"]
    return arn, (key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def session(server):
    """The key of a session of ROLE."""
    iam = server.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
    iam.create_role(
        RoleName="scanner",
        Path="/ci/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    iam.put_role_policy(RoleName="scanner", PolicyName="all", PolicyDocument=POLICY)
    iam.create_user(UserName="nightly")
    iam.put_user_policy(UserName="nightly", PolicyName="all", PolicyDocument=POLICY)
    key = iam.create_access_key(UserName="nightly")["AccessKey"]
    sts = server.client("sts", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    made = sts.assume_role(RoleArn=ROLE, RoleSessionName="tonight")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def at(clock):
    return pytest.approx(clock.now.timestamp(), abs=1)


def api_pull(client, repository, *ids):
    client.batch_get_image(
        repositoryName=repository, imageIds=[{"imageTag": each} for each in ids or ("1.0",)]
    )


@pytest.mark.parametrize("front", ["api", "oci"])
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_pull_is_recorded(ecr, docker, repository, image, pulled_at, clock, front, by):
    assert pulled_at(image) is None
    clock.advance(minutes=2)
    if front == "oci":
        assert docker.get_manifest(repository, "1.0" if by == "tag" else image.digest).status == 200
    else:
        image_id = {"imageTag": "1.0"} if by == "tag" else {"imageDigest": image.digest}
        ecr.batch_get_image(repositoryName=repository, imageIds=[image_id])
    assert pulled_at(image).timestamp() == at(clock)


def test_to_look_is_not_to_pull(ecr, docker, repository, image, pulled_at):
    for _ in range(3):
        assert docker.head_manifest(repository, "1.0").status == 200
    docker.get_blob(repository, image.blobs[0].digest)
    ecr.describe_images(repositoryName=repository)
    assert docker.get_manifest(repository, "none").status == 404
    assert pulled_at(image) is None


def test_a_pull_after_many_looks_is_recorded_and_looks_after_it_are_not(
    server, docker, repository, image, pulled_at, clock
):
    for _ in range(3):
        docker.head_manifest(repository, "1.0")
    docker.get_manifest(repository, "1.0")
    first = pulled_at(image).timestamp()
    clock.advance(hours=2)
    docker.head_manifest(repository, "1.0")
    server.parts.record_pulls()
    with server.parts.stores.database.reading() as db:
        found = db.repositories.get(_registry(server), repository)
        assert db.images.find_by_tag(found, "1.0").pulled_at.timestamp() == pytest.approx(first)


def _registry(server):
    from openecr.domain.registry import private_registry

    return private_registry(server.parts.settings.account, server.parts.settings.region)


def test_each_image_of_one_call_is_recorded(ecr, docker, repository, image, pulled_at):
    other, unasked = an_image(), an_image()
    docker.push(repository, other, "2.0")
    docker.push(repository, unasked, "3.0")
    api_pull(ecr, repository, "1.0", "2.0", "none")
    assert pulled_at(image)
    assert pulled_at(other)
    assert pulled_at(unasked) is None


def test_an_index_and_the_child_that_is_pulled_are_recorded_each(docker, repository, pulled_at, clock):
    wanted, unwanted = an_image(), an_image()
    index = an_index(wanted, unwanted)
    docker.push(repository, index, "all")
    docker.get_manifest(repository, "all")
    assert pulled_at(index).timestamp() == at(clock)
    assert pulled_at(wanted) is None

    clock.advance(minutes=5)
    docker.get_manifest(repository, wanted.digest)
    assert pulled_at(wanted).timestamp() == at(clock)
    assert pulled_at(index).timestamp() != at(clock)
    assert pulled_at(unwanted) is None


class TestResolution:
    """An image's time is written once an hour at most."""

    @pytest.fixture
    def settings(self, settings):
        return settings | {"pull_time_resolution_minutes": "5"}

    def test_a_time_is_written_again_when_it_is_old_enough(self, docker, repository, image, pulled_at, clock):
        docker.get_manifest(repository, "1.0")
        first = pulled_at(image)
        clock.advance(minutes=5, milliseconds=-2)
        docker.get_manifest(repository, "1.0")
        assert pulled_at(image) == first
        clock.advance(milliseconds=4)
        docker.get_manifest(repository, "1.0")
        assert (pulled_at(image) - first) >= timedelta(minutes=5)


def test_nothing_is_written_where_nothing_is_due(server, docker, repository, image, pulled_at):
    docker.get_manifest(repository, "1.0")
    pulled_at(image)
    docker.get_manifest(repository, "1.0")
    database = server.parts.stores.database

    def version():
        with database.reading() as db:
            return db.connection.driver.execute("PRAGMA data_version").fetchone()

    before = version()
    server.parts.record_pulls()
    assert version() == before


def test_of_an_image_that_was_deleted_meanwhile_nothing_is_recorded(server, ecr, docker, repository, image):
    docker.get_manifest(repository, "1.0")
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "1.0"}])
    server.parts.record_pulls()
    assert ecr.describe_images(repositoryName=repository)["imageDetails"] == []


# Exclusions.


def test_an_exclusion_is_registered_listed_and_ended(ecr, clock):
    answer = ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    assert answer["principalArn"] == ROLE
    assert answer["createdAt"].timestamp() == at(clock)
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [ROLE]
    assert ecr.deregister_pull_time_update_exclusion(principalArn=ROLE)["principalArn"] == ROLE
    answer = ecr.list_pull_time_update_exclusions()
    assert answer["pullTimeUpdateExclusions"] == []
    assert "nextToken" not in answer


def test_one_that_is_there_or_is_not_is_told(ecr):
    with pytest.raises(ecr.exceptions.ExclusionNotFoundException):
        ecr.deregister_pull_time_update_exclusion(principalArn=ROLE)
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    with pytest.raises(ecr.exceptions.ExclusionAlreadyExistsException):
        ecr.register_pull_time_update_exclusion(principalArn=ROLE)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sts::{ACCOUNT}:assumed-role/scanner/tonight",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::{ACCOUNT}:group/all",
        f"arn:aws:iam::{ACCOUNT}:user/" + "u" * 170,
    ],
)
def test_what_is_no_user_or_role_is_refused(ecr, arn):
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.register_pull_time_update_exclusion(principalArn=arn)


def test_a_registry_has_a_hundred_and_each_region_its_own(server, ecr):
    arns = [f"arn:aws:iam::{ACCOUNT}:user/u{number:03}" for number in range(Quotas().pull_time_exclusions)]
    for arn in arns:
        ecr.register_pull_time_update_exclusion(principalArn=arn)
    with pytest.raises(ecr.exceptions.LimitExceededException):
        ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    elsewhere = server.client("ecr", region="eu-central-1")
    elsewhere.register_pull_time_update_exclusion(principalArn=ROLE)
    assert elsewhere.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [ROLE]

    found, token = [], {}
    while token is not None:
        answer = ecr.list_pull_time_update_exclusions(maxResults=30, **token)
        assert len(answer["pullTimeUpdateExclusions"]) <= 30
        found += answer["pullTimeUpdateExclusions"]
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else None
    assert found == arns
    ecr.deregister_pull_time_update_exclusion(principalArn=arns[0])
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)


def test_a_token_of_another_list_is_refused(ecr):
    with pytest.raises(ClientError) as caught:
        ecr.list_pull_time_update_exclusions(nextToken="x" * 40)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize("front", ["api", "oci"])
def test_the_pulls_of_an_excluded_user_do_not_count(
    server, ecr, docker, repository, image, pulled_at, user, front
):
    arn, key = user
    ecr.register_pull_time_update_exclusion(principalArn=arn)

    def pull():
        if front == "api":
            api_pull(server.client("ecr", key=key), repository)
        else:
            assert server.docker(key=key).get_manifest(repository, "1.0").status == 200

    pull()
    assert pulled_at(image) is None
    ecr.deregister_pull_time_update_exclusion(principalArn=arn)
    pull()
    assert pulled_at(image) is not None


def test_the_pulls_of_others_count_beside_those_of_an_excluded_user(
    server, ecr, docker, repository, image, pulled_at, user, clock
):
    arn, key = user
    ecr.register_pull_time_update_exclusion(principalArn=arn)
    api_pull(ecr, repository)
    first = clock.now.timestamp()
    clock.advance(minutes=3)
    api_pull(server.client("ecr", key=key), repository)
    assert pulled_at(image).timestamp() == pytest.approx(first, abs=1)


def test_the_sessions_of_a_role_are_excluded_by_the_role_with_its_path(
    server, ecr, repository, image, pulled_at, session
):
    puller = server.client("ecr", key=session)
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    api_pull(puller, repository)
    server.docker(key=session).get_manifest(repository, "1.0")
    assert pulled_at(image) is None

    ecr.deregister_pull_time_update_exclusion(principalArn=ROLE)
    ecr.register_pull_time_update_exclusion(principalArn=f"arn:aws:iam::{ACCOUNT}:role/scanner")
    api_pull(puller, repository)
    assert pulled_at(image) is not None


def test_an_exclusion_of_another_region_does_not_hold_here(server, ecr, repository, image, pulled_at, user):
    arn, key = user
    server.client("ecr", region="eu-central-1").register_pull_time_update_exclusion(principalArn=arn)
    api_pull(server.client("ecr", key=key), repository)
    assert pulled_at(image) is not None


# What is noted in memory.


class Puller:
    account = ACCOUNT
    role_arn = ""
    arn = f"arn:aws:iam::{ACCOUNT}:user/robot"


class OtherPuller:
    account = "111122223333"
    role_arn = ""
    arn = "arn:aws:iam::111122223333:user/robot"


def test_no_more_is_noted_than_there_is_room_for(server, clock):
    pulls = NotedPulls()
    for image_id in range(ROOM + 10):
        pulls.note(image_id, Puller, clock.now)
    assert len(pulls) == ROOM // 2
    pulls.record(server.parts.stores.database, resolution=timedelta(hours=1))
    assert len(pulls) == 0
    for image_id in range(ROOM // 2 + 1):
        pulls.note(image_id, Puller, clock.now)
    assert len(pulls) == ROOM // 2


def test_an_account_that_pulls_very_much_keeps_nobody_out(clock):
    pulls = NotedPulls()
    for image_id in range(ROOM):
        pulls.note(image_id, Puller, clock.now)
    for image_id in range(ROOM):
        pulls.note(image_id, OtherPuller, clock.now)
    assert len(pulls) == ROOM // 2 + ROOM // 4


def test_more_images_than_one_transaction_writes_are_recorded(server, ecr, docker, repository, clock, image):
    database = server.parts.stores.database
    with database.transaction() as db:
        driver = db.connection.driver
        driver.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= ?) "
            "INSERT INTO image (repository_id, digest, media_type, size_bytes, manifest_size_bytes, "
            "annotations, status, pushed_at) SELECT 1, randomblob(32), 'x', 1, 1, '{}', 'ACTIVE', 1 FROM n",
            (2 * BATCH,),
        )
        ids = [row[0] for row in driver.execute("SELECT id FROM image")]
    pulls = NotedPulls()
    for image_id in ids:
        pulls.note(image_id, Puller, clock.now)
    assert pulls.record(database, resolution=timedelta(0)) == len(ids) > 2 * BATCH
    with database.reading() as db:
        left = db.connection.driver.execute("SELECT count(*) FROM image WHERE pulled_at IS NULL")
        assert left.fetchone() == (0,)


def test_pulls_may_be_noted_while_others_are_recorded(server, clock):
    pulls, stop, failures = NotedPulls(), threading.Event(), []

    def note():
        number = 0
        while not stop.is_set():
            number += 1
            pulls.note(number % 1000, Puller, clock.now)

    def record():
        try:
            for _ in range(20):
                pulls.record(server.parts.stores.database, resolution=timedelta(0))
        except RuntimeError as error:
            failures.append(error)

    noting, recording = threading.Thread(target=note), threading.Thread(target=record)
    noting.start()
    recording.start()
    recording.join()
    stop.set()
    noting.join()
    assert failures == []


def test_two_may_record_at_once(server, clock):
    """The timer of a server and its end."""
    switch_seconds = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    failures = []

    def record(pulls, both):
        both.wait()
        try:
            pulls.record(server.parts.stores.database, resolution=timedelta(0))
        except KeyError as error:
            failures.append(error)

    for _ in range(60):
        pulls, both = NotedPulls(), threading.Barrier(2)
        for image_id in range(300):
            pulls.note(image_id, Puller, clock.now)
        recording = [threading.Thread(target=record, args=(pulls, both)) for _ in range(2)]
        for each in recording:
            each.start()
        for each in recording:
            each.join()
        assert len(pulls) == 0
    sys.setswitchinterval(switch_seconds)
    assert failures == []
