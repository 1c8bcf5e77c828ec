"""The protocols of model providers: each read and written in one place, for providers and gateway alike."""
