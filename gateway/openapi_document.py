"""The OpenAPI document: FastAPI's, less what FastAPI only supposes.

Knows documents; the statuses themselves are each route's.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


class DocumentedApp(FastAPI):
    """Its document has no 422 for wrong bodies, which is never sent: they are a 400 in their dialect's form."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            for operations in document["paths"].values():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
            for form in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(form, None)
            self.openapi_schema = document
        return self.openapi_schema
