"""Whether a host can be declared."""

from __future__ import annotations

import re
from dataclasses import asdict

from engine.settings.model import HostSettings
from store.errors import BrokenSettings


def check_host(host: HostSettings) -> None:
    """Refuse a host that deck.toml could not declare.

    Raises:
        BrokenSettings: a value does not hold, named.
    """
    from pydantic import ValidationError

    from engine.settings.schema import HostTable
    from engine.settings.sections import NAME

    try:
        HostTable.model_validate({key: value for key, value in asdict(host).items() if key != "name"})
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False)[0]["msg"].removeprefix("Value error, ")
        raise BrokenSettings(f"host {host.name}: {told}", "correct it and run again") from None
    if not re.fullmatch(NAME, host.name):
        raise BrokenSettings(
            f"host name {host.name!r}",
            'use lower-case letters, digits, "-" and "_", 63 at most, a letter or digit first',
        )
