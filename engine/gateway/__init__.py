"""The gateway: other people's agents call their models through it, and every call is on record."""
