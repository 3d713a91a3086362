import pytest

from openecr.identity.caller import root_caller
from openecr.identity.credentials import KnownKey
from openecr.server.app import build
from openecr.settings import Settings
from tests.aws.asking import ACCOUNT, OTHER_ACCOUNT, OTHER_KEY_ID, AtOnce, Client
from tests.identity.received import ACCESS_KEY_ID, SECRET


@pytest.fixture
def client(tmp_path):
    """A caller of the front: the root of ACCOUNT, or of OTHER_ACCOUNT with the other key's id."""
    given = {"data_dir": tmp_path, "account": ACCOUNT, "access_log": False}
    parts = build(Settings.read(given, environ={}), port=3270)
    parts.make_account(OTHER_ACCOUNT, "other")
    keys = {
        id_: KnownKey(root_caller(account, access_key_id=id_), SECRET)
        for id_, account in ((ACCESS_KEY_ID, ACCOUNT), (OTHER_KEY_ID, OTHER_ACCOUNT))
    }
    yield Client(AtOnce(parts.gate), keys)
    parts.close()
