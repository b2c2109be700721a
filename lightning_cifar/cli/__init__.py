"""Command lines: parsing, composing files, help, messages and the commands.

In: arguments. Out: an exit code, and one clear line for every mistake. May use every
room but ``study``.
"""
