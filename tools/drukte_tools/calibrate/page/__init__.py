"""The page on which a technician points at the place with nobody in it, and draws its zones."""
