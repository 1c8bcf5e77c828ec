"""Settings of whoever writes skills, the same in all arms. The texts below the fields are the reference."""

import msgspec


class AuthoringSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often an author is asked again, and what it is told besides the library and its trials."""

    repairs: int = 1
    """How often an answer that cannot be read, or that the rules of the library refuse, is asked for again, with its
    faults; 0 or more."""
    decisions: int = 6
    """Earlier patches for the same family that the author is told of at most, with why they were refused and what
    followed, the newest first to stay; 0: none."""
    part_chars: int | None = 6_000
    """Characters of one part of a trial that is told, such as what a command printed; its beginning and its end are
    kept, and what is left out is marked. None: all."""
