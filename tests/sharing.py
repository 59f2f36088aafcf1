"""How the processes of a run share the tests."""

import re
from typing import Final

from xdist.scheduler import LoadScopeScheduling

_DIALECT: Final = re.compile(r"\[(sqlite|mariadb)\b")


class ByServers(LoadScopeScheduling):
    """Keeps together, in their order, tests that use the same servers.

    Those are the tests of a file; and all of a folder that run on the same kind of database.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if dialect := _DIALECT.search(nodeid):
            return f"{file.rpartition('/')[0]} on {dialect[1]}"
        return file
