"""The actions that only look: pages, boxes, marks, copies."""

from __future__ import annotations

from engine import availability as why
from engine.actions.action import Action
from engine.actions.scopes import (
    DATED_SCOPES,
    DRAWN_SCOPES,
    EVERYWHERE,
    LINEAGE_SCOPES,
    LISTS,
    MARK_SCOPES,
    MODEL_SCOPES,
    SAID_OF_SCOPES,
    SEARCHED_SCOPES,
)

LOOKS = (
    Action("look.open", "enter", "open what is selected", LISTS, "look", "open", available=why.needs_row),
    Action("look.actions", "a", "what can be done here", (EVERYWHERE,), "look", "actions"),
    Action("look.filter", "/", "filter, or search in a text", (EVERYWHERE,), "look", "filter"),
    Action("look.command", ":", "command line", (EVERYWHERE,), "look"),
    Action(
        "look.watch",
        "w",
        "how good it is over time: promised, estimated, realised",
        tuple(scope for scope in MODEL_SCOPES if not scope.startswith("monitor")),
        "look",
        "watch",
        available=why.needs_model,
    ),
    Action(
        "look.reasons",
        "w",
        "whether the reasons of answers moved",
        tuple(scope for scope in MODEL_SCOPES if scope.startswith("monitor")),
        "look",
        "reasons",
        available=why.needs_model,
    ),
    Action("look.mark", "space", "mark, or take the mark away", MARK_SCOPES, "look", "mark", available=why.needs_row),
    Action("look.unmark", "u", "take every mark away", MARK_SCOPES, "look"),
    Action(
        "look.compare",
        "v",
        "compare what is marked: only what differs",
        MARK_SCOPES,
        "look",
        "compare",
        available=why.needs_row,
    ),
    Action(
        "look.sort", "s", "sort by a metric; again turns it round", ("runs",), "look", "sort", available=why.needs_row
    ),
    Action(
        "look.tree",
        "x",
        "the tree of a model: versions, releases, deployments, servers, monitor",
        MODEL_SCOPES,
        "look",
        available=why.needs_model,
    ),
    Action(
        "look.lineage",
        "l",
        "lineage: what stands behind it, and what came of it",
        LINEAGE_SCOPES,
        "look",
        available=why.traceable,
    ),
    Action(
        "look.compliance",
        "L",
        "compliance: what is on record of it, what is missing, who read it",
        ("models", "versions", "version"),
        "look",
        available=why.traceable_model,
    ),
    Action(
        "look.windows",
        "i",
        "window by window: what was seen of its traffic",
        ("monitors", "monitor"),
        "look",
        "windows",
        available=why.needs_model,
    ),
    Action(
        "look.data",
        "i",
        "the data it was trained on, column by column",
        ("versions", "version", "runs", "run"),
        "look",
        "data",
        available=why.needs_data,
    ),
    Action(
        "look.sample", "i", "rows of it, personal values masked", ("snapshot",), "look", "rows", available=why.needs_row
    ),
    Action("look.comments", "m", "what people say of it", SAID_OF_SCOPES, "look", available=why.needs_row),
    Action("look.at", "t", "what served then, where, by whose hand", DATED_SCOPES, "look", available=why.needs_row),
    Action("look.describe", "d", "describe: every field", (EVERYWHERE,), "look", "describe", available=why.needs_row),
    Action("look.json", "y", "raw JSON", (EVERYWHERE,), "look", available=why.needs_row),
    Action("look.copy_id", "c", "copy the id", (EVERYWHERE,), "look", available=why.needs_row),
    Action("look.copy_command", "C", "copy the command line that shows this", (EVERYWHERE,), "look"),
    Action("look.zoom", "+", "its charts one by one, each over the whole screen", DRAWN_SCOPES, "look", "zoom"),
    Action("look.unzoom", "_", "back to the page", ("zoom",), "look", "back"),
    Action("look.export", "o", "write its charts here as SVG", (*DRAWN_SCOPES, "zoom"), "look", "export"),
    Action("look.refresh", "r", "read again now", (EVERYWHERE,), "look"),
    Action("look.follow", "f", "follow the end of the log", ("log",), "look", "follow"),
    Action("look.next_match", "n", "next match", SEARCHED_SCOPES, "look"),
    Action("look.previous_match", "N", "match before", SEARCHED_SCOPES, "look"),
    Action("look.log", "@", "what was changed from this console, as commands", (EVERYWHERE,), "look"),
    Action("look.undo", "z", "take back the last change made from this console; asks first", (EVERYWHERE,), "look"),
    Action("look.help", "?", "every key, runnable", (EVERYWHERE,), "look", "help"),
)
