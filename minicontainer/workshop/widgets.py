"""What a learner can turn and click in a notebook, made with ipywidgets.

Each also has plain HTML, which remains when the kernel is gone, where widgets
are not to be had, and on a code-hosting site. What a lab shows stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Shown:
    """An output with a widget for those who can have it, and HTML for all."""

    def widget(self) -> Any:
        """The ipywidgets object."""
        raise NotImplementedError

    def html(self) -> str:
        """The same, standing still."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown: dict[str, Any] = {"text/html": self.html(), "text/plain": type(self).__name__}
        try:
            import ipywidgets  # noqa: F401
        except ImportError:
            return shown
        return {**self.widget()._repr_mimebundle_(), **shown}


def redrawn(control: Any, draw: Callable[[Any], str]) -> Any:
    """A control, and below it the HTML that `draw` makes of its value, each time anew."""
    import ipywidgets

    shown = ipywidgets.HTML(draw(control.value))
    control.observe(lambda change: setattr(shown, "value", draw(change["new"])), "value")
    return ipywidgets.VBox([control, shown])
