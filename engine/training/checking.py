"""Whether a model's settings name what can be trained, told without its data."""

from __future__ import annotations

from engine.model_io import code
from engine.settings.model import ModelSettings
from engine.training.dataset import TASKS
from engine.training.family import ANY_TASK, require_name
from engine.training.named import estimator_class
from store.errors import Refused

NAMED_BY_CLASS = ("classification", "regression")


def require_trainable(settings: ModelSettings) -> None:
    """Look that the task is one that is trained, and that an estimator named by its class is there and fits it.

    Raises:
        Refused: saying which, and what could be written.
    """
    if settings.task not in TASKS:
        raise Refused(
            f"{settings.name}: task {settings.task!r} cannot be trained yet", f"trained are {', '.join(TASKS)}"
        )
    estimator = settings.train.estimator
    try:
        require_name(settings.task, estimator)
        if settings.task in NAMED_BY_CLASS and estimator not in ANY_TASK and not estimator.startswith(code.PREFIX):
            estimator_class(estimator, settings.task)
    except Refused as error:
        raise Refused(f"{settings.name}: train.estimator: {error.message}", error.hint) from error
