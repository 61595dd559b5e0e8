"""The gateway's application in this process's event loop, on a socket that is bound already.

Knows uvicorn, and asks the application over its own HTTP face as any client would; knows nothing of engines.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import httpx
import uvicorn
from fastapi import FastAPI

from modelyard.card import GENERATES_TEXT
from modelyard.errors import EngineUnavailable
from modelyard.settings import Settings


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: `modelyard serve` has its own, which stop more than the HTTP face."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class GatewayServer:
    """The HTTP face while it runs. Made by `start`."""

    def __init__(self, app: FastAPI, settings: Settings, listener: socket.socket) -> None:
        self._app = app
        host, port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        key = settings.bearer_key()
        # trust_env: a proxy in the environment must not be asked for an address of our own.
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=settings.load_timeout_s,
            trust_env=False,
        )
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,  # nobody reads the caller's address, and headers about it can be forged
                timeout_graceful_shutdown=max(1, round(settings.drain_timeout_s)),
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="gateway")

    @classmethod
    async def start(cls, settings: Settings, listener: socket.socket, triton_urls: Sequence[str]) -> GatewayServer:
        """Build the application and answer on `listener`; Triton need not be there yet."""
        from gateway.app import create_app

        app = create_app(settings, triton_urls=triton_urls)
        app.state.hold()
        server = cls(app, settings, listener)
        while not server._server.started:
            if server._serving.done():
                server._serving.result()
            await asyncio.sleep(0.01)
        return server

    def release(self) -> None:
        """Let readiness follow the state of the engine; until then it says that the service is starting."""
        self._app.state.release()

    async def first_answer(self, model: str) -> None:
        """Load the model and have one real token generated; raises EngineUnavailable with the reason.

        A model that makes no text has computed once by itself when its load is done.
        """
        if await self._app.state.load(model) not in GENERATES_TEXT:
            return
        wish = {"model": model, "prompt": "Hello", "max_tokens": 1}
        answer = await self._http.post("/v1/completions", json=wish)
        if answer.status_code != httpx.codes.OK:
            raise EngineUnavailable(f"{model} does not answer: {_reason(answer)}")

    async def first_answer_of_any(self) -> str:
        """Wait until a model of a running Triton gives a token; its name."""
        while True:
            with contextlib.suppress(httpx.HTTPError, EngineUnavailable):
                answer = await self._http.get("/v1/models")
                if answer.status_code == httpx.codes.OK and (listed := answer.json()["data"]):
                    name: str = listed[0]["id"]
                    await self.first_answer(name)
                    return name
            await asyncio.sleep(0.5)

    async def stop(self) -> None:
        """Turn readiness off, take no new connection, let answers in progress finish, close."""
        self._app.state.drain()
        self._server.should_exit = True
        await self._http.aclose()
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving

    def force(self) -> None:
        """Do not wait for answers in progress any longer."""
        self._server.force_exit = True


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
