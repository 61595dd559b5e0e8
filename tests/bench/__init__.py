"""`make bench`: what the gateway costs, measured beside the alternatives in one run. Asserts nothing."""
