"""Signed settings: a site file that is used only when the right people have signed it, and never an older one again.

Off unless `settings: signed` stands in `signers.yaml` beside the site file. Neither room can write there, so neither
can switch it off; `load_trusted` is how both rooms read their site file.
"""

from drukte.settings.files import TrustError
from drukte.settings.trust import load_trusted

__all__ = ["TrustError", "load_trusted"]
