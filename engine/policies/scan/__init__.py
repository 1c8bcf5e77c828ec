"""A scan of a skill: what in it may harm its reader, or spoil what is measured with it."""
