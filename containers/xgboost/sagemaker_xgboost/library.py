"""The xgboost library, imported without scikit-learn.

xgboost imports scikit-learn when it is installed, for an interface that is not used here; that triples the time
to start. The image has no scikit-learn, but the process engine runs in the user's own environment, which may.
"""

from __future__ import annotations

import sys

if "sklearn" in sys.modules:
    import xgboost
else:
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # Python's way to say: not to be found
    try:
        import xgboost
    finally:
        del sys.modules["sklearn"]

__all__ = ["xgboost"]


def is_master() -> bool:
    """Whether this host writes models and prints metrics: it trains alone, or is the first of its cluster."""
    return bool(xgboost.collective.get_rank() == 0)
