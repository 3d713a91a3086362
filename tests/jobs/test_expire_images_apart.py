"""A lifecycle run over many images has a process of its own, which takes short cuts."""

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from openecr.domain import lifecycle
from openecr.jobs import expire_images
from openecr.jobs.turns import QUIET_SECONDS
from openecr.jobs.work import Work
from openecr.metadata import schema
from tests.builders import an_image, an_index
from tests.domain.policies import UNTAGGED, a_text, keep, older_than
from tests.jobs.lifecycle import digests


def test_a_run_over_many_images_has_a_process_of_its_own(installation, place, monkeypatch):
    from openecr.jobs.kinds import KINDS

    for tags in ([], ["1"], ["2"]):
        place.push(*tags)
    work = Work(installation.tools, {"repository_id": place.id}, installation.now)
    for kind in ("evaluate_lifecycle", "preview_lifecycle"):
        monkeypatch.setattr(expire_images, "MANY", 3)
        assert not KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MANY", 2)
        assert KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MANY", 3)
        place.put(keep(1))
        letters = 3 * len(a_text(keep(1), separators=(",", ":")))
        monkeypatch.setattr(expire_images, "MUCH", letters)
        assert not KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MUCH", letters - 1)
        assert KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MUCH", letters)
        monkeypatch.setattr(expire_images, "MANY_TAGS", 2)
        assert not KINDS[kind].is_heavy(work)
        monkeypatch.setattr(expire_images, "MANY_TAGS", 1)
        assert KINDS[kind].is_heavy(work)
        monkeypatch.undo()


def test_a_process_of_its_own_takes_much_at_a_time_while_nobody_else_writes(
    installation, place, apart, monkeypatch
):
    apart()
    installation.tools = replace(installation.tools, wait=lambda seconds: None)
    monkeypatch.setattr(expire_images, "SMALL_BATCH", 2)
    monkeypatch.setattr(expire_images, "BATCH", 3)
    images = [place.push() for _ in range(13)]
    place.put(keep(1))
    sizes = []
    carry_out = expire_images._carry_out

    def counting(db, repository, decisions, work):
        sizes.append(len(decisions))
        carry_out(db, repository, decisions, work)
        [is_looking_itself] = db.connection.driver.execute("PRAGMA foreign_keys").fetchone()
        assert not is_looking_itself

    def served(work):
        installation.seconds += 0.6 * QUIET_SECONDS
        if len(sizes) == 2:
            installation.create("team/b")

    monkeypatch.setattr(expire_images, "_carry_out", counting)
    monkeypatch.setattr(expire_images.Work, "step", served)
    assert place.run() == 12
    # Little, until it has been quiet for long enough; but before the third somebody writes.
    assert sizes == [2, 3, 2, 2, 3]
    assert place.left() == digests(images[-1])
    assert installation.fsck() == []


def test_nothing_refers_to_what_a_process_of_its_own_has_deleted(installation, place, apart):
    apart()
    child = an_image(layers=[place.layer])
    place.push("list", image=an_index(child))
    place.push("1", "2")
    place.push("last")
    place.put(keep(1))
    assert place.run() == 3
    assert installation.ask_database("PRAGMA foreign_key_check") is None
    # A table that refers to images too is one that Images.delete_many must know.
    keys = {table.name: table.foreign_keys for table in schema.metadata.sorted_tables}
    assert {name for name in keys if any(key.references(schema.image) for key in keys[name])} == {
        *("manifest", "tag", "image_blob", "image_child")
    }


def test_an_index_that_nobody_looked_for_keeps_what_it_lists(installation, place, apart, monkeypatch):
    apart()
    child = an_image()
    place.push("list", image=an_index(child))
    place.put(older_than(1, **UNTAGGED))
    installation.now += timedelta(days=2)
    monkeypatch.setattr(lifecycle, "_listed", lambda snapshot, decisions: [])
    with pytest.raises(sqlite3.IntegrityError):
        place.run()
    assert child.digest in place.left()
    assert installation.fsck() == []
