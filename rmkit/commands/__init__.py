"""The command line, a file a command: `add` declares its arguments, `run` calls the library."""
