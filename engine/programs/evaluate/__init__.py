"""The program `evaluate`: arms x items x repeats, every evaluation kept."""
