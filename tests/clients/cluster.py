"""A Kubernetes cluster as a registry sees one: an issuer with its keys, pods with their tokens."""

import json
from datetime import UTC, datetime
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://kubernetes.default.svc"
AUDIENCE = "sts.amazonaws.com"
LIFETIME_SECONDS = 3600


class Cluster:
    """One with a key of its own.

    keys     the file that `kubectl get --raw /openid/v1/jwks` would make
    setting  how a server is told of it
    """

    def __init__(self, folder: Path):
        self._key = RSAKey.generate_key(2048, {"kid": "cluster", "use": "sig", "alg": "RS256"})
        self.keys = folder / "keys.json"
        self.keys.write_text(json.dumps({"keys": [self._key.as_dict(private=False)]}))
        self.setting = {"OPENECR_OIDC_KEYS": f"{ISSUER}={self.keys}"}

    def token(self, service_account: str) -> str:
        """What a pod of `namespace:name` finds in its projected volume."""
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{service_account}",
            "aud": [AUDIENCE],
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
        }
        return jwt.encode({"alg": "RS256", "kid": "cluster"}, claims, self._key)
