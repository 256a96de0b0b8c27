"""What is in the package: a CycloneDX bill of materials, and a table of licences."""

import uuid
from datetime import UTC, datetime
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL
from wheels import Pin

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD (see text)",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def installed(site_packages: Path) -> list[Distribution]:
    """Packages in a `site-packages`, by name."""
    found: list[Distribution] = [PathDistribution(folder) for folder in site_packages.glob("*.dist-info")]
    return sorted(found, key=lambda each: each.name.lower())


def licence(package: Distribution) -> str:
    """A package's licence: as an SPDX expression where it states one, else in its own words."""
    meta = package.metadata
    if stated := meta.get("License-Expression"):
        return stated
    marks = [row.split(" :: ")[-1] for row in meta.get_all("Classifier", []) if row.startswith("License ::")]
    if known := [_CLASSIFIERS.get(mark, mark) for mark in marks if mark != "OSI Approved"]:
        return " AND ".join(known)
    return (meta.get("License") or "not stated").strip().splitlines()[0][:80]


def bill(site_packages: Path, pinned: list[Pin], models: dict[str, tuple[str, str]], version: str, epoch: int) -> str:
    """CycloneDX 1.6 as JSON.

    Args:
        site_packages: what was installed.
        pinned: the lock's packages, whose file hashes come along.
        models: name of each model: its licence and SHA-256.
        version: of the package.
        epoch: seconds since 1970 that stand for the time of making; the serial number is made of it and the version.
    """
    root = Component(
        name="drukte",
        version=version,
        type=ComponentType.APPLICATION,
        licenses=[LicenseExpression("EUPL-1.2")],
        purl=PackageURL("deb", "debian", "drukte", version),
        bom_ref="drukte",
    )
    hashes = {pin.name.lower().replace("_", "-"): pin.hashes for pin in pinned}
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"drukte {version} {epoch}"))
    bom.metadata = BomMetaData(component=root, timestamp=datetime.fromtimestamp(epoch, UTC))
    parts = []
    for package in installed(site_packages):
        if package.name == "drukte":
            continue
        text = licence(package)
        parts.append(
            Component(
                name=package.name,
                version=package.version,
                type=ComponentType.LIBRARY,
                purl=PackageURL("pypi", None, package.name.lower(), package.version),
                licenses=[_licence(text)],
                properties=[
                    Property(name="drukte:sha256-of-file", value=digest)
                    for digest in hashes.get(package.name.lower().replace("_", "-"), ())
                ],
                bom_ref=f"pypi:{package.name.lower()}",
            )
        )
    for name, (text, digest) in sorted(models.items()):
        parts.append(
            Component(
                name=name,
                type=ComponentType.MACHINE_LEARNING_MODEL,
                licenses=[_licence(text)],
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
                supplier=OrganizationalEntity(
                    name="Megvii", urls=[XsUri("https://github.com/Megvii-BaseDetection/YOLOX")]
                ),
                bom_ref=f"model:{name}",
            )
        )
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(root, parts)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _licence(text: str) -> LicenseExpression | DisjunctiveLicense:
    try:
        parsed = get_spdx_licensing().parse(text, validate=True)
    except ExpressionError:
        return DisjunctiveLicense(name=text)
    return LicenseExpression(str(parsed))


def licences(site_packages: Path) -> str:
    """A table of packages and licences; the texts lie in each package's `.dist-info` folder."""
    rows = [
        "# Licences of what is in this package",
        "",
        "drukte itself: EUPL-1.2. The texts lie beside each library.",
        "",
    ]
    rows += ["| library | version | licence | texts |", "|---|---|---|---|"]
    for package in installed(site_packages):
        if package.name == "drukte":
            continue
        folder = next(each for each in site_packages.glob("*.dist-info") if PathDistribution(each).name == package.name)
        texts = sorted(
            str(path.relative_to(site_packages))
            for path in folder.rglob("*")
            if path.is_file() and path.name.upper().startswith(("LICEN", "COPYING", "NOTICE", "AUTHORS"))
        )
        rows.append(
            f"| {package.name} | {package.version} | {licence(package)} | {'<br>'.join(texts) or 'none shipped'} |"
        )
    return "\n".join(rows) + "\n"
