-- Finds the first message published at or after a time.
--
-- KEYS  1 log  2 topic hash
-- ARGV  1 time, microseconds since 1970
-- Returns its offset, or -1 if every message is older or there is none.

local time = tonumber(ARGV[1])
local first, next_ = numbers(KEYS[2], 'first'), tail_of(KEYS[2])
local offset = first_where(KEYS[1], first, next_, function(label) return label.time >= time end)
return offset < next_ and offset or -1
