"""ovs-ofctl as a tool of the tests, and what it prints of flow entries compared by meaning."""

from __future__ import annotations

import re

from harness import Context

UNSTEADY = re.compile(r"^(duration|n_packets|n_bytes|idle_age|hard_age)=")


def flow_key(line: str) -> frozenset[str]:
    """A printed flow entry as a set of its parts, without what changes by itself."""
    head, _, actions = line.strip().partition("actions=")
    parts = {part for part in re.split(r"[,\s]+", head) if part and not UNSTEADY.match(part)}
    if not any(part.startswith("table=") for part in parts):
        parts.add("table=0")
    if not any(part.startswith("cookie=") for part in parts):
        parts.add("cookie=0x0")
    return frozenset({*parts, f"actions={actions.strip()}"})


def flow_keys(text: str) -> set[frozenset[str]]:
    return {flow_key(line) for line in text.splitlines() if "actions=" in line}


def show_keys(keys: set[frozenset[str]]) -> str:
    return "; ".join(" ".join(sorted(key)) for key in keys) or "nothing"


class Ofctl:
    """ovs-ofctl, speaking OpenFlow 1.3 to one switch."""

    def __init__(self, context: Context, port: int):
        self.context = context
        self.target = f"tcp:127.0.0.1:{port}"

    def argv(self, command: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        return ["ovs-ofctl", "-O", "OpenFlow13", *options, command, self.target, *arguments]

    def __call__(
        self, command: str, *arguments: str, options: tuple[str, ...] = (), status: int | None = 0
    ) -> str:
        """Run a subcommand; its output. An exit status other than `status` is a failure of the test."""
        done = self.context.command(self.argv(command, *arguments, options=options), check=False)
        if status is not None:
            said = (done.stderr or done.stdout).strip()[-400:]
            self.context.expect(
                done.returncode == status,
                f"{' '.join([*options, command, *arguments])} exits with {done.returncode}: {said}",
            )
        return done.stdout + done.stderr

    def expect(self, text: str, *patterns: str, what: str) -> None:
        """Each regular expression must be found in the text."""
        for pattern in patterns:
            self.context.expect(
                re.search(pattern, text, re.MULTILINE), f"{what}: no {pattern!r} in {text.strip()[:600]!r}"
            )

    def expect_flows(self, wanted: set[frozenset[str]], what: str, *dump: str) -> None:
        got = flow_keys(self("dump-flows", *dump))
        self.context.expect(
            got == wanted, f"{what}: missing {show_keys(wanted - got)}, unexpected {show_keys(got - wanted)}"
        )

    def clear(self) -> None:
        self("del-flows")
        self("del-groups")
        self("del-meters")
