"""The site file: one YAML document that says what a device is for, what it sees and where its numbers go.

`load_site` reads and checks it and returns a frozen `Site`; every problem in the file is reported at once, each
with its line, key, what was found and what is allowed. Each section has a module of its own here.
"""

from drukte.config.load import Problem, SiteError, load_site, parse_site
from drukte.config.site import Site

__all__ = ["Problem", "Site", "SiteError", "load_site", "parse_site"]
