"""Failures of an engine as one clear line each; the one place that knows the SDK's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from store.errors import Unavailable, WorkFailed


@contextmanager
def spoken_to(whom: str) -> Iterator[None]:
    """Turn what the SDK raises into Unavailable (nothing answers) or WorkFailed (the engine said no).

    `whom` names the engine or what was asked of it, as a person knows it.
    """
    import requests
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise WorkFailed(f"{whom} refused: {' '.join(str(error.explanation or error).split())}") from error
    except (DockerException, requests.RequestException, ConnectionError, TimeoutError) as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise Unavailable(f"{whom} does not answer: {cause}", "see modeldeck hosts") from error
