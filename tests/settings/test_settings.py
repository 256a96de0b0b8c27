"""A device with signed settings uses what the right people signed last, and nothing else."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from drukte.config import SiteError
from drukte.exits import Exit
from drukte.settings import TrustError, load_trusted
from drukte.settings.cli import settings as command
from drukte.settings.put import Parcel, empty_inbox, put_in_place
from drukte.settings.record import record_of
from drukte.settings.sheet import Sheet, parse_sheet, sheet_of
from drukte.signing import Role, SigningError, public_text
from tests.report.conftest import site_text
from tests.settings.people import BOTH, PEOPLE, sheet_for, sign_and_put, trust


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A device's site file, signed and in place."""
    file = tmp_path / "site.yaml"
    file.write_text(site_text())
    trust(tmp_path)
    sign_and_put(file, serial=5)
    return file


def change(site: Path, old: str = "tick: 60", new: str = "tick: 30") -> None:
    assert old in site.read_text()
    site.write_text(site.read_text().replace(old, new))


def test_what_was_signed_and_put_in_place_is_used(site: Path) -> None:
    assert load_trusted(site).tick == 60


def test_a_device_without_signers_takes_any_right_file(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(site_text(tick=30))
    assert load_trusted(file).tick == 30
    trust(tmp_path, settings="unsigned")
    assert load_trusted(file).tick == 30


def test_an_unsigned_change_is_refused(site: Path) -> None:
    change(site)
    with pytest.raises(TrustError, match="not the signed file that was put in place"):
        load_trusted(site)


def test_a_changed_file_is_refused_before_it_is_even_read_as_yaml(site: Path) -> None:
    site.write_bytes(b"\xff{{{ ][")
    with pytest.raises(TrustError, match="it was changed"):
        load_trusted(site)


def test_a_signed_change_has_to_be_put_in_place(site: Path) -> None:
    change(site)
    sheet_of(site).write_bytes(sheet_for(site, 6, ("technician",)).dump())
    with pytest.raises(TrustError, match="drukte settings apply"):
        load_trusted(site)
    put_in_place(Parcel(site.read_bytes(), parse_sheet(sheet_of(site).read_bytes())), site)
    assert load_trusted(site).tick == 30


@pytest.mark.parametrize("role", BOTH)
def test_one_signature_is_enough_for_another_tick(site: Path, role: Role) -> None:
    change(site)
    sign_and_put(site, 6, (role,))
    assert load_trusted(site).tick == 30


@pytest.mark.parametrize("role", BOTH)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("what_for: testing", "what_for: following people"),
        ("valid_until: 2099-12-31", "valid_until: 2199-12-31"),
        ("device: dev-1", "device: dev-2"),
        ("policy: operational", "policy: none, reason: curiosity"),
    ],
)
def test_a_change_of_purpose_needs_two_people(site: Path, role: Role, old: str, new: str) -> None:
    before = site.read_bytes()
    change(site, old, new)
    other = "technician" if role == "privacy_officer" else "privacy officer"
    with pytest.raises(TrustError, match=f"both signatures; the {other}'s is missing"):
        sign_and_put(site, 6, (role,))
    sign_and_put(site, 6)
    load_trusted(site)
    assert site.read_bytes() != before


