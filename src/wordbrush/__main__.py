"""`python -m wordbrush` and `wordbrush` are the command line."""

import sys


def main() -> None:
    """Run the command line; an interruption is quiet, also while it is being imported."""
    try:
        from wordbrush.cli.collector import postpone_collecting
        from wordbrush.cli.process import interruptions

        interruptions.listen()
        postpone_collecting()
        from wordbrush.cli.app import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
