"""How many examples a property is tried with: so many that the fast suite stays fast, and by night more.

OPENECR_DEPTH   how many times as many examples as are written at each property [1]; 30 by night
"""

import os

DEPTH = float(os.environ.get("OPENECR_DEPTH", "1"))


def examples(count: int) -> int:
    return max(1, round(count * DEPTH))
