-- Reads messages of a topic, whoever has acknowledged them; moves and counts nothing.
--
-- KEYS  1 log  2 topic hash
-- ARGV  1 where to begin: 'offset', 'time' or 'last'
--       2 that offset; that time, microseconds since 1970; 0 for the last messages
--       3 the most messages to return
--       4 the most bytes to return, by whole entries; one message is returned however large it is
-- Returns {offset of the first message, how many, the entries that hold them, as `read` does}.

local log, topic = KEYS[1], KEYS[2]
local by, from = ARGV[1], tonumber(ARGV[2])
local most, most_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local state = state_of(topic)
local first, next_ = state.first, state.next

if by == 'last' then
  from = first_where(log, math.max(first, next_ - most), next_, function(label)
    return state.end_bytes - label.start <= most_bytes
  end)
  from = math.min(from, next_ - 1)
elseif by == 'time' then
  from = first_where(log, first, next_, function(label) return label.time >= from end)
end
from = math.max(from, first)
local count = math.min(most, next_ - from)
if count < 1 then
  return {next_, 0, {}}
end
local head
count, head = fitting(log, from, count, most_bytes)
return {from, count, read(log, head, from + count - 1)}
