"""The command `webcare`: its subcommands (`app`, `accounts`, `platforms`), what it checks, and the terminal."""
