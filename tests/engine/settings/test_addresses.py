"""Addresses of engines, as people write them and as they are kept."""

from __future__ import annotations

import pytest

from engine.settings.addresses import EngineAddress, parse_address


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("unix:///var/run/docker.sock", EngineAddress()),
        ("unix:///run/user/1000/docker.sock", EngineAddress("/run/user/1000/docker.sock")),
        ("ssh://alpha", EngineAddress(host="alpha")),
        ("ssh://deploy@alpha.example:2222", EngineAddress(host="alpha.example", user="deploy", port=2222)),
        ("ssh://deploy@[fe80::1]:2222", EngineAddress(host="fe80::1", user="deploy", port=2222)),
        ("ssh://alpha/run/docker.sock", EngineAddress("/run/docker.sock", "alpha")),
    ],
)
def test_an_address_is_read_and_written_back(text: str, meant: EngineAddress) -> None:
    assert parse_address(text) == meant
    assert parse_address(str(meant)) == meant


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "alpha",
            "tcp://alpha:2375",
            "unix://docker.sock",
            "unix:",
            "ssh://",
            "ssh://alpha:port",
            "ssh://alpha:99999",
        ),
        *(
            "ssh://-oProxyCommand=x",
            "ssh://-l@alpha",
            "ssh://user:secret@alpha",
            "ssh://a b",
            "ssh://alpha?x=1",
            "ssh://al\npha",
        ),
        *("ssh://alpha;reboot", "ssh://$(reboot)@alpha", "http://alpha"),
    ],
)
def test_what_is_no_address_is_refused_saying_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write unix:"):
        parse_address(text)


def test_a_known_hosts_entry_names_the_port_where_it_is_another() -> None:
    assert parse_address("ssh://alpha").known_as == "alpha"
    assert parse_address("ssh://alpha:2222").known_as == "[alpha]:2222"
