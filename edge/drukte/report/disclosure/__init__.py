"""Small numbers: what of a window may be shown. Everything that leaves goes through here."""
