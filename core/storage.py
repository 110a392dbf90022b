"""Where documents are kept: a private folder by default, any Django storage by setting (``STORAGES["documents"]``)."""

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.deconstruct import deconstructible


@deconstructible
class DocumentStorage(FileSystemStorage):
    """Files under ``ESSOR_DOCUMENT_ROOT``. They have no address: only ``core.views.documents`` serves them."""

    @property
    def base_location(self) -> str:
        """Read at each use, so that a test or a deployment that changes the setting is obeyed."""
        return str(settings.ESSOR_DOCUMENT_ROOT)

    @property
    def location(self) -> str:
        """The same, absolute."""
        return self.base_location

    def url(self, name: str | None) -> str:
        """Refused: a document is never served from a public address."""
        raise ValueError("Documents have no public address; use Document.get_absolute_url().")


def documents_storage() -> Storage:
    """The storage of documents."""
    return storages["documents"]
