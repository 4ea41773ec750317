"""Read deck.toml and models/*.toml into frozen settings, and say in one line what is wrong with them and where."""

from __future__ import annotations

import difflib
import tomllib
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.settings.metric_names import refusal
from engine.settings.model import DeckSettings, ModelSettings
from engine.settings.notify import NotifySettings
from engine.settings.secrets import HIDDEN, redacted
from engine.settings.toml_lines import line_of
from engine.workspace import Workspace
from store.errors import BrokenSettings

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


def load(workspace: Workspace) -> DeckSettings:
    """Return what the settings files say now, defaults filled in. Nothing is applied.

    Raises:
        BrokenSettings: a file is missing, does not parse, or says something unknown or impossible.
    """
    from engine.settings.schema import DeckFile

    deck = _checked(workspace, workspace.root / "deck.toml", DeckFile)
    hosts = deck.host_settings()
    models: dict[str, ModelSettings] = {}
    origins: dict[str, Path] = {}
    for path in sorted((workspace.root / "models").glob("*.toml")):
        settings = load_model(workspace, path)
        if settings.name in models:
            first = origins[settings.name].relative_to(workspace.root)
            raise BrokenSettings(
                f"{_where(workspace, path, ('model', 'name'))}: the name {settings.name!r} is taken by {first}",
                "give each model its own name",
            )
        _hosts_exist(workspace, path, settings, [host.name for host in hosts])
        _metrics_exist(workspace, path, settings)
        models[settings.name] = settings
        origins[settings.name] = path
    notify = deck.notify_settings()
    _told_models_exist(workspace, notify, models)
    for name, path in origins.items():
        _upstream_ends(workspace, path, name, models)
    return DeckSettings(
        deck.name,
        deck.time_zone,
        hosts,
        models,
        deck.roles(),
        deck.job_settings(),
        deck.access.group or "",
        notify,
        deck.cost.section() if deck.cost else None,
        deck.retention.section(),
    )


def load_model(workspace: Workspace, path: Path) -> ModelSettings:
    """Return what one model file says.

    Raises:
        BrokenSettings: as `load`.
    """
    from engine.settings.schema import ModelFile

    settings = _checked(workspace, path, ModelFile).settings()
    _metrics_exist(workspace, path, settings)
    return settings


def _hosts_exist(workspace: Workspace, path: Path, settings: ModelSettings, known: list[str]) -> None:
    for name in settings.deploy.hosts:
        where = _where(workspace, path, ("deploy", "hosts"))
        if name not in known:
            raise BrokenSettings(
                f"{where}: unknown host {name!r}{_closest(name, known)}", f"deck.toml declares {', '.join(known)}"
            )


def _told_models_exist(
    workspace: Workspace, notify: dict[str, NotifySettings], known: dict[str, ModelSettings]
) -> None:
    for target, stated in notify.items():
        for name in stated.models:
            if name not in known:
                where = _where(workspace, workspace.root / "deck.toml", ("notify", target, "models"))
                raise BrokenSettings(
                    f"{where}: unknown model {name!r}{_closest(name, list(known))}",
                    f"there are: {', '.join(sorted(known))}" if known else "there are no models yet",
                )


def _upstream_ends(workspace: Workspace, path: Path, name: str, models: dict[str, ModelSettings]) -> None:
    """Refuse a model that is trained upon one that is not there, or, by way of others, upon itself."""
    chain = [name]
    while upstream := models[chain[-1]].retrain.upstream:
        where = _where(workspace, path, ("retrain", "upstream"))
        if upstream not in models:
            raise BrokenSettings(
                f"{where}: no model named {upstream!r}{_closest(upstream, list(models))}",
                f"models/ declares {', '.join(sorted(models))}",
            )
        if upstream in chain:
            told = " upon ".join([*chain, upstream])
            raise BrokenSettings(f"{where}: {told}: it would never end", "take one of these upstreams away")
        chain.append(upstream)


def _metrics_exist(workspace: Workspace, path: Path, settings: ModelSettings) -> None:
    """Refuse a metric that the task does not have: a gate that nobody can measure would never be passed."""
    named = [(("train", "metric"), settings.train.metric, False)] if settings.train.metric else []
    named += [(("gates", name), name, True) for name in settings.gates.limits]
    for keys, name, running in named:
        if why := refusal(name, settings.task, running=running):
            raise BrokenSettings(f"{_where(workspace, path, keys)}: {why}")


