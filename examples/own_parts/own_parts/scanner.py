"""A scanner: skills are not to shout."""

from collections.abc import Mapping, Sequence
from typing import Final

import stillroom as st


class Shouting:
    """Finds lines in capitals."""

    name = "shouting"

    def scan(self, files: Mapping[str, bytes], context: st.ScanContext) -> Sequence[st.ScanFinding]:
        """Find them; headings of three letters and fewer are abbreviations."""
        del context
        return [
            st.ScanFinding("style", "low", path, number, line.strip(), "it shouts")
            for path, data in files.items()
            for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1)
            if line.isupper() and len(line.strip()) > 3
        ]


SHOUTING: Final = Shouting()
