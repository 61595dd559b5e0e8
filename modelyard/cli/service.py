"""The life of `modelyard serve`: preflight, Triton, gateway, models, a first real token; then drain and stop in order.

Joins the engine's supervisor with the gateway's application; knows neither tensors nor dialects.
"""
