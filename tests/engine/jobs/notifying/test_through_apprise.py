"""Mail by Apprise to a real SMTP server, and what is said where it does not arrive."""

from __future__ import annotations

import email
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

PASSWORD = "hunter2-and-more"
DOCS = Path(__file__).parents[4] / "docs" / "notifications.md"


class Mailbox:
    """Takes mail from whoever knows the password."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    """A mail server on loopback, and its port."""
    box = Mailbox()

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
        return AuthResult(success=said.password == PASSWORD.encode(), handled=False)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, "127.0.0.1", port, authenticator=known, auth_require_tls=False, decode_data=False)
    controller.start()
    yield box, port
    controller.stop()


def target(post, monkeypatch, port: int, password: str = PASSWORD, **said: str) -> None:
    url = f"mailto://anna:{password}@127.0.0.1:{port}?from=deck@example.com&to=oncall@example.com"
    monkeypatch.setenv("MAIL", url)
    lines = "".join(f"{key} = {value}\n" for key, value in {"url": '"env:MAIL"', **said}.items())
    post.settings(f"[notify.oncall]\n{lines}")


def test_mail_arrives_with_what_happened_and_the_next_command(post, mailbox, monkeypatch):
    box, port = mailbox
    target(post, monkeypatch, port)
    alert = post.alert("lead_time", "critical", "lead_time moved <b>by</b> 0.4")
    post.send()
    (row,) = post.log()
    assert (row.state, row.error) == ("delivered", "")
    (mail,) = box.mails
    assert mail["subject"] == "[test] critical: rates: lead_time moved <b>by</b> 0.4"
    text = mail.get_body(("plain", "html")).get_content()
    assert f"modeldeck show alert {alert.id[:12]}" in text
    assert row.id in text


def test_many_are_one_mail(post, mailbox, monkeypatch):
    box, port = mailbox
    target(post, monkeypatch, port)
    for number in range(10):
        post.alert(f"key{number}")
    post.send()
    (mail,) = box.mails
    assert mail["subject"] == "[test] 10 events: 10 alert.opened"


def test_wrong_password_is_said_and_not_repeated(post, mailbox, monkeypatch, capfd):
    box, port = mailbox
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    target(post, monkeypatch, port, "wrong-password-77")
    post.alert("a")
    post.send()
    (row,) = post.log()
    assert row.state == "pending"
    assert row.error.startswith("not sent: ")
    assert "wrong-password" not in row.error + "".join(capfd.readouterr())
    assert box.mails == []


def test_address_that_apprise_cannot_read_is_said_and_not_repeated(post, monkeypatch, capfd):
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    monkeypatch.setenv("CHAT", "slack://token-that-is-none")
    post.settings('[notify.chat]\nurl = "env:CHAT"\n')
    post.alert("a")
    post.send()
    (row,) = post.log()
    assert row.error.startswith("Apprise cannot read the address as one target")
    assert "token-that" not in row.error + "".join(capfd.readouterr())


def test_mail_server_that_never_answers_is_left_in_time(post, monkeypatch):
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target(post, monkeypatch, silent.getsockname()[1], timeout='"1s"')
        post.alert("a")
        began = time.monotonic()
        post.send()
        assert time.monotonic() - began < 5
    assert post.log()[0].state == "pending"


def test_variable_that_is_not_set_is_named(post, monkeypatch):
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    post.settings('[notify.chat]\nurl = "env:NOT_SET_ANYWHERE"\n')
    post.alert("a")
    post.send()
    assert post.log()[0].error.startswith("the environment variable NOT_SET_ANYWHERE is not set")


def test_only_the_sending_of_such_a_message_loads_apprise():
    loaded = "import engine.jobs.notifying.sending, engine.daemon.parts, sys; print('apprise' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_without_the_library_one_line_says_what_to_install(post, monkeypatch):
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv("CHAT", "slack://a/b/c")
    post.settings('[notify.chat]\nurl = "env:CHAT"\n')
    post.alert("a")
    post.send()
    assert "pip install 'modeldeck[notify]'" in post.log()[0].error


def test_apprise_reads_every_address_that_the_documentation_shows():
    import apprise

    shown = re.findall(r"^\| \w+ \| `(\S+://\S+)` \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    assert len(shown) == 7
    for address in shown:
        targets = apprise.Apprise()
        assert targets.add(address), address
        assert len(targets) == 1
        assert "Custom" not in type(targets[0]).__name__, address
