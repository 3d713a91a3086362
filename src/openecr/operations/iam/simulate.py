"""The policy simulator: what would come of requests that nobody makes.

There is one result for an action, which tells what comes of it on each resource, as the model has it since an
EvalResourceName is the form of ARNs. Policies decide alone: what stands before them in the gate, that
GetCallerIdentity needs no permission and that anybody may pull from a public registry, has no part in it; nor
have the policies and tags of resources that are there. Of the caller that is known which its ARN tells and,
if it is the PolicySourceArn, what is kept of it; all else is as ContextEntries say, or missing.
Source: the service model, and the examples of the API reference, SimulatePrincipalPolicy
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from openecr.domain.principal import Identity
from openecr.errors import InvalidInputException
from openecr.identity.caller import Caller
from openecr.operations.call import Call, Output
from openecr.operations.context_keys import Context, Value
from openecr.operations.gate import everything, operation
from openecr.operations.grounds import principal_of, read_grounds
from openecr.operations.iam.allowance import Allowance, one_at_a_time
from openecr.operations.iam.arn_templates import arn_template
from openecr.operations.iam.context_entries import parse_context_entries
from openecr.operations.iam.paging import by_position, page
from openecr.operations.iam.policy_context_keys import get_policy_source, policy_source
from openecr.operations.iam.policy_origins import Exclusions, origin_of
from openecr.operations.iam.simulation import (
    IMPLICIT_DENY,
    RESTRICTIVENESS,
    Outcome,
    Simulation,
)
from openecr.operations.iam.simulation_input import (
    ALL_RESOURCES,
    action_names,
    boundary,
    caller_for,
    check_policies,
    identity_policies,
    refuse_handling,
    resource_arns,
    resource_owner,
    resource_policy,
    service_control,
)
from openecr.policy.document import position
from openecr.policy.evaluate import Found
from openecr.policy.request import Policies, Principal

MOST_TOLD = 100
"""As many matched statements as are told at a place."""
STEPS_OF_TOLD = 100
"""Of each, told in two places and put into XML [measured]."""
KNOWN_OF_CALLERS = (
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principaltype",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
)
"""Context keys that are plain from who calls."""


@operation("iam", resource=everything)
def simulate_custom_policy(call: Call) -> Output:
    """What would come of requests by the given policies alone.

    Input   PolicyInputList, PermissionsBoundaryPolicyInputList, OrderedOrganizationPolicyInputList (JSON
            texts; the last by levels, from the organisation's root on), ActionNames, ResourceArns (default
            `*`), ResourcePolicy, ResourceOwner, CallerArn (without it anybody of the account that owns the
            resource), ContextEntries, MaxItems, Marker. A ResourceHandlingOption is refused
    Output  EvaluationResults in the order of ActionNames, IsTruncated, Marker. Where there is much to do, a
            page has fewer than MaxItems
    Raises  InvalidInputException, PolicyEvaluationException, ThrottlingException where another call
            simulates, ValidationError
    """
    check_policies(call)
    with one_at_a_time() as allowance:
        arn = call.input.get("CallerArn")
        if arn is None and "ResourcePolicy" in call.input:
            raise InvalidInputException(
                "A CallerArn is needed for a ResourcePolicy, which speaks of callers."
            )
        caller = None if arn is None else caller_for(arn)
        policies = Policies(
            identity=identity_policies(call), boundary=boundary(call), service_control=service_control(call)
        )
        return _answer(call, _simulation(call, caller, {}, policies), None, allowance)


@operation("iam", resource=policy_source)
def simulate_principal_policy(call: Call) -> Output:
    """What would come of requests of a user, a group or a role of the account.

    Input   PolicySourceArn: whose policies are in force, of a user with those of its groups;
            PolicyExclusionList: which of them do not count; PolicyInputList: more of them;
            PermissionsBoundaryPolicyInputList: a boundary in place of its own; CallerArn: who calls, as if
            these policies were the caller's (default: the PolicySourceArn). The other members are those of
            SimulateCustomPolicy
    Output  EvaluationResults, IsTruncated, Marker
    Raises  InvalidInputException, NoSuchEntityException, PolicyEvaluationException, ThrottlingException,
            ValidationError
    """
    check_policies(call)
    with one_at_a_time() as allowance:
        with call.reading() as db:
            source = get_policy_source(call, db)
            caller = caller_for(source.arn, source.id)
            grounds = read_grounds(db, caller, ALL_RESOURCES)
        tags = grounds.principal_tags
        if call.input.get("CallerArn", source.arn) != source.arn:
            caller, tags = caller_for(call.input["CallerArn"]), {}
        exclusions = Exclusions(call.input.get("PolicyExclusionList", ()))
        kept = [each for each in grounds.policies.identity if not exclusions.mean(origin_of(each, source))]
        bounds = None if exclusions.has_boundary else grounds.policies.boundary
        policies = Policies(identity=(*kept, *identity_policies(call)), boundary=boundary(call) or bounds)
        return _answer(call, _simulation(call, caller, tags, policies), source, allowance)


def _simulation(call: Call, caller: Caller | None, tags: Mapping[str, str], policies: Policies) -> Simulation:
    """What both operations ask in the same way. Raises InvalidInputException.

    caller  None for anybody
    tags    the caller's, keys in lower case
    """
    refuse_handling(call)
    nobody = Principal("User", "", call.caller.account, "")
    return Simulation(
        principal=nobody if caller is None else principal_of(caller),
        context={
            **({} if caller is None else _known(call, caller, tags)),
            **parse_context_entries(call.input.get("ContextEntries", ())),
        },
        owner=resource_owner(call),
        policies=policies,
        resource_policy=resource_policy(call),
    )


def _known(call: Call, caller: Caller, tags: Mapping[str, str]) -> dict[str, Value]:
    """The context keys that are plain from who calls; of a group's member none are."""
    if caller.arn.startswith(f"arn:aws:iam::{caller.account}:group/"):
        return {}
    context = Context(replace(call, caller=caller, input={}), ALL_RESOURCES, tags, {})
    keys = (*KNOWN_OF_CALLERS, *(f"aws:principaltag/{key}" for key in tags))
    return {key: context[key] for key in keys if key in context}


