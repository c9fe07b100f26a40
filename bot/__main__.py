"""`python -m bot` is the command `webcare`."""

import gc
import signal

gc.disable()  # what is loaded stays: to look for garbage in it again and again takes a fifth of the time of loading
HEARS = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if HEARS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the loading, without a traceback of it

from bot.cli.app import app  # noqa: E402
from bot.cli.terminal import write_plainly  # noqa: E402

gc.enable()
if HEARS:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> None:
    """Run the command that was typed; exits with its code."""
    gc.freeze()
    write_plainly()
    app(prog_name="webcare")


if __name__ == "__main__":
    main()
