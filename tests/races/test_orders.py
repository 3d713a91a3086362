"""D2, D3: who was promised a layer has it, whatever the collector does before the manifest comes."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from tests.builders import Blob, a_layer, an_image
from tests.jobs.garbage import GRACE, LEASE, MOMENT, TRUSTING, bound, can_be_read, delete, is_available
from tests.jobs.installation import Installation
from tests.races.live import ORDERS

pytestmark = [
    pytest.mark.timeout(ORDERS + 120),
    *([pytest.mark.slow] if ORDERS > 100 else []),
]
HALF = timedelta(hours=12)
NOTHING = timedelta(0)


def upload(installation: Installation, blob: Blob) -> None:
    installation.push_layer("team/app", blob)


def mount(installation: Installation, blob: Blob) -> None:
    """Where another repository has it still, by chance; else it is uploaded."""
    mounted = installation.ask("MountLayer", repositoryName="team/app", layerDigest=blob.digest)
    if not mounted["mounted"]:
        upload(installation, blob)


def head(installation: Installation, blob: Blob) -> None:
    """As docker does: what is there is not uploaded."""
    if not is_available(installation, "team/app", blob):
        upload(installation, blob)


ORDER = [(upload, LEASE), (mount, LEASE), (head, HALF)]
"""How a client comes to be promised a layer, and for how long at least."""


@pytest.fixture(autouse=True)
def place(installation):
    installation.create("team/app")
    installation.create("team/base")
    installation.blobs._fsync = False


@pytest.mark.parametrize("grace", [NOTHING, GRACE], ids=["without grace", "with grace"])
@pytest.mark.parametrize(("promise", "life"), ORDER, ids=["upload", "mount", "head"])
def test_a_manifest_that_comes_in_time_finds_its_layers(installation, promise, life, grace):
    go_through(installation, promise, life, grace, count=ORDERS)


def go_through(
    installation: Installation,
    promise: Callable[[Installation, Blob], None],
    life: timedelta,
    grace: timedelta,
    *,
    count: int,
) -> None:
    """Layers that nobody needs any more, of all ages; a client is promised them, the collector comes, and
    then the manifest; the image stays whole for as long as it is there."""
    random = Random(f"{promise.__name__} {grace}")
    bound(installation, gc_grace=grace, gc_brakes=TRUSTING)
    hot = [a_layer(b"hot %d" % number) for number in range(6)]
    for _ in range(count):
        layers = random.sample(hot, 2)
        image = an_image(layers=layers, config=random.choice(hot), annotations={"of": str(random.random())})
        if random.random() < 0.3:
            installation.push_layer("team/base", random.choice(layers))
        installation.now += random.choice([NOTHING, HALF, LEASE, LEASE + grace])
        for blob in image.blobs:
            promise(installation, blob)
        installation.now += random.choice([NOTHING, life / 2, life + grace - MOMENT])
        installation.run("collect_garbage")
        installation.ask("PutImage", repositoryName="team/app", imageManifest=image.manifest, imageTags=[])

        installation.now += random.choice([NOTHING, LEASE + grace])
        installation.run("collect_garbage")
        assert all(can_be_read(installation, "team/app", blob) for blob in image.blobs)
        delete(installation, "team/app", image.digest)
    assert installation.fsck(deep=True) == []


def test_a_manifest_that_comes_too_late_is_told_which_layers_it_needs_again(installation):
    from openecr.errors import LayersNotFoundException

    bound(installation, gc_brakes=TRUSTING)
    image = an_image()
    for blob in image.blobs:
        upload(installation, blob)
    installation.now += LEASE + GRACE
    installation.run("collect_garbage")

    with pytest.raises(LayersNotFoundException):
        installation.ask("PutImage", repositoryName="team/app", imageManifest=image.manifest, imageTags=[])
    installation.push("team/app", image, "1.0")
    assert all(can_be_read(installation, "team/app", blob) for blob in image.blobs)