def test_a_new_device_needs_two_people(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(site_text())
    trust(tmp_path)
    with pytest.raises(TrustError, match="none have been put in place"):
        load_trusted(file)
    with pytest.raises(TrustError, match="privacy officer's is missing"):
        sign_and_put(file, 1, ("technician",))


def test_one_person_cannot_sign_for_both(site: Path) -> None:
    change(site, "testing", "else")
    sheet = sheet_for(site, 6, ("technician",))
    with pytest.raises(SigningError, match="another person"):
        sheet.sign("privacy_officer", PEOPLE["technician"])
    forged = sheet.signatures[0].model_copy(update={"role": "privacy_officer"})
    with pytest.raises(TrustError, match="does not know as privacy_officer"):
        put_in_place(
            Parcel(site.read_bytes(), sheet.model_copy(update={"signatures": [sheet.signatures[0], forged]})), site
        )


def test_an_older_file_does_not_come_back(site: Path) -> None:
    old, old_sheet = site.read_bytes(), sheet_of(site).read_bytes()
    change(site)
    sign_and_put(site, 6)
    with pytest.raises(TrustError, match="serial 5 is not newer than serial 6"):
        put_in_place(Parcel(old, parse_sheet(old_sheet)), site)
    site.write_bytes(old)
    sheet_of(site).write_bytes(old_sheet)
    with pytest.raises(TrustError, match="is an older file, serial 5"):
        load_trusted(site)


def test_another_file_with_the_same_serial_is_refused(site: Path) -> None:
    change(site)
    with pytest.raises(TrustError, match="not newer"):
        sign_and_put(site, 5)


@given(data=st.data())
def test_a_sheet_with_any_bit_changed_is_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("device")
    file = folder / "site.yaml"
    file.write_text(site_text())
    trust(folder)
    content = bytearray(sheet_for(file, 1).dump())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    sheet_of(file).write_bytes(content)
    try:
        sheet = parse_sheet(bytes(content))
    except SigningError:
        return
    if sheet == sheet_for(file, 1):  # a blank for another blank
        return
    with pytest.raises(TrustError):
        put_in_place(Parcel(file.read_bytes(), sheet), file)


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_garbage_is_no_sheet(data: bytes) -> None:
    with pytest.raises(SigningError):
        parse_sheet(data)


def test_the_switch_cannot_be_turned_back_by_taking_the_keys_away(site: Path) -> None:
    (site.parent / "signers.yaml").unlink()
    with pytest.raises(TrustError, match="no longer demands it"):
        load_trusted(site)
    trust(site.parent, settings="unsigned")
    with pytest.raises(TrustError, match="no longer demands it"):
        load_trusted(site)
    sheet_of(site).unlink()
    record_of(site).unlink()
    load_trusted(site)


@pytest.mark.parametrize("name", ["signers.yaml", "site.yaml.accepted"])
def test_files_that_others_can_write_prove_nothing(site: Path, name: str) -> None:
    (site.parent / name).chmod(0o666)
    with pytest.raises(TrustError, match="somebody else may write it"):
        load_trusted(site)


def test_files_that_it_names_are_signed_with_it(site: Path) -> None:
    shared = site.parent / "generic.yaml"
    shared.write_text("tick: 60\n")
    sign_and_put(site, 6)
    load_trusted(site)
    shared.write_text("tick: 30\n")
    with pytest.raises(TrustError, match=r"generic\.yaml, which belongs to it, was changed after signing"):
        load_trusted(site)


def test_a_signed_file_that_is_not_right_says_what_is_wrong(site: Path) -> None:
    text = site.read_text().replace("tick: 60", "tick: 61")
    sheet = sheet_for(site, 6).model_copy(update={"sha256": __import__("hashlib").sha256(text.encode()).hexdigest()})
    sheet = sheet.model_copy(update={"signatures": []}).sign("technician", PEOPLE["technician"])
    with pytest.raises(SiteError, match="tick"):
        put_in_place(Parcel(text.encode(), sheet), site)
    assert load_trusted(site).tick == 60


def test_an_inbox_is_judged_again(site: Path) -> None:
    inbox, said = site.parent / "inbox", list[str]()
    assert not empty_inbox(inbox, site, said.append)
    good = site.read_bytes()
    change(site)
    parcel = Parcel(site.read_bytes(), sheet_for(site, 6, ("technician",)))
    site.write_bytes(good)
    inbox.write_bytes(parcel.dump())
    assert empty_inbox(inbox, site, said.append)
    assert load_trusted(site).tick == 30
    assert not inbox.exists()
    for content in (b"", b"[]", b'{"site": 1}', parcel.dump().replace(b"tick: 30", b"tick: 20")):
        inbox.write_bytes(content)
        assert not empty_inbox(inbox, site, said.append)
        assert not inbox.exists()
        assert "not put in place" in said[-1]
    assert load_trusted(site).tick == 30
    inbox.symlink_to(site)
    assert not empty_inbox(inbox, site, said.append)


def run(*arguments: str | Path, ok: bool = True) -> Result:
    done = CliRunner().invoke(command, [str(a) for a in arguments])
    assert (done.exit_code == 0) is ok, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def test_from_keys_to_a_device_by_commands(tmp_path: Path) -> None:
    keys = {role: tmp_path / f"{role}.pem" for role in BOTH}
    public = {role: [run("keygen", "--no-passphrase", "--out", key).output.strip()] for role, key in keys.items()}
    assert keys["technician"].stat().st_mode & 0o777 == 0o600
    run("keygen", "--no-passphrase", "--out", keys["technician"], ok=False)
    device, desk = tmp_path / "device", tmp_path / "desk"
    device.mkdir()
    desk.mkdir()
    (device / "signers.yaml").write_text(yaml.safe_dump(public | {"settings": "signed"}))
    draft, site = desk / "site.yaml", device / "site.yaml"
    draft.write_text(site_text())
    assert "missing" in run("verify", "--site", draft, "--signers", device / "signers.yaml", ok=False).output
    for role, key in keys.items():
        run("sign", draft, "--role", role, "--key", key)
    assert "not put in place yet" in run("verify", "--site", draft, "--signers", device / "signers.yaml").output
    run("apply", draft, "--site", site)
    assert load_trusted(site).tick == 60
    change(draft)
    assert run("apply", draft, "--site", site, ok=False).exit_code == Exit.UNSIGNED
    run("sign", draft, "--role", "technician", "--key", keys["technician"], "--serial", 2**40)
    run("apply", draft, "--site", site)
    assert load_trusted(site).tick == 30
    run("sign", draft, "--role", "technician", "--key", device / "nothing", ok=False)
    run("sign", draft, "--role", "technician", "--key", draft, ok=False)


def test_a_sheet_is_the_same_after_writing_and_reading(site: Path) -> None:
    sheet = sheet_for(site, 9)
    assert parse_sheet(sheet.dump()) == sheet
    assert isinstance(sheet, Sheet)
    assert {s.key for s in sheet.signatures} == {public_text(k.public_key()) for k in PEOPLE.values()}
