"""How a repository is to be encrypted, as CreateRepository is asked. Source: control-plane.md §2.2.

There is no KMS: a key is a name that is kept and shown, and nothing is encrypted by it ("stored only",
design.md §5).
"""

import re
from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from openecr.domain.registry import Registry
from openecr.domain.repository import Encryption
from openecr.errors import InvalidParameterException, KmsException

AES256 = "AES256"
MANAGED_KEY = "alias/aws/ecr"
"""What encrypts where no key is named."""
_KEY_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:kms:([a-z0-9-]+):[0-9]{12}:(?:key|alias)/[a-zA-Z0-9/_-]+")
_KEY_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+|[a-zA-Z0-9-]+")


def parse(asked: Mapping[str, str] | None, registry: Registry) -> Encryption:
    """`encryptionConfiguration` as it came, with the ARN of its key in full.

    Raises InvalidParameterException; KmsException for what can be no key of the registry's region
    """
    if asked is None:
        return Encryption()
    kind, key = asked["encryptionType"], asked.get("kmsKey")
    if kind != AES256:
        return Encryption(kind, _key_arn(registry, key or MANAGED_KEY))
    if key is not None:
        raise InvalidParameterException(
            member="encryptionConfiguration",
            reason="kmsKey can't be set when encryptionType is set as AES256",
        )
    return Encryption()


def _key_arn(registry: Registry, key: str) -> str:
    """The ARN of a key given as ARN, id or alias. An ARN is as it was given: terraform compares. An alias
    always means the same key, one that is made of its name."""
    prefix = f"arn:aws:kms:{registry.region}:{registry.account}:"
    found = _KEY_ARN.fullmatch(key)
    if found is None and not _KEY_NAME.fullmatch(key):
        raise KmsException(f"Invalid keyId '{key}'", members={"kmsError": "NotFoundException"})
    if found is not None and found[1] != registry.region:
        raise KmsException(f"Invalid arn {found[1]}", members={"kmsError": "NotFoundException"})
    if found is not None and ":alias/" not in key:
        return key
    if "alias/" not in key:
        return f"{prefix}key/{key}"
    full = key if found is not None else prefix + key
    return f"{full.split('alias/')[0]}key/{uuid5(NAMESPACE_URL, full)}"
