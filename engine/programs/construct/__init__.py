"""The program `construct`: tasks made from prompt specs, proved, and published."""
