"""Ports that `ams up` chooses."""

from ams.cli.up.ports import FreePorts

#: So many of the kernel's some 14,000 or 28,000 are never all different by chance.
MANY = 700


def test_no_port_is_chosen_twice() -> None:
    with FreePorts() as ports:
        chosen = [ports.choose("127.0.0.1", 0, 0, "--port") for _ in range(MANY)]
    assert len(set(chosen)) == MANY
