"""Rules whose findings are made while a file is read and held against the schema, or across files."""

from builder.rules.registry import found

found(
    "yaml-syntax",
    "error",
    """
    The file must be YAML (or JSON) that can be read.

    Indent with spaces, quote text that contains `: ` or starts with a special character, and save the file as UTF-8.
    Files larger than 5 MB, nested deeper than 64 levels or with more than 50,000 values are refused, and so are tags
    that stand for anything but data.
""",
)
found(
    "findings-more",
    "error",
    """
    A file with more than 1,000 findings is not checked to its end.

    So many usually have one cause, such as a list where a mapping belongs. Mend the first ones and check again.
    """,
)
found(
    "key-duplicate",
    "error",
    """
    A key may be given once.

    YAML readers silently keep one of two equal keys, and not all the same one. Remove the other. The same property at
    the top level and under `properties:` counts as twice, and so does a draft spelling beside the current one.
""",
)
found(
    "key-unknown",
    "error",
    """
    A key must be one that the profile knows.

    A mistyped key would otherwise be lost without a word. Fields of your own, and those of other STAC extensions, carry
    a prefix and are published as they are: `acme:batch`.
""",
)
found(
    "key-draft",
    "note",
    """
    A spelling from the extension's drafts is read, and published in today's spelling.

    Write the spelling that the message names; nothing else changes.
""",
)
found(
    "value-ambiguous",
    "warning",
    """
    A plain value that YAML readers take for different things is read as the text that was written.

    `version: 1.10` is the number 1.1 to most readers, `NO` is false to older ones, `010` is eight or ten. Quote it:
    `version: "1.10"`.
""",
)
found(
    "value-empty",
    "note",
    """
    A key without a value counts as not stated.

    Give it a value or remove the key. Where null says something (`nodata_value`, `pretrained`) it is kept.
""",
)
found(
    "value-missing",
    "error",
    """
    A value that the profile requires must be given.

    A model file needs a `description` and at least one of `dlm:data`, `dlm:inputs`, `dlm:architecture`, `dlm:runtime`
    and `dlm:outputs`; a few objects inside have required keys of their own.
""",
)
found(
    "value-type",
    "error",
    """
    A value must be of the kind that the field takes: text, number, list, mapping, true or false.

    Programs that read the catalog rely on it.
""",
)
found(
    "value-choice",
    "error",
    """
    A value must be one of the words that the field takes.

    Searching and deploying depend on everyone using the same words.
""",
)
found(
    "value-range",
    "error",
    """
    A number must lie in the range of its field, a text or list must have the length of its field.

    A standard deviation of zero or a band index below zero cannot be computed with.
""",
)
found(
    "value-format",
    "error",
    """
    A text must have the form that the field takes: a date, a colour, a checksum.

    Programs that read the catalog rely on it.
""",
)
found(
    "item-invalid",
    "error",
    """
    The Item made from the file must pass the schemas of STAC and of the extensions it uses.

    The model file is checked first, so this is rare: a field of another extension, a link or an asset that STAC core
    does not accept.
""",
)
found(
    "class-mixed",
    "warning",
    """
    Classes should be written in one form.

    A name alone has the index of its place in the list. Beside classes with an index of their own, that is hardly
    meant: write the index to each, or to none.
    """,
)
found(
    "docker-source",
    "error",
    """
    A container needs an `image_name` or a `docker_file`.

    Without one of them nobody can start it.
""",
)
found(
    "language-tag",
    "error",
    """
    A language must be given by its BCP 47 tag.

    Two or three letters for the language, and where it matters a region: `fr`, `fr-CA`. Browsers choose voices, fonts
    and hyphenation by it.
    """,
)
found(
    "doi-syntax",
    "error",
    """
    A DOI is a name such as `10.5281/zenodo.1234567`, not a URL.

    The link to `https://doi.org/` is made from it. Remove everything before `10.`.
""",
)
found(
    "common-name",
    "warning",
    """
    A band's common name must be one of the EO extension's.

    Common names are how bands of different sensors are matched, so a name of your own is left out of the published
    Item. The name of the band itself is free.
""",
)
found(
    "link-broken",
    "error",
    """
    A relative href must lead to a file.

    An asset's relative href is a file in the source folder, which is published next to the Item; a link's is such a
    file or another model file. Check the spelling, and that the file was committed.
""",
)
found(
    "file-unknown",
    "error",
    """
    Every file in the source folder must be a model file, or be used by one.

    A model file whose name is misspelled (`unet.yaml.txt`) would be missing from the catalog without a word. Use the
    file in `assets`, remove it, or give it a name that begins with `_` to have it left out. Symbolic links are followed
    to files of the source folder only.
""",
)
found(
    "file-checksum",
    "error",
    """
    The size and checksum stated for a local file must be those of the file.

    They are filled in by the build; a stated one that differs means that the file is not the one that was described.
    Correct it or remove it.
""",
)
found(
    "asset-name",
    "error",
    """
    A local file must not take the name of a file that the build writes, or of another asset.

    `index.html`, `card.md`, `CITATION.cff`, `<id>.bib`, `<id>.jsonld`, `deploy`, the Item itself and the model file are
    written next to the assets. Nor may its name be one that some file systems refuse (`aux`, `a:b`), or differ from
    another in case or in how an accent is encoded only.
    Rename the file.
""",
)
found(
    "id-duplicate",
    "error",
    """
    Ids must be unique in the catalog, also where case does not count.

    An id is part of the address of a model, and a search result that two models answer to is of no use.
""",
)
found(
    "version-cycle",
    "error",
    """
    A model must not be its own predecessor, by whatever way round.

    `predecessor-version` links lead from newer to older; following them must end.
""",
)
found(
    "extension-unresolvable",
    "note",
    """
    Without a `base_url` the extension's schema has an id that leads nowhere.

    The catalog works, but a program that validates Items against the DLM schema cannot fetch it. Set `base_url` in
    `catalog.yml`, or pass `--base-url`, and the schema is published at that address.
""",
)
found(
    "waiver-invalid",
    "error",
    """
    A waiver names rules that exist and can be waived, and gives a reason: `# catalog: ignore[rule-id] reason`.

    The reason is for whoever reads the file next. A rule without which nothing can be published, such as a link that
    leads nowhere, cannot be waived: mend what it finds.
""",
)
found(
    "waiver-unused",
    "warning",
    """
    A waiver should waive something.

    What it was written for is mended, or stands on another line now. Remove the waiver, or move it to that line.
""",
)
found(
    "docs-invalid",
    "error",
    """
    The documentation beside the source folder must build without a warning of MkDocs.

    A broken link in the documentation would be published otherwise. Mend what the message names, or build with
    `--no-docs`.
""",
)
