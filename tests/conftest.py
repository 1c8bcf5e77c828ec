"""What holds for every test."""

from hypothesis import settings

# How busy a machine is, is no property of the code; what must be fast has a benchmark.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
