"""A kind of sandbox: the one without isolation, under a name that says whose bench it is."""

import msgspec

import stillroom as st

BENCH = msgspec.structs.replace(st.NO_ISOLATION, name="bench", about="processes of this machine, without isolation")
