"""The operations of Service Quotas for the service code ``sagemaker``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.arns import Scope
from emulator.aws import Call, Handler, Service, WireReply, WireRequest
from emulator.errors import AwsError
from emulator.sagemaker.quotas import NotAnIncrease, Quotas
from emulator.service_quotas.catalogue import NO_SUCH, SAGEMAKER, SERVICES, Catalogue, arn, described, requested
from emulator.service_quotas.paging import page

NAME = "service-quotas"

_Answer = Mapping[str, Any]


class ServiceQuotas:
    """The part of an AWS service that is answered here; the rest of it is somebody else's."""

    def __init__(self, quotas: Quotas) -> None:
        self._service = Service(NAME, operations(quotas))

    def answers(self, request: WireRequest) -> bool:
        """Whether a request is about SageMaker's quotas, or about those of no service in particular."""
        if self._service.operation_of(request) is None:
            return False
        try:
            document = json.loads(request.body)
        except (ValueError, RecursionError):
            return True  # our service says what is wrong with it
        return not isinstance(document, dict) or document.get("ServiceCode", SAGEMAKER) == SAGEMAKER

    def handle(self, request: WireRequest, scope: Scope) -> WireReply:
        """The reply to a request; never raises."""
        return self._service.handle(request, scope)

    def error(self, error: AwsError) -> WireReply:
        """``error`` as the service tells it to a client."""
        return self._service.error(error)


def operations(quotas: Quotas) -> dict[str, Handler]:
    """Every operation that is built, by its name."""
    handlers = _Handlers(quotas)
    return {
        "ListServices": handlers.list_services,
        "ListServiceQuotas": handlers.list_quotas,
        "ListAWSDefaultServiceQuotas": handlers.list_defaults,
        "GetServiceQuota": handlers.get,
        "GetAWSDefaultServiceQuota": handlers.get_default,
        "RequestServiceQuotaIncrease": handlers.request_increase,
        "GetRequestedServiceQuotaChange": handlers.get_request,
        "ListRequestedServiceQuotaChangeHistory": handlers.list_requests,
        "ListRequestedServiceQuotaChangeHistoryByQuota": handlers.list_requests,
    }


class _Handlers:
    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._catalogue = Catalogue()

    def list_services(self, call: Call) -> _Answer:
        services = [{"ServiceCode": code, "ServiceName": name} for code, name in SERVICES.items()]
        return page("Services", services, call.input)

    def list_quotas(self, call: Call) -> _Answer:
        if call.input.get("QuotaAppliedAtLevel") == "RESOURCE":  # none of SageMaker's training quotas is of a resource
            return page("Quotas", [], call.input)
        wanted = call.input.get("QuotaCode")
        names = [name for code, name in self._catalogue.codes.items() if wanted in (None, code)]
        raised = {each.name: each.value for each in self._quotas.increases(call.scope)}
        values = {name: raised.get(name, self._quotas.default(name)) for name in names}
        return page("Quotas", [described(call.scope, name, value) for name, value in values.items()], call.input)

    def list_defaults(self, call: Call) -> _Answer:
        names = self._catalogue.codes.values()
        return page("Quotas", [described(call.scope, name, self._quotas.default(name)) for name in names], call.input)

    def get(self, call: Call) -> _Answer:
        _refuse_context(call)
        name = self._catalogue.name(call.input["QuotaCode"])
        return {"Quota": described(call.scope, name, self._quotas.value(call.scope, name))}

    def get_default(self, call: Call) -> _Answer:
        name = self._catalogue.name(call.input["QuotaCode"])
        return {"Quota": described(call.scope, name, self._quotas.default(name))}

    def request_increase(self, call: Call) -> _Answer:
        _refuse_context(call)
        code, value = call.input["QuotaCode"], call.input["DesiredValue"]
        name = self._catalogue.name(code)
        try:
            granted = self._quotas.increase(call.scope, name, value, arn(call.scope, code))
        except NotAnIncrease as refused:  # code and sentence are unverified
            raise _illegal(
                f"The desired value {value:.15g} must be greater than the current quota value {refused.args[0]:.15g}."
            ) from None
        return {"RequestedQuota": requested(call.scope, granted)}

    def get_request(self, call: Call) -> _Answer:
        wanted = call.input["RequestId"]
        found = next((each for each in self._quotas.increases(call.scope) if each.id == wanted), None)
        if found is None:  # the sentence is unverified
            raise AwsError("The request failed because the specified request does not exist.", code=NO_SUCH, status=400)
        return {"RequestedQuota": requested(call.scope, found)}

    def list_requests(self, call: Call) -> _Answer:
        asked = call.input
        name = self._catalogue.name(asked["QuotaCode"]) if "QuotaCode" in asked else None
        found = [each for each in self._quotas.increases(call.scope) if name in (None, each.name)]
        if asked.get("Status", "APPROVED") != "APPROVED" or asked.get("QuotaRequestedAtLevel") == "RESOURCE":
            found = []
        return page("RequestedQuotas", [requested(call.scope, each) for each in found], asked)


def _refuse_context(call: Call) -> None:
    if "ContextId" in call.input:  # the sentence is unverified
        raise _illegal("ContextId is for quotas of a resource; this one is of the account.")


def _illegal(message: str) -> AwsError:
    return AwsError(message, code="IllegalArgumentException", status=400)
