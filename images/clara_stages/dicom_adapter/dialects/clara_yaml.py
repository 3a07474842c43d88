"""Clara Deploy's ``dicom-server-config.yaml`` with our additions.

The keys are Clara 0.1's: ``dicom.scp``, ``dicom.scu`` and ``workflows``. Ours are ``quiet-period-s`` and
``destinations`` of an AE title, ``*`` and networks in ``sources``, and the root key ``adapter``.
"""

import ipaddress
import re

import yaml

from clara_stages.dicom_adapter.config.model import (
    ANY_AE_TITLE,
    AdapterConfig,
    Destination,
    ForcedMatch,
    Scp,
    Scu,
    ServedAeTitle,
    Source,
    Verification,
)
from clara_stages.dicom_adapter.config.problems import suggest
from clara_stages.dicom_adapter.config.yaml_lines import Mapping, Reader, describe, line_of

JOB_PROCESSOR = "Nvidia.Clara.Dicom.Processors.JobProcessor, Nvidia.Clara.DicomAdapter"
"""The one processor class of Clara 0.1; it stands for what this adapter does."""

MAX_AE_TITLE_CHARACTERS = 16
"""PS3.5 6.2, VR AE."""

_ROOT = frozenset({"dicom", "workflows", "adapter"})
_DICOM = frozenset({"scp", "scu"})
_SCP = frozenset(
    {
        "port", "ae-titles", "max-associations", "verification", "log-dimse-datasets", "reject-unknown-sources",
        "sources",
    }
)  # fmt: skip
_AE_TITLE = frozenset({"ae-title", "processors", "quiet-period-s", "destinations"})
_VERIFICATION = frozenset({"enabled", "transfer-syntaxes"})
_SOURCE = frozenset({"host-ip", "ae-title"})
_SCU = frozenset({"ae-title", "max-associations", "destinations"})
_DESTINATION = frozenset({"name", "host-ip", "port", "ae-title"})
_WORKFLOW = frozenset({"name", "clara-ae-title", "destination-name", "workflow"})
_ADAPTER = frozenset({"overdue-s", "reserve-mib"})

_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def parse_clara_yaml(reader: Reader, text: str) -> AdapterConfig:
    """The configuration in a text; faults are reported to the reader."""
    root_node = reader.compose(text)
    if root_node is None:
        if not reader.problems:
            reader.report(1, "the file is empty", "the key 'dicom'", "Start from config/dicom-server-config.yaml.")
        return AdapterConfig(scp=Scp(), scu=Scu())
    root = reader.mapping(root_node, "the file", _ROOT)
    dicom = _child(root, "dicom", _DICOM, required=True)
    scu = _parse_scu(_child(dicom, "scu", _SCU))
    scp = _parse_scp(_child(dicom, "scp", _SCP, required=True), [item.name for item in scu.destinations])
    adapter = _child(root, "adapter", _ADAPTER)
    return AdapterConfig(
        scp=scp,
        scu=scu,
        forced_matches=tuple(_parse_forced_match(root, node, scp, scu) for node in root.items("workflows")),
        overdue_s=adapter.number("overdue-s", 600, 1, 604800),
        reserve_mib=int(adapter.number("reserve-mib", 512, 0, 1 << 30, whole=True)),
        file=reader.file,
    )


def _child(parent: Mapping, key: str, known: frozenset[str], *, required: bool = False) -> Mapping:
    node = parent.node(key)
    if node is None:
        if required and not parent.reader.problems:
            parent.missing(key, "a mapping")
        return Mapping(parent.reader, parent.line_of(key), repr(key), {}, {})
    return parent.reader.mapping(node, repr(key), known)


def _parse_scp(scp: Mapping, destinations: list[str]) -> Scp:
    titles = [(_parse_served(scp, node, destinations), line_of(node)) for node in scp.items("ae-titles")]
    if not titles and scp.values:
        scp.missing("ae-titles", "at least one AE title")
    _report_repeated(scp, [(title.ae_title, line) for title, line in titles], "AE title")
    verification = _child(scp, "verification", _VERIFICATION)
    default = Verification()
    syntaxes = tuple(_parse_uid(verification, node) for node in verification.items("transfer-syntaxes"))
    return Scp(
        port=int(scp.number("port", 104, 1, 65535, whole=True)),
        ae_titles=tuple(title for title, _ in titles),
        max_associations=int(scp.number("max-associations", 2, 1, 1000, whole=True)),
        verification=Verification(
            enabled=verification.boolean("enabled", default=True),
            transfer_syntaxes=syntaxes or default.transfer_syntaxes,
        ),
        log_dimse_datasets=scp.boolean("log-dimse-datasets", default=False),
        reject_unknown_sources=scp.boolean("reject-unknown-sources", default=True),
        sources=tuple(_parse_source(scp, node) for node in scp.items("sources")),
    )


