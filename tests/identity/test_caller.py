"""Who asks: the root of an account, or nobody in particular."""

from openecr.identity.caller import anonymous_caller, root_caller


def test_the_root_of_an_account():
    caller = root_caller(
        "123456789012", access_key_id="AKIA", source_address="192.0.2.1", user_agent="docker"
    )

    assert caller.is_root
    assert not caller.is_anonymous
    assert caller.arn == "arn:aws:iam::123456789012:root"
    assert caller.account == caller.principal_id == "123456789012"
    assert (caller.access_key_id, caller.source_address, caller.user_agent) == ("AKIA", "192.0.2.1", "docker")


def test_nobody_in_particular():
    caller = anonymous_caller(source_address="192.0.2.1", user_agent="docker")

    assert caller.is_anonymous
    assert not caller.is_root
    assert (caller.arn, caller.account, caller.principal_id) == ("anonymous", "", "")
    assert (caller.source_address, caller.user_agent) == ("192.0.2.1", "docker")
