"""The protocols of model providers, as the gateway reads them: one module each."""
