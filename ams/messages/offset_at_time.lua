-- Finds the first message published at or after a time.
--
-- KEYS  1 log  2 topic hash
-- ARGV  1 time, microseconds since 1970
-- Returns its offset, or -1 if every message is older or there is none.

local time = tonumber(ARGV[1])
local state = state_of(KEYS[2])
local offset = first_where(KEYS[1], state.first, state.next, function(label)
  return label.time >= time
end)
return offset < state.next and offset or -1
