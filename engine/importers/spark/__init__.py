"""Task folders of SPARK."""
