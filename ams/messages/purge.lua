-- Removes the oldest messages of a topic, up to an offset; a part of them, if they are many.
--
-- KEYS  1 log  2 topic hash
-- ARGV  1 epoch of the topic
--       2 the offset of the first message to keep, -1 = the end of the log
--       3 the most messages to remove
-- Returns {how many were removed, the offset of the first message to keep, the oldest kept now},
-- or STALE.

local log, topic = KEYS[1], KEYS[2]
go_on_when_full(topic)
local state, epoch = state_of(topic), tonumber(ARGV[1])
if epoch < state.epoch then
  return STALE
end
if epoch > state.epoch then
  state.epoch = epoch
  put_state(topic, state)
end
local keep = tonumber(ARGV[2])
if keep < 0 then
  keep = state.next
end
local removed = cut(log, topic, math.min(keep, state.first + tonumber(ARGV[3])))
return {removed, keep, state.first + removed}
