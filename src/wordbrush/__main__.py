"""`python -m wordbrush` is the command line."""

from wordbrush.cli.app import main

main()
