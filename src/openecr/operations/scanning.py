"""PutImageScanningConfiguration; Put- and GetRegistryScanningConfiguration;
BatchGetRepositoryScanningConfiguration. Kept and shown: nothing scans yet (design.md §5)."""

from collections.abc import Iterable

from openecr.domain import scanning
from openecr.domain.scanning import RegistryScanning
from openecr.operations.call import Call, Output
from openecr.operations.gate import everything, operation
from openecr.operations.repositories import named_repositories


@operation("ecr")
def put_image_scanning_configuration(call: Call) -> Output:
    """Say whether a repository's images are scanned when they are pushed.

    Input   repositoryName, registryId, imageScanningConfiguration {scanOnPush, false by default}
    Output  registryId, repositoryName, imageScanningConfiguration
    Raises  RepositoryNotFoundException
    Source  control-plane.md §2.6
    """
    scan_on_push = call.input["imageScanningConfiguration"].get("scanOnPush", False)
    with call.transaction() as db:
        repository = db.repositories.get(call.registry, call.input["repositoryName"])
        db.repositories.set_scan_on_push(repository, scan_on_push)
    return {
        "registryId": call.registry.id,
        "repositoryName": repository.name,
        "imageScanningConfiguration": {"scanOnPush": scan_on_push},
    }


@operation("ecr", resource=everything)
def put_registry_scanning_configuration(call: Call) -> Output:
    """Say which repositories of the registry are scanned, and when.

    Input   scanType (BASIC or ENHANCED), rules [{scanFrequency, repositoryFilters}], which take the place
            of those there were
    Output  registryScanningConfiguration {scanType, rules}
    Raises  InvalidParameterException where the frequencies are not the type's, or one comes twice
    Source  advanced-features.md §1.3
    """
    parsed = scanning.parse(call.input.get("scanType"), call.input.get("rules"))
    with call.transaction() as db:
        db.registry_scanning.put(call.registry, parsed)
    return {"registryScanningConfiguration": _registry_scanning(parsed)}


@operation("ecr", resource=everything, inline=True)
def get_registry_scanning_configuration(call: Call) -> Output:
    """What the registry says of scanning; BASIC without rules, until it says anything.

    Input   nothing
    Output  registryId, scanningConfiguration {scanType, rules}
    Source  advanced-features.md §1.3
    """
    with call.reading() as db:
        found = db.registry_scanning.get(call.registry)
    return {"registryId": call.registry.id, "scanningConfiguration": _registry_scanning(found)}


@operation("ecr", resource=named_repositories)
def batch_get_repository_scanning_configuration(call: Call) -> Output:
    """What holds for repositories, by their own settings and by the registry's.

    Input   repositoryNames (1 to 25)
    Output  scanningConfigurations [{repositoryArn, repositoryName, scanOnPush, scanFrequency,
            appliedScanFilters: those that match}], failures: the repositories that are not there
    Source  advanced-features.md §1.3
    """
    configurations: list[Output] = []
    failures: list[Output] = []
    with call.reading() as db:
        registry = db.registry_scanning.get(call.registry)
        for name in dict.fromkeys(call.input["repositoryNames"]):
            repository = db.repositories.find(call.registry, name)
            if repository is None:
                code = "REPOSITORY_NOT_FOUND"
                failures.append({"repositoryName": name, "failureCode": code, "failureReason": code})
                continue
            holds = scanning.in_force(registry, name, scan_on_push=repository.scan_on_push)
            configurations.append(
                {
                    "repositoryArn": repository.arn,
                    "repositoryName": name,
                    "scanOnPush": holds.is_on_push,
                    "scanFrequency": holds.frequency,
                    "appliedScanFilters": _filters(holds.filters),
                }
            )
    return {"scanningConfigurations": configurations, "failures": failures}


def _registry_scanning(found: RegistryScanning) -> Output:
    rules = [
        {"scanFrequency": rule.frequency, "repositoryFilters": _filters(rule.filters)} for rule in found.rules
    ]
    return {"scanType": found.scan_type, "rules": rules}


def _filters(patterns: Iterable[str]) -> list[Output]:
    return [{"filter": each, "filterType": "WILDCARD"} for each in patterns]
