-- Makes scripts refuse metadata of a topic that is older than `epoch`.
--
-- KEYS  1 topic hash
-- ARGV  1 epoch
-- Returns 1, or 0 if the hash knows this epoch or a newer one already.

go_on_when_full(KEYS[1])
local state, epoch = state_of(KEYS[1]), tonumber(ARGV[1])
if state.epoch >= epoch then
  return 0
end
state.epoch = epoch
put_state(KEYS[1], state)
return 1
