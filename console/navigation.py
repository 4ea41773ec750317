"""Where a person is: a stack of pages under a numbered screen, and the stack that was there before. Pure."""

from __future__ import annotations

from collections.abc import Callable

from console.screens.page import Page

MOST_VISITED = 30  # places kept to go back to
FEW_HELD = 1_000  # a screen of so few is kept in any case
MOST_HELD = 20_000  # rows of all screens together; beyond it those seen longest ago are read again when one comes back


class Navigator:
    """Numbered screens keep their page, cursor and filter; pages opened from them stack on top."""

    def __init__(self, roots: dict[str, Callable[[], Page]], first: str) -> None:
        self._make = roots
        self._roots: dict[str, Page] = {}
        self._stack: list[Page] = [self._root(first if first in roots else next(iter(roots)))]
        self._before: list[Page] | None = None
        self._trail: list[list[Page]] = [list(self._stack)]
        self._place = 0  # in the trail
        self._seen: list[Page] = [self.root]  # numbered screens, that of now last

    def _root(self, name: str) -> Page:
        if name not in self._roots:
            self._roots[name] = self._make[name]()
        return self._roots[name]

    @property
    def page(self) -> Page:
        """The page in view."""
        return self._stack[-1]

    @property
    def root(self) -> Page:
        """The numbered screen below it."""
        return self._stack[0]

    @property
    def visited(self) -> list[Page]:
        """Every numbered screen there has been."""
        return list(self._roots.values())

    @property
    def crumbs(self) -> list[str]:
        """The titles from the numbered screen to the page in view."""
        return [page.title for page in self._stack]

    def go(self, name: str) -> Page:
        """Go to a numbered screen; going to where one is comes back to its top."""
        self._leave([self._root(name)])
        return self.page

    def open(self, page: Page) -> Page:
        """Put a page on top; one that is in the stack already is returned to."""
        for position, standing in enumerate(self._stack):
            if standing.name == page.name:
                self._leave(self._stack[: position + 1])
                return self.page
        self._leave([*self._stack, page])
        return self.page

    def start_at(self, name: str, *pages: Page) -> Page:
        """Go to a numbered screen with pages opened on it, as the command line does."""
        self._leave([self._root(name), *pages])
        return self.page

    def back(self) -> bool:
        """Leave the page on top; at a numbered screen there is nothing to leave."""
        if len(self._stack) == 1:
            return False
        self._leave(self._stack[:-1])
        return True

    def last(self) -> bool:
        """Return to where one was before."""
        if self._before is None:
            return False
        self._leave(self._before)
        return True

    def step(self, by: int) -> bool:
        """Go back (-1) or forward (1) among the places there were; say whether there was one."""
        to = self._place + by
        if not 0 <= to < len(self._trail):
            return False
        self._before, self._stack = self._stack, list(self._trail[to])
        self._place = to
        self._let_go()
        return True

    def _leave(self, stack: list[Page]) -> None:
        if [page.name for page in stack] != [page.name for page in self._stack]:
            self._before, self._stack = self._stack, list(stack)
            del self._trail[self._place + 1 :]
            self._trail.append(list(stack))
            del self._trail[:-MOST_VISITED]
            self._place = len(self._trail) - 1
            self._let_go()

    def _let_go(self) -> None:
        """Let go of rows that are out of view, longest out of view first, where there are too many."""
        self._seen = [*(page for page in self._seen if page is not self.root), self.root]
        over = sum(page.held for page in self._seen) - MOST_HELD
        for page in self._seen[:-1]:
            if over > 0 and page.held > FEW_HELD:
                over -= page.held
                page.let_go()
