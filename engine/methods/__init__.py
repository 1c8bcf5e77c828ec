"""Methods: frozen values that name a policy for every point of decision."""
