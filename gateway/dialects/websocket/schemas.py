"""What a client may send over a connection.

`body` of `chat` is that of POST /v1/chat/completions, and `body` of `image` that of POST /v1/images/generations.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

RequestId = Annotated[str, Field(min_length=1, max_length=128)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Ask(_Strict):
    """A request under an id of the client's choice, which it has used for no other in this session."""

    type: Literal["chat", "image"]
    id: RequestId
    body: dict[str, Any]


class Cancel(_Strict):
    """End a request; its last message is then `done` with the reason "cancelled", unless it was done already."""

    type: Literal["cancel"]
    id: RequestId


class Acknowledge(_Strict):
    """All of a request up to `seq` has arrived and need not be kept."""

    type: Literal["ack"]
    id: RequestId
    seq: int = Field(ge=0)


class Ping(_Strict):
    """`pong` comes back, with the same `data`."""

    type: Literal["ping"]
    data: str | int | float | None = None


class Resume(_Strict):
    """Go on with a session whose connection broke; `seen` has the last `seq` of each request that arrived."""

    type: Literal["resume"]
    session: str = Field(max_length=128)
    seen: dict[RequestId, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, max_length=1024)


ClientMessage = Annotated[Ask | Cancel | Acknowledge | Ping | Resume, Field(discriminator="type")]
CLIENT_MESSAGE: TypeAdapter[Ask | Cancel | Acknowledge | Ping | Resume] = TypeAdapter(ClientMessage)
