"""Other forms of the catalog: each module has `export(library, generator)`, which gives artifacts."""