def _answer(call: Call, simulation: Simulation, holder: Identity | None, allowance: Allowance) -> Output:
    """A page of results: no more than are asked for, and than the allowance lets. What is not on it is not
    simulated.

    holder  the PolicySourceArn
    Raises  InvalidInputException where one action already is too much
    """
    asked, actions, arns = page(call), action_names(call), resource_arns(call)
    results: list[Output] = []
    for action in actions[asked.given : asked.given + asked.limit]:
        if results and allowance.is_used_up:
            break
        result = _result(simulation, action, arns, holder, allowance)
        if result is not None:
            results.append(result)
        elif results:
            break
        else:
            raise InvalidInputException("There are too many resources to simulate, or too many policies.")
    limited = replace(call, input={**call.input, "MaxItems": len(results)})
    return by_position(limited, "EvaluationResults", actions) | {"EvaluationResults": results}


def _result(
    simulation: Simulation, action: str, arns: Sequence[str], holder: Identity | None, allowance: Allowance
) -> Output | None:
    """An EvaluationResult; None where not all resources can be asked, but the first. Of several it tells what
    is most restrictive."""
    outcomes: list[Outcome] = []
    specific: list[Output] = []
    least = simulation.steps
    for arn in arns:
        if outcomes and allowance.is_used_up:
            return None
        outcome = simulation.outcome(action, arn)
        outcomes.append(outcome)
        specific.append(_specific(outcome, holder))
        allowance.spend(least + outcome.steps + STEPS_OF_TOLD * min(len(outcome.matched), MOST_TOLD))
    decision = _most_restrictive(outcome.decision for outcome in outcomes)
    is_decided = decision != IMPLICIT_DENY
    matched = [
        found for each in outcomes if is_decided and each.decision == decision for found in each.matched
    ]
    missing = {key.lower(): key for each in outcomes for key in each.missing}
    result: Output = {
        "EvalActionName": action,
        "EvalResourceName": arn_template(action),
        "EvalDecision": decision,
        "MatchedStatements": _statements(matched, holder),
        "MissingContextValues": sorted(missing.values(), key=str.lower),
    }
    leaves = [each.has_organizations_leave for each in outcomes]
    if None not in leaves:
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": all(leaves)}
    bounds = [each.is_in_bounds for each in outcomes]
    if None not in bounds:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": all(bounds)}

    has_arns = arns != [ALL_RESOURCES]
    details = [each.details for each in outcomes if each.details is not None]
    if details:
        result["EvalDecisionDetails"] = {
            kind: _most_restrictive(each[kind] for each in details) for kind in details[0]
        }
    elif has_arns and False not in leaves:
        result["EvalDecisionDetails"] = {}
    if has_arns:
        result["ResourceSpecificResults"] = specific
    return result


def _specific(outcome: Outcome, holder: Identity | None) -> Output:
    """A ResourceSpecificResult."""
    result: Output = {
        "EvalResourceName": outcome.resource,
        "EvalResourceDecision": outcome.decision,
        "MatchedStatements": _statements(outcome.matched, holder),
        "MissingContextValues": list(outcome.missing),
    }
    if outcome.details is not None:
        result["EvalDecisionDetails"] = outcome.details
    if outcome.is_in_bounds is not None:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": outcome.is_in_bounds}
    return result


def _statements(found: Iterable[Found], holder: Identity | None) -> list[Output]:
    """Where each of them stands; lines and columns from 1, its end the column after its last character."""
    shown = []
    for source, statement in islice(dict.fromkeys(found), MOST_TOLD):
        origin, text = origin_of(source, holder), source.policy.text
        shown.append(
            {
                "SourcePolicyId": origin.id,
                "SourcePolicyType": origin.type,
                "StartPosition": _place(text, statement.start),
                "EndPosition": _place(text, statement.end),
            }
        )
    return shown


def _place(text: str, offset: int) -> dict[str, int]:
    line, column = position(text, offset)
    return {"Line": line, "Column": column}


def _most_restrictive(decisions: Iterable[str]) -> str:
    return max(decisions, key=RESTRICTIVENESS.index)
