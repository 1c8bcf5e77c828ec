"""Runs: started, resumed, forked, rerun and controlled."""
