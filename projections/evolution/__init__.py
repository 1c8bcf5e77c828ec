"""What runs that evolve libraries of skills came to: trials, libraries, decisions, and what is measured of them."""
