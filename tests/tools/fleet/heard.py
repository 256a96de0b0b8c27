"""Messages of devices as a broker would retain them."""

from typing import Any

from tests.report.conftest import make_site

from drukte.report.formats.native import BrokerStatus, DeviceStatus, Message, Meta, Privacy, dump, moment
from drukte.report.messages import meta

NOW = 1_900_000_000.0


def status(device: str = "dev-1", **more: Any) -> DeviceStatus:
    facts: dict[str, Any] = {
        "organisation": "testville", "device": device, "online": True, "sensing": True, "state": "running",
        "reason": None, "since": moment(NOW), "at": moment(NOW), "boot": "00000001",
        "software": "0.1.0", "last_record_age": 3, "accepted": 9,
        "rejected": {}, "sensing_starts": 1, "seal": 7, "waiting": 0, "merged": 0, "lost": 0, "store": "fine",
        "brokers": {"primary": BrokerStatus(condition="connected", waiting=0)}, "commands": {},
        "purpose_valid_until": "2099-12-31",
    }  # fmt: skip
    return DeviceStatus.model_validate(facts | more)


def privacy(device: str = "dev-1", **more: Any) -> Privacy:
    facts: dict[str, Any] = {
        "organisation": "testville", "device": device, "at": moment(NOW), "sealed": True,
        "enforced": ["filtered", "refused", "no_dump"], "free_bits_per_hour": 100.0, "software": "0.1.0",
        "code": "c" * 64, "model": None, "settings": "5" * 64, "settings_serial": None, "indicator": "none",
        "schedule": [], "purpose_valid_until": "2099-12-31", "ledger": "1" * 64, "ledger_lines": 4, "audit": "PASS",
        "audit_at": moment(NOW - 86_400),
    }  # fmt: skip
    return Privacy.model_validate(facts | more)


def meta_of(device: str = "dev-1") -> Meta:
    return meta(make_site()).model_copy(update={"device": device})


def text(message: Message) -> bytes:
    return dump(message).encode()
