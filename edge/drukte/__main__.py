"""`python -m drukte`."""

from drukte.cli import main

main()
