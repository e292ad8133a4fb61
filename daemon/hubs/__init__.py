"""The hubs: which answer, and the connections to them."""
