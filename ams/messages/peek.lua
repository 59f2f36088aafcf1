-- Reads messages of a topic, whoever has acknowledged them; moves and counts nothing.
--
-- KEYS  1 log  2 topic hash
-- ARGV  1 where to begin: 'offset', 'time' or 'last'
--       2 that offset; that time, microseconds since 1970; 0 for the last messages
--       3 the most messages to return
--       4 the most bytes to return, by whole entries; one message is returned however large it is
-- Returns what `read` does.

local log, topic = KEYS[1], KEYS[2]
local by, from = ARGV[1], tonumber(ARGV[2])
local most, most_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local first, next_, first_bytes, end_bytes =
  numbers(topic, 'first', 'next', 'first_bytes', 'end_bytes')

if by == 'last' then
  local count = math.min(most, next_ - first)
  while count > 1 and end_bytes - first_bytes > most_bytes do
    local head = entry_at(log, next_ - count)
    if end_bytes - head.p + #head.m <= most_bytes then
      break
    end
    count = math.floor(count / 2)
  end
  from = next_ - count
elseif by == 'time' then
  from = first_where(log, first, next_, function(entry) return entry.t >= from end)
end
from = math.max(from, first)
local count = math.min(most, next_ - from)
if count < 1 then
  return {next_, 0}
end
return (read(log, from, by == 'last' and count or fitting(log, topic, from, count, most_bytes)))
