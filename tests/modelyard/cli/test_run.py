"""`modelyard run` for programs, and the commands that ask a running gateway; a gateway that is started by itself."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import psutil
import pytest

from modelyard.cli.gateway_client import find_place
from modelyard.cli.ps import until
from modelyard.errors import InvalidInput
from modelyard.settings import Settings
from tests.gateway.running import ENGINE_PYTHON, add_parrot, serving
from tests.modelyard.cli.conftest import YARD
from tests.modelyard.cli.running import ROOT, clean_environment
from tests.modelyard.conftest import Served
from tests.modelyard.listening import listening
from tests.system.service import free_port


def yard(env: Mapping[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*YARD, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(None, dict(env)),
        timeout=120,
        check=False,
    )


def test_a_question_by_a_pipe_is_answered_with_plain_text(asking: dict[str, str]) -> None:
    shown = yard(asking, "run", "polly", stdin="say=script <<<**bold** `code`>>>\n")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "**bold** `code`\n", "")


def test_what_is_typed_stands_before_what_comes_by_the_pipe(asking: dict[str, str]) -> None:
    shown = yard(asking, "run", "polly", "say=prompt", "first", stdin="then this\n")
    assert re.search(r"say=prompt first\n\nthen this", shown.stdout)


def test_options_reach_the_model(asking: dict[str, str]) -> None:
    options = ("--temperature", "0.5", "--top-p", "0.25", "--seed", "3", "--max-tokens", "9", "--keep-alive", "10m")
    shown = yard(asking, "run", "polly", *options, "--verbose", stdin="say=sampling")
    sampling = json.loads(shown.stdout)
    assert [sampling[name] for name in ("temperature", "top_p", "seed", "max_tokens")] == [0.5, 0.25, 3, 9]
    assert re.fullmatch(r"[\d.]+ s, first token after \d+ ms, .*\n", shown.stderr)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (("run", "eagle"), "hi", 2, "the model 'eagle' does not exist"),
        (("run", "polly"), " \n", 2, "standard input is empty"),
        (("run", "polly", "--image", "README.md"), "hi", 2, "README.md is no picture"),
        (("run", "polly", "--keep-alive", "soon"), "hi", 2, "keep_alive cannot be 'soon'"),
        (("run", "polly"), "raise=INTERNAL", 6, "told to raise INTERNAL"),
        (("run", "polly"), "words=9 raise=INTERNAL after=3", 6, "INTERNAL"),
        (("run", "polly", "--url", "tcp://x"), "hi", 2, "'tcp://x' is no gateway's address"),
        (("run", "polly", "--url", "http://127.0.0.1:1"), "hi", 4, "no gateway answers at http://127.0.0.1:1"),
        (("run", "polly", "--url", "unix:///nowhere.sock"), "hi", 4, "no gateway answers at unix:///nowhere.sock"),
        (("stop",), "", 2, "name a model to unload, or pass --gateway"),
        (("embed", "eagle", "text"), "", 2, "the model 'eagle' does not exist"),
        (("imagine", "polly", "a bird", "-o", "bird.txt"), "", 2, "does not end as a picture does"),
        (("imagine", "polly", "a bird", "-o", "README.png", "--mask", "m.png"), "", 2, "it needs --image"),
        (("transcribe", "polly", "missing.wav"), "", 4, "No such file"),
        (("speak", "polly", "-o", "x.txt"), "", 2, "does not end as a sound file does"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(
    asking: dict[str, str], arguments: tuple[str, ...], stdin: str, code: int, words: str
) -> None:
    shown = yard(asking, *arguments, stdin=stdin)
    assert shown.returncode == code, shown.stderr
    assert words in shown.stderr
    assert "Traceback" not in shown.stderr


def test_ps_and_stop_say_what_is_loaded_and_unload_it(asking: dict[str, str], served: Served) -> None:
    served.load("robin")
    assert yard(asking, "run", "robin", "--keep-alive", "-1", stdin="hi").returncode == 0
    (line,) = [line for line in yard(asking, "ps").stdout.splitlines() if line.startswith("robin ")]
    assert line.endswith("for ever")
    assert yard(asking, "stop", "robin").stdout == "unloaded robin\n"
    assert "robin" not in [
        model["model"].partition(":")[0] for model in json.loads(yard(asking, "ps", "--json").stdout)
    ]


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (None, "for ever"),
        ("2318-01-01T00:00:00Z", "for ever"),
        ("2026-01-01T00:00:30.5+00:00", "30 s"),
        ("2026-01-01T00:05:00Z", "5 min"),
        ("2026-01-01T06:00:00Z", "6.0 h"),
        ("2025-01-01T00:00:00Z", "0 s"),
    ],
)
def test_a_time_is_said_from_now(moment: str | None, words: str) -> None:
    from datetime import datetime, timezone

    assert until(moment, datetime(2026, 1, 1, tzinfo=timezone.utc)) == words


def test_a_key_is_sent_and_its_absence_is_explained(served: Served, user: dict[str, str]) -> None:
    with serving([served.triton.url], model_repository=served.repository, api_key="secret") as gateway:
        env = {**user, "MODELYARD_URL": gateway.url}
        shown = yard(env, "run", "polly", stdin="say=script <<<x>>>")
        assert shown.returncode == 1
        assert "set MODELYARD_API_KEY or MODELYARD_API_KEY_FILE" in shown.stderr
        assert yard({**env, "MODELYARD_API_KEY": "secret"}, "run", "polly", stdin="say=script <<<x>>>").stdout == "x\n"


class _Other(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def other_server() -> Iterator[int]:
    with listening(_Other) as port:
        yield port


def test_another_program_on_the_port_is_told_from_ours(user: dict[str, str], other_server: int) -> None:
    shown = yard({**user, "MODELYARD_PORT": str(other_server)}, "run", "polly", stdin="hi")
    assert shown.returncode == 4
    assert f"what listens at http://127.0.0.1:{other_server} is not Modelyard" in shown.stderr


def test_where_a_gateway_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert find_place(Settings(host="0.0.0.0", port=1)).url == "http://127.0.0.1:1"
    assert find_place(Settings(host="::", port=1)).url == "http://[::1]:1"
    assert find_place(Settings(url="http://there:1/v1/")).url == "http://there:1"
    assert find_place(Settings(url="http://there:1"), "unix:///a.sock").socket == Path("/a.sock")
    assert not find_place(Settings(url="http://there:1")).local
    with pytest.raises(InvalidInput, match="is no gateway's address"):
        find_place(Settings(), "there:11434")


def test_a_gateway_is_started_once_and_asked_over_its_socket_and_ended(user: dict[str, str], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    add_parrot(repository, "polly")
    env = {
        **user,
        "MODELYARD_MODEL_REPOSITORY": str(repository),
        "MODELYARD_PORT": str(free_port()),
        "MODELYARD_SOCKET": str(tmp_path / "gateway.sock"),
        "MODELYARD_ENGINE_PYTHON": str(ENGINE_PYTHON),
        "MODELYARD_API_KEY": "secret",
    }
    missing = yard(env, "run", "eagle", stdin="hi")
    assert missing.returncode == 2
    assert "modelyard pull" in missing.stderr
    down = yard(env, "status", "--json")
    assert down.returncode == 1
    assert json.loads(down.stdout)["gateway"]["status"] == "down"
    try:
        two = [
            subprocess.Popen(
                [*YARD, "run", "polly", f"say=script <<<{number}>>>"],
                cwd=ROOT,
                env=clean_environment(None, env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in (1, 2)
        ]
        said = [process.communicate(timeout=120) for process in two]
        assert [out for out, _ in said] == ["1\n", "2\n"], said
        assert "".join(problems for _, problems in said).count("modelyard stop --gateway") == 1

        del env["MODELYARD_API_KEY"]  # who may open the socket needs none
        told = json.loads(yard(env, "status", "--json").stdout)
        assert told["gateway"]["status"] == "ready"
        assert told["gateway"]["socket"] == env["MODELYARD_SOCKET"]
        assert told["models"]["loaded"] == ["polly"]
        over_tcp = yard({**env, "MODELYARD_URL": told["gateway"]["url"]}, "run", "polly", stdin="hi")
        assert over_tcp.returncode == 1
        assert told["gateway"]["pid"] in psutil.pids()
    finally:
        ended = yard(env, "stop", "--gateway")
    assert ended.stdout == "the gateway has ended\n"
    assert not Path(env["MODELYARD_SOCKET"]).exists()
    assert yard(env, "status").returncode == 1
    assert "no gateway was started in the background" in yard(env, "stop", "--gateway").stdout


def test_a_start_that_fails_shows_why_and_leaves_nothing(user: dict[str, str], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    add_parrot(repository, "polly")
    env = {
        **user,
        "MODELYARD_MODEL_REPOSITORY": str(repository),
        "MODELYARD_PORT": str(free_port()),
        "MODELYARD_ENGINE_PYTHON": "/nowhere/python",
    }
    shown = yard(env, "run", "polly", stdin="hi")
    assert shown.returncode == 4
    assert "the gateway could not be started" in shown.stderr
    assert "the engine environment is missing (looked at /nowhere/python)" in shown.stderr
    assert "no gateway was started" in yard(env, "stop", "--gateway").stdout


def test_every_command_is_on_the_page_of_commands(user: dict[str, str]) -> None:
    listed = yard(user, "--help").stdout.partition("Commands:")[2]
    commands = set(re.findall(r"^  ([a-z]+) ", listed, flags=re.M))
    described = set(re.findall(r"^## `modelyard ([a-z]+)", (ROOT / "docs/cli.md").read_text(), flags=re.M))
    assert {"run", "serve", "pull", "ps"} <= commands
    assert commands == described
