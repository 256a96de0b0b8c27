#!/usr/bin/env python3
"""Users and rights for RabbitMQ, one user for each device, bound to its own topics.

definitions.py READER,... DEVICE... > definitions.json; then: rabbitmqctl import_definitions definitions.json

A user is the name (CN) in a certificate and has no password, so that the certificate is the only way in.
"""

import json
import re
import sys

SESSION = "^mqtt-subscription-.*"


def definitions(readers: list[str], devices: list[str]) -> dict[str, object]:
    """The tree that `rabbitmqctl import_definitions` reads."""
    users = [{"name": name, "password_hash": "", "tags": ""} for name in (*readers, *devices)]
    rights = [
        {
            "user": name,
            "vhost": "/",
            "configure": SESSION,
            "write": f"{SESSION}|^amq\\.topic$",
            "read": f"{SESSION}|^amq\\.topic$",
        }
        for name in (*readers, *devices)
    ]
    topics = [
        {"user": name, "vhost": "/", "exchange": "amq.topic", "write": "^$", "read": r"^drukte\.v1\..*"}
        for name in readers
    ]
    for name in devices:
        own = rf"^drukte\.v1\.[^.]+\.{re.escape(name)}\."
        topics.append({"user": name, "vhost": "/", "exchange": "amq.topic", "write": own, "read": own + r"cmd\..*"})
    return {"vhosts": [{"name": "/"}], "users": users, "permissions": rights, "topic_permissions": topics}


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    json.dump(definitions(sys.argv[1].split(","), sys.argv[2:]), sys.stdout, indent=1)
