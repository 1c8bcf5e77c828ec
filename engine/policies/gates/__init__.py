"""Gates: whether a candidate takes the place of the revision in force; pure, and a fold of what was seen."""