_File = typing.TypeVar("_File", bound="BaseModel")


def _checked(workspace: Workspace, path: Path, kind: type[_File]) -> _File:
    from pydantic import ValidationError

    shown = path.relative_to(workspace.root)
    try:
        text = path.read_bytes().decode()
        return kind.model_validate(tomllib.loads(text))
    except FileNotFoundError:
        raise BrokenSettings(f"{shown} is missing", "make a workspace with: modeldeck init DIR") from None
    except OSError as error:
        raise BrokenSettings(f"{shown} cannot be read ({error.strerror})", "check its owner and mode") from None
    except UnicodeDecodeError:
        raise BrokenSettings(f"{shown} is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BrokenSettings(f"{shown} is not valid TOML: {error}", "correct that line") from None
    except ValidationError as error:
        raise _broken(workspace, path, kind, error) from None


def _broken(workspace: Workspace, path: Path, kind: type[BaseModel], error: ValidationError) -> BrokenSettings:
    problems = error.errors(include_url=False, include_context=False)
    # A misspelt key also leaves its right spelling missing: the misspelling is what the person wrote.
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    keys = tuple(str(part) for part in first["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    where = _where(workspace, path, keys)
    if first["type"] == "extra_forbidden":
        known = _known_keys(kind, keys[:-1])
        return BrokenSettings(
            f"{where}: unknown key {keys[-1]!r}{_closest(keys[-1], known)}{more}", f"known here: {', '.join(known)}"
        )
    if first["type"] == "missing":
        what = "table" if kind.__name__ == "ModelFile" and len(keys) == 1 else "key"
        return BrokenSettings(f"{where}: this {what} is missing{more}", _missing_hint(what, keys))
    message = _PLAIN.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    found = "" if isinstance(first["input"], dict | list) else f", got {_shown(keys, first['input'])}"
    return BrokenSettings(f"{where}: {message[:1].lower()}{message[1:]}{found}{more}", "correct it and run again")


def _shown(keys: tuple[str, ...], value: Any) -> str:
    """Return a value as an error may show it: what a person put where a credential does not belong stays unsaid."""
    if "secret" in keys or (keys[0] == "notify" and "url" in keys):
        return HIDDEN
    return repr(redacted(value) if isinstance(value, str) else value)


_PLAIN = {  # what pydantic says in words of its own trade
    "model_type": "this must be a table",
    "dict_type": "this must be a table",
    "list_type": "this must be a list",
    "finite_number": "this must be a finite number",
    "string_pattern_mismatch": 'use lower-case letters, digits, "-" and "_", 63 at most, a letter or digit first',
}


def _missing_hint(what: str, keys: tuple[str, ...]) -> str:
    if what == "table":
        return f"add [{keys[0]}]"
    return f"add {keys[-1]} = … to [{'.'.join(keys[:-1])}]" if len(keys) > 1 else f"add {keys[0]} = … at the top"


def _known_keys(kind: type[BaseModel], keys: tuple[str, ...]) -> list[str]:
    """Return the keys allowed in the table that `keys` leads to."""
    from pydantic import BaseModel

    from engine.settings.schema import GatesTable, LimitTable

    table: Any = kind
    for key in keys:
        if isinstance(table, type) and issubclass(table, GatesTable) and key not in table.model_fields:
            table = LimitTable
        elif isinstance(table, type) and issubclass(table, BaseModel) and key in table.model_fields:
            table = table.model_fields[key].annotation
        while not (isinstance(table, type) and issubclass(table, BaseModel)):
            inner = [part for part in typing.get_args(table) if part is not type(None)]
            if not inner:
                return []
            table = inner[-1]
    return [field.alias or name for name, field in table.model_fields.items()]


def _closest(name: str, known: list[str]) -> str:
    match = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {match[0]!r}?" if match else ""


def _where(workspace: Workspace, path: Path, keys: tuple[str, ...]) -> str:
    line = line_of(path.read_text(encoding="utf-8", errors="replace"), keys)
    shown = path.relative_to(workspace.root)
    place = f"{shown}:{line}" if line else f"{shown}"
    return f"{place}: {'.'.join(keys)}" if keys else place
