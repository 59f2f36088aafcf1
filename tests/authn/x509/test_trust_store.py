"""The folder of trusted CAs (contract: authn 4.1, 8 B15)."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from authn.x509 import trust_store
from authn.x509.refusals import Untrusted
from authn.x509.trust_store import LOOK_SECONDS, TrustStore
from tests.authn.authority import Authority, pem


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched(folder: Path, clock: Clock) -> TrustStore:
    return TrustStore(folder, clock=clock)


@pytest.fixture(scope="module")
def other() -> Authority:
    return Authority.root("Other CA")


def later(store: TrustStore, clock: Clock) -> set[str]:
    """The names of the CAs that are trusted when the folder has been looked at again."""
    clock.now += LOOK_SECONDS
    store.refresh()
    return names(store)


def names(store: TrustStore) -> set[str]:
    return {each.subject.rfc4514_string() for each in store.certificates}


TRUSTED, OTHER = "CN=Trusted CA,O=Test", "CN=Other CA,O=Test"


def test_files_of_a_folder_are_trusted(folder: Path, other: Authority) -> None:
    third = Authority.root("Third CA")
    (folder / "others.pem").write_bytes(
        b"# A comment\n" + pem(other.certificate) + b"\nmore\n" + pem(third.certificate)
    )
    assert names(TrustStore(folder)) == {TRUSTED, OTHER, "CN=Third CA,O=Test"}


def test_files_named_by_hash_are_trusted_and_links_count_once(
    folder: Path, root: Authority, other: Authority
) -> None:
    (folder / "0a1b2c3d.0").symlink_to("root.pem")
    (folder / "ffffffff.12").write_bytes(pem(other.certificate))
    store = TrustStore(folder)
    assert sorted(names(store)) == [OTHER, TRUSTED]
    assert len(store.certificates) == 2


@pytest.mark.parametrize(
    "name", ["other.crt", "0a1b2c3d.r0", "other.signing_policy", "xyz.0", "below/other.pem"]
)
def test_other_files_are_not_read(folder: Path, other: Authority, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(pem(other.certificate))
    assert names(TrustStore(folder)) == {TRUSTED}


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_bad_file_is_skipped_with_a_warning_that_names_it(
    folder: Path, other: Authority, content: bytes
) -> None:
    (folder / "a-bad-one.pem").write_bytes(content)
    (folder / "z-good-one.pem").write_bytes(pem(other.certificate))
    with capture_logs() as entries:
        assert names(TrustStore(folder)) == {TRUSTED, OTHER}
    (warning,) = warnings(entries)
    assert warning["file"] == str(folder / "a-bad-one.pem")


def warnings(entries: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return [entry for entry in entries if entry["log_level"] == "warning"]


def test_file_that_is_too_long_is_skipped(
    folder: Path, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_store, "MOST_FILE_BYTES", 2000)
    (folder / "long.pem").write_bytes(pem(other.certificate) + b"\n" * 2000)
    assert names(TrustStore(folder)) == {TRUSTED}


def test_link_that_leads_nowhere_is_skipped(folder: Path) -> None:
    (folder / "broken.pem").symlink_to("gone")
    (folder / "folder.pem").mkdir()
    assert names(TrustStore(folder)) == {TRUSTED}


def test_changes_of_the_folder_count_without_a_restart(
    folder: Path, watched: TrustStore, clock: Clock, other: Authority
) -> None:
    version = watched.version
    (folder / "other.pem").write_bytes(pem(other.certificate))
    assert later(watched, clock) == {TRUSTED, OTHER}
    assert watched.version != version
    (folder / "root.pem").unlink()
    assert later(watched, clock) == {OTHER}
    (folder / "other.pem").unlink()
    assert later(watched, clock) == set()


def test_changed_file_counts_without_a_restart(
    folder: Path, watched: TrustStore, clock: Clock, other: Authority
) -> None:
    (folder / "root.pem").write_bytes(pem(other.certificate))
    assert later(watched, clock) == {OTHER}


def test_folder_is_not_looked_at_all_the_time(
    folder: Path, watched: TrustStore, clock: Clock
) -> None:
    (folder / "root.pem").unlink()
    clock.now += LOOK_SECONDS * 0.9
    watched.refresh()
    assert names(watched) == {TRUSTED}


def test_half_written_file_takes_nothing_away(
    folder: Path, watched: TrustStore, clock: Clock, root: Authority, other: Authority
) -> None:
    version = watched.version
    for content in (b"", pem(root.certificate)[:300]):
        (folder / "root.pem").write_bytes(content)
        assert later(watched, clock) == {TRUSTED}
    assert watched.version == version
    (folder / "root.pem").write_bytes(pem(root.certificate, other.certificate))
    assert later(watched, clock) == {TRUSTED, OTHER}


def test_folder_that_is_away_takes_nothing_away(
    folder: Path,
    watched: TrustStore,
    clock: Clock,
    tmp_path: Path,
) -> None:
    folder.rename(tmp_path / "moved")
    with capture_logs() as entries:
        assert later(watched, clock) == {TRUSTED}
        assert later(watched, clock) == {TRUSTED}
    assert len(warnings(entries)) == 1
    folder.mkdir()
    assert later(watched, clock) == set()


def test_folder_that_is_not_there_yet_is_read_when_it_is(
    folder: Path, clock: Clock, tmp_path: Path
) -> None:
    with capture_logs() as entries:
        store = TrustStore(tmp_path / "new", clock=clock)
    assert names(store) == set()
    assert str(tmp_path / "new") in str(warnings(entries)[0]["reason"])
    shutil.copytree(folder, tmp_path / "new")
    assert later(store, clock) == {TRUSTED}


def test_new_authority_vouches_for_its_clients_at_once(
    folder: Path, watched: TrustStore, clock: Clock, other: Authority
) -> None:
    client = other.issue().certificate
    with pytest.raises(Untrusted):
        watched.chain(client)
    (folder / "other.pem").write_bytes(pem(other.certificate))
    clock.now += LOOK_SECONDS
    assert watched.chain(client) == [client, other.certificate]
