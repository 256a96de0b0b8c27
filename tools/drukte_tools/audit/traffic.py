"""Listens at the broker while the audit runs."""

import base64
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from drukte.report.broker.desk import Running
from drukte_tools.audit.needles import Needles, count, disguises


class Traffic:
    """Everything that is published at the broker while the audit runs."""

    def __init__(self, broker: Running) -> None:
        self.payloads: list[bytes] = []
        version = paho.MQTTv5 if broker.version == "5" else paho.MQTTv311
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.on_message = lambda _client, _data, message: self.payloads.append(
            message.topic.encode() + b" " + message.payload
        )
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def found(self, wanted: Needles) -> dict[str, int]:
        """Pieces of frames in what was published: plain, hexadecimal or base64."""
        data = b"\n".join(self.payloads)
        return {name: n for name, n in count(data, disguises(wanted)).items() if n}

    def caught(self, wanted: Needles) -> bool:
        """Publish a piece in a message of our own, and see whether it is found. Forgets that message."""
        honest = list(self.payloads)
        self._client.publish("audit/control", base64.b64encode(b"frame " + wanted["raw"] + b" frame"), qos=1)
        end = time.monotonic() + 5
        while time.monotonic() < end and not any(p.startswith(b"audit/") for p in self.payloads):
            time.sleep(0.05)
        found = bool(self.found(wanted))
        self.payloads = honest
        return found

    def stop(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()
