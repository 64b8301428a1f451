"""Ryu with applications of its own, and its REST interface driven from the test."""

from __future__ import annotations

import http.client
import json

from harness import Context, Process, accepts, free_port, script, wait_until
from wiretap import Wiretap


class Ryu:
    """One ryu-manager with a logger in front of it."""

    def __init__(
        self,
        context: Context,
        *applications: str,
        venv: str = "ryu",
        program: str = "ryu-manager",
        options: tuple[str, ...] = ("--verbose",),
    ):
        self.context = context
        name = venv
        self.port, self.web = free_port(), free_port()
        self.tap = Wiretap(context, f"{name}-tap", self.port)
        argv = [context.venv_program(venv), context.venv_program(venv, program)]
        argv += ["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", str(self.port)]
        argv += ["--wsapi-host", "127.0.0.1", "--wsapi-port", str(self.web), *options, *applications]
        env = {**context.venv_env(venv), "PYTHONPATH": script("")}
        self.process: Process = context.spawn(name, argv, env)

    def wait_web(self) -> None:
        def ready() -> bool:
            self.process.require_running()
            return accepts(self.web)

        wait_until(ready, 60, "ryu's REST interface to listen")

    def wait_switches(self, count: int = 1) -> None:
        """Until so many switches have ended their handshake and ryu has nothing more to say."""

        def there() -> bool:
            self.process.require_running()
            return self.tap.count("FEATURES_REPLY", True) >= count and self.tap.quiet_for() > 0.5

        wait_until(there, 60, f"{count} switches at ryu")

    def rest(self, path: str, body: object = None, method: str | None = None) -> object:
        """Ask the REST interface; what it answers, read as JSON. Any status but 200 fails the test."""
        method = method or ("GET" if body is None else "POST")
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Connection": "close"})
            answer = connection.getresponse()
            said = answer.read().decode()
        finally:
            connection.close()
        self.context.log(f"{method} {path} {text or ''} -> {answer.status} {said[:4000]}")
        self.context.expect(
            answer.status == 200, f"{method} {path} is answered by {answer.status}: {said[:200]}"
        )
        try:
            return json.loads(said)
        except ValueError:
            return said

    def check(self, allowed: tuple[str, ...] = ()) -> None:
        """It lived to the end without exceptions and drew no error from the switch but the allowed ones."""
        self.process.require_running()
        said = self.process.output()
        self.context.expect(
            "Traceback (most recent call last)" not in said,
            f"ryu raised: {said[said.rfind('Traceback') :][-400:]}",
        )
        self.tap.check(self.context, allowed)
