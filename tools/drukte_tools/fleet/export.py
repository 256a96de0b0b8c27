"""The fleet as an inventory for Ansible."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from drukte_tools.fleet.inventory import Device, Key
from drukte_tools.fleet.marks import Mark
from drukte_tools.fleet.show import health, worst


def group_name(text: str) -> str:
    """A name that Ansible takes for a group: letters, digits and underscores."""
    return "".join(c if c.isalnum() else "_" for c in text)


def ansible(
    devices: Sequence[Device],
    marks: Mapping[Key, Sequence[Mark]],
    rings: Mapping[str, Sequence[Key]],
    domain: str | None = None,
) -> str:
    """An inventory (YAML) of all devices, with groups by organisation, version, health and ring.

    Args:
        devices: the fleet.
        marks: what needs attention.
        rings: devices by ring name.
        domain: put behind the device's name as the host to reach it at; none is told if None.
    """
    hosts: dict[str, dict[str, Any]] = {}
    groups: dict[str, dict[str, None]] = {}
    for device in devices:
        facts: dict[str, Any] = {"drukte_organisation": device.organisation, "drukte_device": device.name}
        facts |= {"drukte_health": health(device)}
        if domain:
            facts["ansible_host"] = f"{device.name}.{domain}"
        if device.privacy is not None:
            facts |= {"drukte_settings": device.privacy.settings, "drukte_serial": device.privacy.settings_serial}
        if device.meta is not None:
            facts["drukte_place"] = device.meta.place
        host = host_name((device.organisation, device.name))
        hosts[host] = facts
        members = [f"organisation_{device.organisation}", f"attention_{worst(marks[device.organisation, device.name])}"]
        if device.status is not None:
            facts["drukte_version"] = device.status.software
            members.append(f"version_{device.status.software}")
            members.append("online" if device.status.online else "offline")
        for member in members:
            groups.setdefault(group_name(member), {})[host] = None
    for ring, keys in rings.items():
        inside = {host_name(key): None for key in keys}
        for key in keys:
            hosts.setdefault(host_name(key), {"drukte_organisation": key[0], "drukte_device": key[1]})
        groups[group_name(f"ring_{ring}")] = inside
    children = {name: {"hosts": members} for name, members in sorted(groups.items())}
    return yaml.safe_dump({"drukte": {"hosts": hosts, "children": children}}, sort_keys=False)


def host_name(key: Key) -> str:
    """Name of a device in the inventory."""
    return f"{key[0]}.{key[1]}"
