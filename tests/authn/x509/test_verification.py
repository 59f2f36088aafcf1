"""The steps of a verification, and what the settings leave of them (contract: authn 4.1, 4.2)."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from authn.x509.crl_cache import CrlCache
from authn.x509.refusals import Expired, HostMismatch, NotActive, Refusal, Revoked, Untrusted
from authn.x509.revocation import Revocation
from authn.x509.trust_store import TrustStore
from authn.x509.verification import Outcome, Policy, Step, Verification, Verifier
from tests.authn.authority import DAY, Authority, self_signed
from tests.authn.crl_server import CrlServer
from tests.authn.der import name
from tests.authn.x509.zones import Zones

ADDRESS = "192.0.2.7"
ALL = Policy(client_cert_host_verification=True)
NEVER_VERIFY = Policy(verify_certificate=False)
TRUST_ANYBODY = Policy(verify_certificate=False, trust_unknown_cas=True)


@pytest.fixture
def given(store: TrustStore, crls: CrlCache) -> "Given":
    return Given(store, crls)


class Given:
    """What certificates are verified with."""

    def __init__(self, store: TrustStore, crls: CrlCache) -> None:
        self._store = store
        self._revocation = Revocation(crls)

    async def verify(
        self,
        certificate: x509.Certificate,
        policy: Policy = ALL,
        *,
        address: str | None = ADDRESS,
        later: timedelta = timedelta(0),
    ) -> Verification:
        verifier = Verifier(
            policy,
            self._store,
            self._revocation,
            Zones({ADDRESS: ["a.org."]}),
            clock=lambda: datetime.now(UTC) + later,
        )
        return await verifier.verify(certificate, address=address)


def outcomes(verification: Verification) -> dict[str, str]:
    return {step.name: step.outcome.value for step in verification.steps}


A_ORG = [x509.DNSName("a.org")]


async def test_good_certificate_passes_all_steps_in_their_order(
    given: Given, root: Authority, crl_server: CrlServer
) -> None:
    client = root.issue(names=A_ORG, crl_urls=[crl_server.publish("/a", root.crl())])
    verification = await given.verify(client.certificate)
    assert verification.refusal is None
    assert verification.steps == tuple(
        Step(name, Outcome.PASSED)
        for name in ("host", "expiry", "activation", "chain", "revocation")
    )


async def test_first_check_that_fails_ends_the_verification(given: Given, root: Authority) -> None:
    client = root.issue(valid=(-2 * DAY, -DAY)).certificate
    verification = await given.verify(client)
    assert isinstance(verification.refusal, HostMismatch)
    assert verification.steps[0].reason == verification.refusal.message
    assert outcomes(verification) == {
        "host": "failed",
        "expiry": "skipped",
        "activation": "skipped",
        "chain": "skipped",
        "revocation": "skipped",
    }
    assert verification.steps[1].reason == "an earlier check failed"


@pytest.mark.parametrize(
    ("valid", "refusal"), [((-2 * DAY, -DAY), Expired), ((DAY, 2 * DAY), NotActive)]
)
async def test_certificate_out_of_its_time_is_told_so_before_its_chain_is_looked_at(
    given: Given, valid: tuple[timedelta, timedelta], refusal: type[Refusal]
) -> None:
    client = Authority.root("Unknown CA").issue(valid=valid, names=A_ORG).certificate
    assert isinstance((await given.verify(client)).refusal, refusal)


async def test_no_list_is_fetched_for_a_certificate_without_a_chain(
    given: Given, crl_server: CrlServer
) -> None:
    """Contract: authn 8 B6."""
    unknown = Authority.root("Trusted CA")
    url = crl_server.publish("/a", unknown.crl())
    for policy in (Policy(), Policy(trust_unknown_cas=True)):
        verification = await given.verify(unknown.issue(crl_urls=[url]).certificate, policy)
        assert isinstance(verification.refusal, Untrusted)
    assert not crl_server.requests


async def test_host_is_not_checked_where_there_is_none(
    given: Given, root: Authority, crl_server: CrlServer
) -> None:
    client = root.issue(crl_urls=[crl_server.publish("/a", root.crl())]).certificate
    for policy, address, reason in (
        (ALL, None, "there is no address"),
        (Policy(), ADDRESS, "client_cert_host_verification is off"),
    ):
        verification = await given.verify(client, policy, address=address)
        assert verification.refusal is None
        assert verification.steps[0] == Step("host", Outcome.SKIPPED, reason)


async def test_without_verification_a_trusted_authority_must_vouch_still(
    given: Given, root: Authority, crl_server: CrlServer
) -> None:
    """Contract: authn 4.1. A connection that is open for long must not outlive its certificate."""
    client = root.issue(crl_urls=[crl_server.url("/a")]).certificate
    crl_server.publish("/a", root.crl(revoked=[client]))
    assert isinstance((await given.verify(client, Policy())).refusal, Revoked)
    never = await given.verify(client, NEVER_VERIFY)
    assert never.refusal is None
    assert outcomes(never) == {
        "host": "skipped",
        "expiry": "passed",
        "activation": "passed",
        "chain": "passed",
        "revocation": "skipped",
    }
    late = await given.verify(client, NEVER_VERIFY, later=2 * DAY)
    assert isinstance(late.refusal, Expired)
    stranger = self_signed(name(("C", "GR"), ("CN", "client"))).certificate
    assert isinstance((await given.verify(stranger, NEVER_VERIFY)).refusal, Untrusted)


async def test_with_nothing_verified_anybody_is_believed(given: Given) -> None:
    """Contract: authn 4.1, 8 B4: the switches are kept."""
    stranger = self_signed(name(("C", "GR"), ("CN", "client"))).certificate
    verification = await given.verify(stranger, TRUST_ANYBODY)
    assert verification.refusal is None
    assert set(outcomes(verification).values()) == {"skipped"}