def _parse_served(scp: Mapping, node: yaml.Node, destinations: list[str]) -> ServedAeTitle:
    entry = scp.reader.mapping(node, "an entry of 'ae-titles'", _AE_TITLE)
    for processor in entry.items("processors"):
        name = re.sub(r"\s*,\s*", ", ", str(processor.value)) if isinstance(processor, yaml.ScalarNode) else "a list"
        if name != JOB_PROCESSOR:
            scp.reader.report(
                line_of(processor),
                f"the processor {name!r}",
                f"{JOB_PROCESSOR!r}, the only one there is",
                "Leave 'processors' out, and express what the processor did as a workflow.",
            )
    return ServedAeTitle(
        ae_title=_ae_title(entry, "ae-title"),
        quiet_period_s=entry.number("quiet-period-s", 10, 0, 86400),
        destinations=tuple(_known_name(entry, item, destinations) for item in entry.items("destinations")),
    )


def _parse_source(scp: Mapping, node: yaml.Node) -> Source:
    entry = scp.reader.mapping(node, "an entry of 'sources'", _SOURCE)
    title = entry.text("ae-title")
    return Source(
        host_ip=_host(entry, network=True),
        ae_title=title if title == ANY_AE_TITLE else _ae_title(entry, "ae-title") if title else "",
    )


def _parse_scu(scu: Mapping) -> Scu:
    destinations = [(_parse_destination(scu, node), line_of(node)) for node in scu.items("destinations")]
    _report_repeated(scu, [(item.name, line) for item, line in destinations], "destination")
    return Scu(
        ae_title=_ae_title(scu, "ae-title") if scu.node("ae-title") else "ClaraSCU",
        max_associations=int(scu.number("max-associations", 2, 1, 100, whole=True)),
        destinations=tuple(item for item, _ in destinations),
    )


def _parse_destination(scu: Mapping, node: yaml.Node) -> Destination:
    entry = scu.reader.mapping(node, "an entry of 'destinations'", _DESTINATION)
    return Destination(
        name=entry.text("name"),
        host_ip=_host(entry, network=False),
        port=int(entry.number("port", None, 1, 65535, whole=True)),
        ae_title=_ae_title(entry, "ae-title"),
    )


def _parse_forced_match(root: Mapping, node: yaml.Node, scp: Scp, scu: Scu) -> ForcedMatch:
    row = root.reader.mapping(node, "a row of 'workflows'", _WORKFLOW)
    title, destination, workflow = row.text("clara-ae-title"), row.text("destination-name"), row.text("workflow")
    titles = [item.ae_title for item in scp.ae_titles]
    names = [item.name for item in scu.destinations]
    if title and title not in titles:
        row.wrong("clara-ae-title", repr(title), "an AE title of dicom.scp.ae-titles", suggest(title, titles))
    if destination and destination not in names:
        row.wrong(
            "destination-name", repr(destination), "a name of dicom.scu.destinations", suggest(destination, names)
        )
    if workflow and not _UUID.fullmatch(workflow):
        row.wrong("workflow", repr(workflow), "a UUID", "Give the 'id' of a workflow file.")
    return ForcedMatch(
        name=row.text("name", ""),
        clara_ae_title=title,
        destination_name=destination,
        workflow=workflow.lower(),
        line=row.line_of("workflow"),
    )


def _ae_title(entry: Mapping, key: str) -> str:
    title = entry.text(key)
    if not title:
        return ""
    expected = f"1 to {MAX_AE_TITLE_CHARACTERS} characters of ASCII without backslash"
    if len(title) > MAX_AE_TITLE_CHARACTERS:
        entry.wrong(key, f"{title!r} with {len(title)} characters", expected, "Shorten it.")
    elif not title.isascii() or not title.isprintable() or "\\" in title or title == ANY_AE_TITLE:
        entry.wrong(key, repr(title), expected)
    return title


def _host(entry: Mapping, *, network: bool) -> str:
    host = entry.text("host-ip", "")
    expected = "an address, a host name" + (" or a network such as 10.0.0.0/8" if network else "")
    if not host:
        entry.reader.report(
            entry.line_of("host-ip"),
            f"'host-ip' of {entry.name} is empty",
            expected,
            "Give the address of the system that this entry stands for.",
        )
    elif not _is_address(host, network=network) and (not _HOST.fullmatch(host) or _looks_numeric(host)):
        entry.wrong("host-ip", repr(host), expected)
    return host


def _is_address(host: str, *, network: bool) -> bool:
    try:
        if network and "/" in host:
            ipaddress.ip_network(host, strict=False)
        else:
            ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _looks_numeric(host: str) -> bool:
    return all(part.isdigit() for part in host.split("."))


def _parse_uid(verification: Mapping, node: yaml.Node) -> str:
    uid = str(getattr(node, "value", ""))
    if not _UID.fullmatch(uid):
        verification.reader.report(line_of(node), f"the transfer syntax {uid!r}", "a UID such as 1.2.840.10008.1.2")
    return uid


def _known_name(entry: Mapping, node: yaml.Node, known: list[str]) -> str:
    name = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
    if name not in known:
        entry.reader.report(
            line_of(node),
            f"{entry.name} names the destination {describe(node)}",
            "a name of dicom.scu.destinations",
            suggest(name, known),
        )
    return name


def _report_repeated(parent: Mapping, named: list[tuple[str, int]], what: str) -> None:
    seen: dict[str, int] = {}
    for name, line in named:
        if name and name in seen:
            parent.reader.report(
                line, f"the {what} {name!r} again, after line {seen[name]}", "each once", "Remove one of them."
            )
        seen.setdefault(name, line)
