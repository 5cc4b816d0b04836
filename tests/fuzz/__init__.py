"""Fuzzing of the reader and the checker: what must hold for any bytes, the programs that search for bytes for which it
does not, and those that were found."""
