"""Figures: runs drawn from the log alone, as SVG, PNG or PDF."""
