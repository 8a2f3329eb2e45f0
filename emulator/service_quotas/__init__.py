"""Service Quotas, as far as SageMaker's quotas go. Those of other services are moto's."""

from emulator.service_quotas.api import ServiceQuotas

__all__ = ["ServiceQuotas"]
