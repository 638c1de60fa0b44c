"""The documents of drift reports: a folder a report, a file a form."""

from pathlib import Path

from services.monitor.adapters.durability import make_folder, write_atomically
from services.monitor.domain.drift import Documents

HTML = "report.html"
JSON = "report.json"


class ReportFiles:
    """The documents in a local folder; `report_id` is one that this service gave, never a caller's text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, report_id: str, documents: Documents) -> Path:
        """Store a report's documents durably and return the folder that holds them, and nothing else."""
        folder = self._folder / report_id
        make_folder(folder)
        write_atomically(folder / HTML, documents.html.encode())
        write_atomically(folder / JSON, documents.json.encode())
        return folder

    def path(self, report_id: str, name: str) -> Path:
        """Return where a document lies, HTML or JSON."""
        return self._folder / report_id / name
