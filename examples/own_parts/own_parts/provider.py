"""A provider: a server of the house, whose key travels in a header of its own."""

import stillroom as st

HOUSE = st.ModelProvider(
    name="house",
    about="the model server of the house",
    base_url_env="HOUSE_BASE_URL",
    api_key_env="HOUSE_API_KEY",
    key_optional=True,
    key_header=st.KeyHeader("X-House-Key"),
)
