"""The site file: one YAML document that says what a device is for, what it sees and where its numbers go.

`load_site` reads and checks it and returns a frozen `Site`; every problem in the file is reported at once, each
with its line, key, what was found and what is allowed. Each section has a module of its own here.
"""

from drukte.config.document import Problem, SiteError
from drukte.config.load import Setting, effective, load_site, parse_site, settings_hash
from drukte.config.site import Site

__all__ = ["Problem", "Setting", "Site", "SiteError", "effective", "load_site", "parse_site", "settings_hash"]
