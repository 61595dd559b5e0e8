"""What every request goes through, as plain ASGI: Starlette's BaseHTTPMiddleware would copy each chunk of a stream."""
