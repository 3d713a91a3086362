"""Pushers and collectors, each in a thread, that hinder each other as well as they can."""

import time
import traceback
from collections import deque
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from threading import Thread

from openecr.errors import ImageAlreadyExistsException, LayersNotFoundException
from openecr.metadata.invariants import Invariants
from tests.builders import Blob, Image, a_layer, an_image
from tests.jobs.garbage import can_be_read, delete, is_available
from tests.races.live import Live, Tally, live

REPOSITORIES = ("one", "two")
HOT = [a_layer(b"hot %d" % number) for number in range(40)]
KEPT = 3
ATTEMPTS = 50


def prepare(root: Path) -> None:
    with live(root, timedelta(0)) as installation:
        for name in REPOSITORIES:
            installation.create(name)


def stress(installation: Live, seconds: float, seed: int, *, pushers: int = 6, collectors: int = 2) -> Tally:
    """What happened: `pushed`, `broken` images, `again` uploaded, `gave up`, `collected`, `errors`."""
    tallies = [Tally() for _ in range(pushers + collectors)]
    until = time.monotonic() + seconds
    works = [partial(_push, installation, Random(f"{seed}/{number}")) for number in range(pushers)]
    works += [partial(_collect, installation)] * collectors
    threads = [
        Thread(target=_repeat, args=(work, until, tally)) for work, tally in zip(works, tallies, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(tallies, Tally())


def stress_in_process(root: Path, lease: timedelta, seconds: float, seed: int) -> Tally:
    """The same in a process that has only this to do."""
    with live(root, lease) as installation:
        return stress(installation, seconds, seed, pushers=3, collectors=1)


def _repeat(work, until: float, tally: Tally) -> None:
    work = work(tally)
    while time.monotonic() < until:
        try:
            next(work)
        except Exception:
            tally["errors"] += 1
            if tally["errors"] == 1:
                traceback.print_exc()
            return


def _push(installation: Live, random: Random, tally: Tally):
    """A client that pushes and pulls images of common layers, and deletes them."""
    own: deque[tuple[str, Image]] = deque()
    while True:
        repository = random.choice(REPOSITORIES)
        image = an_image(layers=random.sample(HOT, 3), annotations={"of": str(random.random())})
        if not _push_image(installation, repository, image, random, tally):
            tally["gave up"] += 1
            yield
            continue
        tally["pushed"] += 1
        own.append((repository, image))
        for place, each in own:
            if not all(can_be_read(installation, place, blob) for blob in each.blobs):
                tally["broken"] += 1
        if len(own) > KEPT:
            place, each = own.popleft()
            delete(installation, place, each.digest)
        yield


def _push_image(installation: Live, repository: str, image: Image, random: Random, tally: Tally) -> bool:
    for attempt in range(ATTEMPTS):
        for blob in image.blobs:
            _offer(installation, repository, blob, random)
        try:
            installation.ask(
                "PutImage", repositoryName=repository, imageManifest=image.manifest, imageTags=[]
            )
            tally["again"] += attempt
            return True
        except LayersNotFoundException:
            continue
        except ImageAlreadyExistsException:
            return True
    return False


def _offer(installation: Live, repository: str, blob: Blob, random: Random) -> None:
    """As docker does: it asks whether the layer is there, tries to mount it, uploads it."""
    if is_available(installation, repository, blob):
        return
    if random.random() < 0.3:
        mounted = installation.ask("MountLayer", repositoryName=repository, layerDigest=blob.digest)
        if mounted["mounted"]:
            return
    installation.push_layer(repository, blob)


def _collect(installation: Live, tally: Tally):
    while True:
        tally["collected"] += installation.run("collect_garbage")
        with installation.database.reading() as db:
            tally["broken"] += len(Invariants(db.connection).images_without_blob())
        yield
