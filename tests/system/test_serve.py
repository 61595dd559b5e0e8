"""The life of `modelyard serve`: what it prints, how it stops, and what it says when it cannot start."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import psutil
import pytest

from modelyard import usage
from tests.system.service import MODELYARD, ROOT, Service, environment, free_port, serving


def _run(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MODELYARD, *arguments],
        env=environment(**settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _refused(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    assert answer.returncode not in (0, 1), answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    for word in words:
        assert word in answer.stderr
    assert answer.stderr.count("error:") == 1


def test_a_ready_service_prints_its_address_and_a_curl_line_that_works(service: Service) -> None:
    assert service.url in service.output
    curl = next(line for line in service.output.splitlines() if line.strip().startswith("curl "))
    tried = subprocess.run(curl, shell=True, capture_output=True, text=True, check=True)
    assert '"content"' in tried.stdout


def test_a_healthy_start_logs_no_warning(service: Service) -> None:
    assert "warning" not in service.output.lower()
    assert "error" not in service.output.lower()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_process_and_no_port(repository: Path, tmp_path: Path, how: signal.Signals) -> None:
    with serving(repository, tmp_path) as service:
        service.wait_until_ready()
        family = service.family()
        assert any(process.name() == "tritonserver" for process in family)
        assert service.stop(how) == 0
        _, alive = psutil.wait_procs(family, timeout=5)
        assert not alive
        for port in (service.port, service.grpc_port, service.metrics_port):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        assert "Traceback" not in service.output


def test_an_answer_in_progress_is_finished_before_the_stop(repository: Path, tmp_path: Path) -> None:
    with serving(repository, tmp_path) as service:
        service.wait_until_ready()
        client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0)
        stream = client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": "Write a long text about Modelyard."}],
            max_tokens=800,
            stream=True,
            extra_body={"ignore_eos": True},
        )
        next(iter(stream))
        service.process.send_signal(signal.SIGTERM)
        last = list(stream)[-1]
        assert last.choices[0].finish_reason == "length"
        assert service.process.wait(60) == 0


def test_a_stop_is_told_before_anybody_is_refused(repository: Path, tmp_path: Path) -> None:
    body = {"model": "demo", "prompt": "Hello", "max_tokens": 1}
    with (
        serving(repository, tmp_path, drain_delay_s=600) as service,
        httpx.Client(base_url=service.url, timeout=60, trust_env=False) as http,
    ):
        service.wait_until_ready()
        service.process.send_signal(signal.SIGTERM)
        while http.get("/health/ready").status_code == 200:
            time.sleep(0.02)
        assert http.post("/v1/completions", json=body).status_code == 200
        service.process.send_signal(signal.SIGTERM)  # whoever asks twice has no time
        assert service.process.wait(60) is not None


@pytest.fixture
def own_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Whoever serves removes from the temporary folder what a killed service left there: another test's may be quicker.

    Its path is short, for sockets.
    """
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def test_kill_9_of_the_service_leaves_no_triton(repository: Path, tmp_path: Path, own_temporary_folder: Path) -> None:
    with serving(repository, tmp_path) as service:
        service.wait_until_ready()
        family = service.family()
        service.process.kill()
        service.process.wait()
        _, alive = psutil.wait_procs(family, timeout=20)
        assert not alive
        left = set(own_temporary_folder.glob(f"modelyard-triton-{service.process.pid}-*"))
        assert left
    with serving(repository, tmp_path) as next_one:
        next_one.wait_until_ready()
        assert not any(folder.exists() for folder in left)


