"""The commands: a module for each, with `run(options)`."""
