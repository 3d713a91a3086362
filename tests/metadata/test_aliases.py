"""An account that has aliases has one primary, whatever comes and goes. Source: control-plane.md §9.2."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from openecr.metadata.database import Database

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ACCOUNTS = ("000000000000", "111122223333")
NAMES = ("p8v8e7e5", "acme", "tools", "zoo")

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "add default", "remove", "primary"]),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(NAMES),
    ),
    max_size=12,
)


def test_whatever_comes_and_goes_one_alias_is_the_primary_one(tmp_path):
    database = Database(tmp_path / "db")

    @given(steps)
    def holds(chosen):
        with database.transaction(durable=False) as db:
            for account, alias in db.aliases.list():
                db.aliases.remove(account, alias.name)
            for what, account, name in chosen:
                before = db.aliases.of_account(account)
                has = name in [alias.name for alias in before]
                match what:
                    case "add" if db.aliases.find_account(name) is None:
                        db.aliases.add(account, name, at=NOW)
                    case "add default" if db.aliases.find_account(name) is None:
                        if not any(alias.is_default for alias in before):
                            db.aliases.add(account, name, is_default=True, at=NOW)
                    case "remove" if has:
                        db.aliases.remove(account, name)
                    case "primary" if has:
                        db.aliases.set_primary(account, name)
                for each in ACCOUNTS:
                    left = db.aliases.of_account(each)
                    assert [alias.is_primary for alias in left] == [True, *[False] * len(left)][: len(left)]
                    assert sum(alias.is_default for alias in left) <= 1
                    assert db.aliases.find_primary(each) == (left[0].name if left else None)

    holds()
    database.close()
