"""Secrets, signatures and tokens are compared by hmac.compare_digest and by nothing else."""

import ast
import inspect
from pathlib import Path

import pytest

from openecr import identity

FILES = sorted(Path(inspect.getfile(identity)).parent.glob("*.py"))
TELLING = {
    "secret",
    "secrets",
    "signature",
    "token",
    "password",
    "mac",
    "expected",
    "given",
    "key_bytes",
    "hmac",
}


def comparisons_of_secrets(source: str) -> list[str]:
    """Each `==`, `!=` or order between two values, one of which by its name is a secret.

    A comparison with None or True is an identity, `in` asks for a name in a table, and what stands
    inside a call (`len(secret)`) is no longer the secret.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and not all(
            isinstance(operator, ast.Is | ast.IsNot | ast.In | ast.NotIn) for operator in node.ops
        ):
            found += [ast.unparse(node) for operand in (node.left, *node.comparators) if is_telling(operand)]
    return found


def is_telling(operand: ast.expr) -> bool:
    match operand:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            # A name in capitals is a bound, and known to everyone.
            return not name.isupper() and bool(TELLING & set(name.lower().strip("_").split("_")))
        case ast.Call(
            func=ast.Attribute(value=value, attr="digest" | "hexdigest" | "hex" | "encode" | "decode")
        ):
            return is_telling(value) or (isinstance(value, ast.Name) and value.id == "hmac")
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner)):
            return is_telling(inner)
        case ast.Subscript(value=value):
            return is_telling(value)
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_secret_is_compared_in_a_time_that_tells(file):
    assert comparisons_of_secrets(file.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "signature == expected",
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
    ],
)
def test_the_rule_lets_the_rest_be(source):
    assert comparisons_of_secrets(source) == []


def test_what_must_be_compared_is():
    """All of identity compares secrets in four places, and all are constant in time."""
    calls = {
        file.name: file.read_text().count("hmac.compare_digest(")
        for file in FILES
        if "compare_digest" in file.read_text()
    }
    assert calls == {"credentials.py": 1, "sigv4.py": 1, "tokens.py": 2}
    assert (FILES[0].parent / "sigv4.py").read_text().count("matches(") == 1
