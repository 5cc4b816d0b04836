"""The commands, one file each: a module has one click command, with the name that `builder.cli.COMMANDS` gives it.

A command reads its arguments, calls the stages, prints what they give and sets the exit code. Heavy modules are
imported inside it, so that `--help` is there at once.
"""
