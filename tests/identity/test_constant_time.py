"""Secrets, signatures and tokens are compared by hmac.compare_digest and by nothing else.

All of our code is looked through. Source: reliability.md J8.
"""

import ast
import inspect
from pathlib import Path

import pytest

import openecr
from openecr import identity

PACKAGE = Path(inspect.getfile(openecr)).parent
IDENTITY = Path(inspect.getfile(identity)).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TELLING = {
    "hmac",
    "jwt",
    "key_bytes",
    "mac",
    "password",
    "passwords",
    "secret",
    "secrets",
    "signature",
    "signatures",
    "token",
    "tokens",
}
TELLING_IN_IDENTITY = TELLING | {"expected", "given"}
"""Where whatever is expected is a secret. Elsewhere it is a digest, a number, an argument."""


def comparisons_of_secrets(source: str, telling: set[str] = TELLING) -> list[str]:
    """Each `==`, `!=` or order between two values, one of which by its name is a secret.

    A comparison with None or True is an identity, `in` asks for a name in a table, and what stands
    inside a call (`len(secret)`) is no longer the secret.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and not all(
            isinstance(operator, ast.Is | ast.IsNot | ast.In | ast.NotIn) for operator in node.ops
        ):
            found += [
                ast.unparse(node)
                for operand in (node.left, *node.comparators)
                if is_telling(operand, telling)
            ]
    return found


def is_telling(operand: ast.expr, telling: set[str]) -> bool:
    match operand:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            # A name in capitals is a bound, and known to everyone.
            return not name.isupper() and bool(telling & set(name.lower().strip("_").split("_")))
        case ast.Call(
            func=ast.Attribute(value=value, attr="digest" | "hexdigest" | "hex" | "encode" | "decode")
        ):
            return is_telling(value, telling) or (isinstance(value, ast.Name) and value.id == "hmac")
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner)):
            return is_telling(inner, telling)
        case ast.Subscript(value=value):
            return is_telling(value, telling)
    return False


def test_all_of_our_code_is_looked_through():
    names = {file.relative_to(PACKAGE).as_posix() for file in FILES}
    assert {"identity/sigv4.py", "aws/front.py", "oci/challenge.py", "server/principals.py"} <= names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_nothing_secret_is_compared_in_a_time_that_tells(file):
    telling = TELLING_IN_IDENTITY if file.parent == IDENTITY else TELLING
    assert comparisons_of_secrets(file.read_text(), telling) == []


@pytest.mark.parametrize(
    "source",
    [
        "signature == x",
        "session.token_sha256 == x",
        "x != request.signature",
        "key.secret == given_secret",
        "session_token[:8] == x",
        "mac < x",
        "hmac.digest(key, text, 'sha256').hex() == x",
        "token.encode() == x",
        "a == b == password",
    ],
)
def test_the_rule_finds_what_it_is_for(source):
    assert comparisons_of_secrets(source)


@pytest.mark.parametrize(
    "source",
    [
        "len(secret) == 32",
        "token is None",
        "name in secrets",
        "len(password) > PASSWORD_CHARACTERS",
        "compare_digest(mac, x)",
        "a == b",
        "given == digest",
    ],
)
def test_the_rule_lets_the_rest_be(source):
    assert comparisons_of_secrets(source) == []


def test_what_must_be_compared_is():
    """Secrets are compared in four places, all of them in identity, and all are constant in time."""
    calls = {
        file.relative_to(PACKAGE).as_posix(): file.read_text().count("hmac.compare_digest(")
        for file in FILES
        if "compare_digest" in file.read_text()
    }
    assert calls == {"identity/credentials.py": 1, "identity/sigv4.py": 1, "identity/tokens.py": 2}
    assert (IDENTITY / "sigv4.py").read_text().count("matches(") == 1
