-- Removes a topic: its log, counters and history, and the state of its subscriptions. The messages
-- it had a day stay, those of its last day among them. A tombstone stays for a while, so that a
-- node with old metadata can't bring the topic back.
--
-- KEYS  1 log  2 topic hash  3 days  4 set of subscriptions  5 hour  6 week
-- ARGV  1 how long the tombstone stays, seconds
--       2 wake-up channel
--       3 uuid of the topic
-- Besides KEYS it removes `ams:{T}:sub:S`, `ams:{T}:hour:S` and `ams:{T}:week:S` for every S of the
-- set: same hash tag, so the same slot.
-- Returns how many subscriptions were removed with it.

go_on_when_full(KEYS[2])
local subscriptions = redis.call('SMEMBERS', KEYS[4])
local sub = string.sub(KEYS[4], 1, -2) .. ':'  -- ams:{T}:subs -> ams:{T}:sub:
for _, uuid in ipairs(subscriptions) do
  redis.call('UNLINK', sub .. uuid, KEYS[5] .. ':' .. uuid, KEYS[6] .. ':' .. uuid)
end
local days = days_of(KEYS[2], KEYS[3])
for i = 1, #days, 2 do
  redis.call('HSET', KEYS[3], days[i], days[i + 1])
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[4], KEYS[5], KEYS[6])
local tombstone = state_of(KEYS[2])
tombstone.epoch = DELETED
put_state(KEYS[2], tombstone)
redis.call('EXPIRE', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return #subscriptions
