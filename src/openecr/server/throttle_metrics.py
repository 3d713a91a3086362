"""Of throttling, for `/-/metrics`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from openecr.operations.throttle import Throttle

if TYPE_CHECKING:
    from prometheus_client import Metric


def throttle_families(throttle: Throttle | None) -> Iterable["Metric"]:
    """Nothing where nobody is throttled."""
    from prometheus_client.metrics_core import CounterMetricFamily

    if throttle is None:
        return
    refused = CounterMetricFamily(
        "openecr_throttled_calls", "Calls that came too soon.", labels=["service", "operation"]
    )
    for (service, operation), count in list(throttle.refused.items()):
        refused.add_metric([service, operation], count)
    yield refused
