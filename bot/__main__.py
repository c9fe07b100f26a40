"""`python -m bot` is the command `webcare`."""

from bot.cli.app import app


def main() -> None:
    """Run the command that was typed; exits with its code."""
    app(prog_name="webcare")


if __name__ == "__main__":
    main()
