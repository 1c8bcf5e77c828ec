"""The engine: scopes, ports, policies, methods, actors and agents."""
