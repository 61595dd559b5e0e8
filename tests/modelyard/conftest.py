"""One real Triton for the tests that ask what is loaded, and a service that says that it uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from modelyard.running import announce
from tests.gateway.running import Triton, add_parrot


@dataclass
class Served:
    """A repository that is served. What a test adds to it is its own affair, so names differ."""

    repository: Path
    triton: Triton

    def load(self, name: str) -> None:
        """Add a model and load it."""
        add_parrot(self.repository, name)
        with grpc.insecure_channel(self.triton.url.removeprefix("grpc://")) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            stub.RepositoryModelLoad(service_pb2.RepositoryModelLoadRequest(model_name=name))

    def announced(self) -> contextlib.AbstractContextManager[None]:
        return announce(self.repository, url="http://127.0.0.1:11434", tritons=[self.triton.url])


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    repository = tmp_path_factory.mktemp("served") / "repository"
    repository.mkdir()
    triton = Triton(repository, repository.parent / "triton.log")
    yield Served(repository, triton)
    triton.close()
