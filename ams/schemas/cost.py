"""What validation may cost at worst, known from the schema before any message comes.

The unit is about 10 ns for each byte of a message: a schema that applies N simple keywords to a
value costs N, as a value takes at least a byte. Keywords that compare numbers, or match patterns,
cost more; references count as what they refer to, so that a chain that doubles counts in full.
"""

from typing import Final

#: Cost of making objects of JSON.
PARSING: Final = 20

#: Cost of what has no bound that grows with the message only: recursion, comparing each with each.
UNBOUNDED: Final = 10**9

#: Cost times bytes that a worker validates at once, itself. The worst case then takes it about
#: 80 ms, usual schemas a hundredth of that.
AT_ONCE: Final = 8_000_000
