"""The generated part of the docs."""
