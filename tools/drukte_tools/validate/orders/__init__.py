"""The papers of a sample: how large, who ordered it, and that it is gone."""
