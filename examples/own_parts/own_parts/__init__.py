"""One part of each kind that a package can add to Stillroom. Each module imports `stillroom` alone."""
