"""What people look at: terminal views and reports, read from projections only."""