def test_a_taken_port_is_one_sentence(repository: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        _refused(_run("serve", model_repository=repository, port=port), f"port {port}", "taken")


def test_a_missing_engine_is_one_sentence(repository: Path, tmp_path: Path) -> None:
    answer = _run("serve", model_repository=repository, port=free_port(), engine_python=tmp_path / "nowhere/bin/python")
    _refused(answer, "engine environment is missing", "make engine-env")


def test_an_empty_repository_is_served_and_takes_models_that_come(repository: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    with serving(empty, tmp_path) as service:
        service.wait_until_ready()
        assert "has no model yet" in service.output
        assert "modelyard pull" in service.output
        assert httpx.get(f"{service.url}/v1/models").json()["data"] == []
        body = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3}
        assert httpx.post(f"{service.url}/v1/chat/completions", json=body).status_code == 404
        (empty / "demo").symlink_to(repository / "demo")
        assert httpx.post(f"{service.url}/v1/chat/completions", json=body, timeout=60).status_code == 200


def test_of_many_models_the_last_used_is_loaded_and_the_others_on_request(repository: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for name in ("one", "two", "three"):
        (many / name).symlink_to(repository / "demo")
    usage.record(many, "two")
    with serving(many, tmp_path, keep_alive="1s") as service:
        service.wait_until_ready()
        assert "serves two; on a first request also one, three" in service.output
        # On a slow machine it has been loaded, and has left again, before anybody looks.
        left = 'model_unloads_total{model="two",reason="idle"}' in httpx.get(f"{service.url}/metrics").text
        assert left or service.metric("nv_inference_count", model="two") >= 1
        assert service.metric("nv_inference_count", model="one") == 0
        body = {"model": "one", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3}
        assert httpx.post(f"{service.url}/v1/chat/completions", json=body, timeout=60).status_code == 200
        while 'model_unloads_total{model="one",reason="idle"} 1.0' not in httpx.get(f"{service.url}/metrics").text:
            assert httpx.get(f"{service.url}/health/ready").status_code == 200
        assert httpx.get(f"{service.url}/health/ready").json() == {"status": "ready"}


def test_an_unknown_model_to_load_is_one_sentence(repository: Path) -> None:
    _refused(_run("serve", "--model", "nothing", model_repository=repository, port=free_port()), "nothing", "demo")


def test_listening_to_the_outside_needs_a_key(repository: Path) -> None:
    _refused(
        _run("serve", "--host", "0.0.0.0", model_repository=repository, port=free_port()), "key", "MODELYARD_API_KEY"
    )


def test_a_wrong_setting_is_one_sentence_that_names_it(repository: Path) -> None:
    _refused(_run("serve", model_repository=repository, queue_limit="many"), "MODELYARD_QUEUE_LIMIT")


def test_a_damaged_entry_is_named_and_stops_the_start(repository: Path, tmp_path: Path) -> None:
    broken = tmp_path / "repo" / "broken"
    (broken / "1").mkdir(parents=True)
    (broken / "config.pbtxt").write_text('backend: "openvino_genai"\n')
    _refused(_run("serve", model_repository=broken.parent, port=free_port()), "broken")


def test_a_key_is_asked_for_when_there_is_one(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-secret-of-this-test\n")
    with serving(repository, tmp_path, api_key_file=tmp_path / "key") as service:
        service.wait_until_ready()
        assert httpx.get(f"{service.url}/v1/models").status_code == 401
        right = {"Authorization": "Bearer a-secret-of-this-test"}
        assert httpx.get(f"{service.url}/v1/models", headers=right).status_code == 200
        assert "a-secret-of-this-test" not in service.output


def test_running_tritons_are_used_instead_of_the_embedded_one(service: Service, tmp_path: Path) -> None:
    urls = f"grpc://127.0.0.1:{service.grpc_port}"
    with serving(tmp_path / "none", tmp_path, triton_urls=urls) as second:
        second.wait_until_ready()
        assert second.tritons() == []
        body = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
        assert httpx.post(f"{second.url}/v1/chat/completions", json=body, timeout=60).status_code == 200
        assert second.stop() == 0
    assert service.tritons()


def test_a_model_converted_while_the_service_runs_is_served(service: Service, repository: Path) -> None:
    (repository / "other").symlink_to(repository / "demo")  # as good as a second conversion for Triton
    try:
        body = {"model": "other", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
        asked = [
            threading.Thread(
                target=httpx.post, args=(f"{service.url}/v1/chat/completions",), kwargs={"json": body, "timeout": 60}
            )
            for _ in range(3)
        ]
        for thread in asked:
            thread.start()
        for thread in asked:
            thread.join()
        assert httpx.post(f"{service.url}/v1/chat/completions", json=body, timeout=60).status_code == 200
        assert service.metric("nv_inference_count", model="other") == 4
    finally:
        (repository / "other").unlink()


def test_a_repository_for_another_engine_alone_is_named_as_that(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for_vllm = ("--target", "triton-vllm", "--gpus", "24GB")
    made = _run("convert", str(ROOT / "demo/checkpoint"), "--name", "fast", *for_vllm, model_repository=models)
    assert made.returncode == 0, made.stderr
    with serving(models, tmp_path) as service:
        service.wait_until_ready()
        assert "no model that its own Triton serves (fast is for triton-vllm)" in service.output
        assert "modelyard pull" in service.output
