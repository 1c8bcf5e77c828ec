"""An endpoint that answers from a script, over the protocols of real ones."""
