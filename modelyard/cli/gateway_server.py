"""The gateway's application in this process's event loop, on sockets that are bound already.

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
from modelyard.cli.start_models import StartModels
from modelyard.errors import EngineError, EngineUnavailable
from modelyard.settings import Settings


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: `modelyard serve` has its own, which stop more than the HTTP face."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class GatewayServer:
    """The HTTP face while it runs. Made by `start`."""

    def __init__(self, app: FastAPI, settings: Settings, listeners: Sequence[socket.socket]) -> None:
        self._app = app
        self._delay_s = settings.drain_delay_s
        self._forced = asyncio.Event()
        host, port = listeners[0].getsockname()[:2]
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
                ws="websockets-sansio",
                ws_max_size=settings.max_body_bytes,
                ws_per_message_deflate=False,  # a token is a message, and compressing it costs more than it saves
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,  # nobody reads the caller's address, and headers about it can be forged
                timeout_graceful_shutdown=max(1, round(settings.drain_timeout_s)),
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=list(listeners)), name="gateway")

    @classmethod
    async def start(
        cls, settings: Settings, listeners: Sequence[socket.socket], triton_urls: Sequence[str]
    ) -> GatewayServer:
        """Build the application and answer on `listeners`, TCP first; Triton need not be there yet."""
        from gateway.app import create_app

        app = create_app(settings, triton_urls=triton_urls)
        app.state.hold()
        server = cls(app, settings, listeners)
        while not server._server.started:
            if server._serving.done():
                server._serving.result()
            await asyncio.sleep(0.01)
        return server

    def release(self) -> None:
        """Let readiness follow the state of the engine; until then it says that the service is starting."""
        self._app.state.release()

    async def first_answer(self, model: str, *, pinned: bool = False) -> None:
        """Load the model and have one real token generated; `pinned` has it stay. Raises EngineUnavailable.

        A model that makes no text has computed once by itself when its load is done.
        """
        if await self._app.state.load(model, pinned=pinned) not in GENERATES_TEXT:
            return
        wish = {"model": model, "prompt": "Hello", "max_tokens": 1}
        answer = await self._http.post("/v1/completions", json=wish)
        if answer.status_code != httpx.codes.OK:
            raise EngineUnavailable(f"{model} does not answer: {_reason(answer)}")

    async def models_of_tritons(self, named: StartModels) -> StartModels:
        """Wait until a running Triton answers: what it serves, and what of that is to give a first answer.

        That is what was named; else the first that the Triton has loaded, if it has one.
        """
        while True:
            with contextlib.suppress(EngineError):
                loaded = [resident.name for resident in await self._app.state.resident()]
                installed = tuple(await self._app.state.installed())
                names = named.names or tuple(loaded[:1])
                return StartModels(names, pinned=named.pinned and bool(named.names), installed=installed)
            await asyncio.sleep(0.5)

    async def stop(self) -> None:
        """Turn readiness off, take no new connection, let answers in progress finish, close."""
        self._app.state.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._forced.wait(), self._delay_s)
        self._app.state.drain()
        self._server.should_exit = True
        await self._http.aclose()
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving

    def force(self) -> None:
        """Do not wait for anybody any longer."""
        self._forced.set()
        self._server.force_exit = True


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
