"""A Home Assistant without a face, with nothing but its MQTT integration. Runs with Home Assistant's Python.

For each line on standard input it writes what it shows as one line of JSON: the state of every entity, and its devices.
"""

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path
from types import MappingProxyType

from homeassistant import bootstrap, config_entries, const, core, loader
from homeassistant.helpers import device_registry

logging.basicConfig(level=logging.CRITICAL)
logging.getLogger("homeassistant.components.mqtt").setLevel(logging.WARNING)


async def main(port: int, folder: str) -> None:
    Path(folder, "configuration.yaml").touch()
    hass = core.HomeAssistant(folder)
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await bootstrap.async_from_config_dict({"http": {"server_host": ["127.0.0.1"], "server_port": port + 1}}, hass)
    hass.set_state(core.CoreState.running)
    entry = config_entries.ConfigEntry(
        data={"broker": "127.0.0.1", "port": port},
        discovery_keys=MappingProxyType({}),
        domain="mqtt",
        minor_version=2,
        version=1,
        options={},
        source="user",
        title="broker",
        unique_id=None,
        subentries_data=None,
    )
    await hass.config_entries.async_add(entry)
    while await asyncio.to_thread(sys.stdin.readline):
        await hass.async_block_till_done()
        devices = [
            {"name": d.name, "sw_version": d.sw_version} for d in device_registry.async_get(hass).devices.values()
        ]
        states = {s.entity_id: s.state for s in hass.states.async_all() if s.domain == "sensor"}
        shown = {"version": const.__version__, "entry": entry.state.value, "states": states, "devices": devices}
        print(json.dumps(shown), flush=True)
    await hass.async_stop(force=True)


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(int(sys.argv[1]), folder))
