"""The `ams` command: one file a subcommand."""
