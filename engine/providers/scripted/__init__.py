"""A model endpoint that answers from a script: the stand-in that ships with the package, and always says so."""
