"""Services beside a task's main container, as compose files describe them."""
