"""The request as the web server makes it."""

from collections.abc import Mapping

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class EssorRequest(WSGIRequest):
    """A request that names an encoding which is none of text ("charset=hex") is made all the same.

    Django reads the query in that encoding before any view or middleware is there to refuse it
    (``core.engine.readable`` does).
    """

    def _set_content_type_params(self, meta: Mapping[str, str]) -> None:
        try:
            super()._set_content_type_params(meta)
        except (LookupError, ValueError):
            self._encoding = None


class EssorHandler(WSGIHandler):
    request_class = EssorRequest
