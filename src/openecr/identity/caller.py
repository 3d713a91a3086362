"""Who asks: a principal, and where the request came from."""

from dataclasses import dataclass

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    arn: str  # arn:aws:iam::A:root, or "anonymous"
    account: str  # 12 digits; empty for an anonymous caller
    principal_id: str  # the unique id: the account number for a root; empty for an anonymous caller
    access_key_id: str = ""
    source_address: str = ""
    user_agent: str = ""

    @property
    def is_anonymous(self) -> bool:
        return self.arn == ANONYMOUS

    @property
    def is_root(self) -> bool:
        return self.arn == root_arn(self.account)


def root_arn(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def root_caller(
    account: str, *, access_key_id: str = "", source_address: str = "", user_agent: str = ""
) -> Caller:
    return Caller(root_arn(account), account, account, access_key_id, source_address, user_agent)


def anonymous_caller(*, source_address: str = "", user_agent: str = "") -> Caller:
    return Caller(ANONYMOUS, "", "", "", source_address, user_agent)
