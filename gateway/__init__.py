"""The FastAPI application: HTTP dialects in front, Triton behind."""
