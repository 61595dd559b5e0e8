"""A request of Triton's as a job of the worker: asked whether it is still wanted, and answered once.

Knows Triton's classes, which are handed in; does not know what the job is about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..failures import RequestFailed, error_response
from .worker import Worker


class Sending:
    """One request: `work` goes to the worker's process, `outputs` makes Triton's tensors of what comes back."""

    def __init__(self, pb_utils: Any, sender: Any, work: Any, outputs: Callable[[Any], list[Any]]) -> None:
        self.work = work
        self._triton = pb_utils
        self._sender = sender
        self._outputs = outputs

    def cancelled(self) -> bool:
        return bool(self._sender.is_cancelled())

    def done(self, result: Any) -> None:
        try:
            response = self._triton.InferenceResponse(self._outputs(result))
        except Exception as error:
            self._triton.Logger.log_error(f"a result could not be made a response: {error!r}")
            self.failed(RequestFailed("INTERNAL", "the result could not be made a response"))
        else:
            self._send(response)

    def failed(self, failure: RequestFailed) -> None:
        self._send(error_response(self._triton, failure))

    def _send(self, response: Any) -> None:
        self._sender.send(response, flags=self._triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def take(pb_utils: Any, worker: Worker, request: Any, job: Callable[[Any, Any], Sending]) -> None:
    """Take a request on as what `job` makes of it and its sender; one that cannot be is answered at once."""
    sender = request.get_response_sender()
    try:
        worker.submit(job(request, sender))
    except RequestFailed as failure:
        _refuse(pb_utils, sender, failure)
    except Exception as error:
        pb_utils.Logger.log_error(f"a request could not be taken on: {error!r}")
        _refuse(pb_utils, sender, RequestFailed("INTERNAL", "the request could not be taken on"))


def _refuse(pb_utils: Any, sender: Any, failure: RequestFailed) -> None:
    sender.send(error_response(pb_utils, failure), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
