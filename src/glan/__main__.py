"""`python -m glan`: the command line where no script is installed."""

from glan.cli import main

main()
