"""When an image was last pulled, as far as it is recorded."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, or_, select, update

from openecr.metadata.query import Connection, Query, milliseconds
from openecr.metadata.schema import image, pull_time_exclusion, repository

_IS_DUE = or_(image.c.pulled_at.is_(None), image.c.pulled_at <= bindparam("before"))
_WHICH = image.c.id == bindparam("image")
_COUNTS = Query(
    select(image.c.id)
    .join_from(image, repository, repository.c.id == image.c.repository_id)
    .where(
        _WHICH,
        _IS_DUE,
        ~exists().where(
            pull_time_exclusion.c.account_id == repository.c.account_id,
            pull_time_exclusion.c.region == repository.c.region,
            pull_time_exclusion.c.principal_arn == bindparam("principal"),
        ),
    )
)
_RECORD = Query(update(image).where(_WHICH, _IS_DUE).values(pulled_at=bindparam("at")))


class PullTimes:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def counts(self, image_id: int, principal: str, *, at: datetime, resolution: timedelta) -> bool:
        """Whether a pull is to be recorded: the image is there, its time was not recorded for so long, and
        the registry does not exclude who pulled it."""
        before = milliseconds(at - resolution)
        return self._connection.one(_COUNTS, image=image_id, principal=principal, before=before) is not None

    def record(self, pulls: Iterable[tuple[int, datetime]], *, resolution: timedelta) -> int:
        """How many of them were not recorded meanwhile by somebody else."""
        return sum(
            self._connection.run(
                _RECORD, image=image_id, at=milliseconds(at), before=milliseconds(at - resolution)
            )
            for image_id, at in pulls
        )
