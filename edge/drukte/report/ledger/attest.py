"""The privacy attestation: what keeps frames in on this device, read from where it is enforced."""

import hashlib
import logging
from pathlib import Path

import drukte
from drukte.capacity import bits_per_hour
from drukte.config import Site, SiteError, settings_hash
from drukte.models import ModelError, read
from drukte.report.formats.native import Privacy, moment
from drukte.report.ledger.changes import note_changes, note_signature
from drukte.report.ledger.ledger import Ledger, LedgerError
from drukte.report.ledger.others import OthersActs, take_acts
from drukte.settings.judge import load_sheet
from drukte.settings.sheet import Sheet
from drukte.settings.trust import demanded
from drukte.summary import SEAL

log = logging.getLogger(__name__)
REQUIRED = {"filtered", "refused", "no_dump"}


class Attestation:
    """Says what is in force, and keeps the ledger of this device up to date."""

    def __init__(self, site: Site, site_file: Path, state: Path) -> None:
        """Note in the ledger what changed since the last run.

        A ledger that does not hold is left as it is and said so; the device goes on counting.
        """
        self._site = site
        self._settings = settings_hash(site_file)
        self._code = code_hash()
        self._model = model_hash(site)
        self._sheet = signed_sheet(site_file)
        self._ledger: Ledger | None = None
        self._others: OthersActs | None = None
        try:
            self._ledger = Ledger(state / "ledger.jsonl")
            if acts := note_changes(self._ledger, site):
                log.info("noted in the ledger: %s", ", ".join(acts))
            note_signature(self._ledger, self._sheet)
            self._others = OthersActs(self._ledger)
        except LedgerError as error:
            log.error("%s. It is left as it is; have a privacy officer look at it", error)

    def take_acts(self) -> None:
        """Take over into the ledger what other programs wrote down since."""
        self._others = take_acts(self._others)

    def record(self, act: str, **details: object) -> None:
        """Write an act into the ledger; a ledger that cannot be written is said in the log."""
        try:
            if self._ledger is not None:
                self._ledger.record(act, **details)
        except LedgerError as error:
            log.error("%s", error)

    def message(self, now: float, seal: int | None) -> Privacy:
        """The attestation at `now` (s since 1970), with the seal bits of the last record; None before the first."""
        enforced = None if seal is None else [name for bit, name in enumerate(SEAL) if seal >> bit & 1]
        head = self._ledger.head if self._ledger else None
        audit = self._last_audit()
        site = self._site
        return Privacy(
            organisation=site.organisation,
            device=site.device,
            at=moment(now),
            sealed=None if enforced is None else set(enforced) >= REQUIRED,
            enforced=enforced,
            free_bits_per_hour=round(bits_per_hour([len(zone.lines) for zone in site.zones], site.tick)),
            software=drukte.__version__,
            code=self._code,
            model=self._model,
            settings=self._settings,
            settings_serial=self._sheet.serial if self._sheet else None,
            indicator=site.indicator.kind,
            schedule=site.schedule.words(),
            purpose_valid_until=site.purpose.valid_until.isoformat(),
            ledger=head.hash if head else None,
            ledger_lines=head.n if head else None,
            audit=audit[0],
            audit_at=audit[1],
        )

    def _last_audit(self) -> tuple[str | None, str | None]:
        try:
            entry = self._ledger.latest("audit") if self._ledger else None
        except LedgerError:
            return None, None
        return (None, None) if entry is None else (str(entry.details.get("verdict", "unknown"))[:20], entry.at)


def code_hash() -> str:
    """SHA-256 over the names and contents of drukte's installed Python and data files."""
    root = Path(drukte.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and p.suffix in (".py", ".yaml", ".json")):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def model_hash(site: Site) -> str | None:
    """SHA-256 of the site's person detector as it lies in the store; None when it is not there or not needed."""
    try:
        return hashlib.sha256(read(site.model.name, site.model.size)).hexdigest()
    except ModelError:
        return None


def signed_sheet(site_file: Path) -> Sheet | None:
    """The signature sheet of the site file in use; None where unsigned ones are taken."""
    try:
        return load_sheet(site_file) if demanded(site_file) else None
    except SiteError:
        return None
