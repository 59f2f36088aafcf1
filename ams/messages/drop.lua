-- Removes a topic: its log, counters and the state of its subscriptions. A tombstone stays for a
-- while, so that a node with old metadata can't bring it back.
--
-- KEYS  1 log  2 topic hash  3 days  4 set of subscriptions
-- ARGV  1 how long the tombstone stays, seconds
--       2 wake-up channel
--       3 uuid of the topic
--       4 1 if the daily counts of its messages stay, today's among them
-- Besides KEYS it removes `ams:{T}:sub:S` for every S of the set: same hash tag, so the same slot.
-- Returns how many subscriptions were removed with it.

go_on_when_full(KEYS[2])
local subscriptions = redis.call('SMEMBERS', KEYS[4])
local prefix = string.sub(KEYS[4], 1, -2) .. ':'  -- ams:{T}:subs -> ams:{T}:sub:
for _, uuid in ipairs(subscriptions) do
  redis.call('UNLINK', prefix .. uuid)
end
if ARGV[4] == '1' then
  local day, day_messages = numbers(KEYS[2], 'day', 'day_messages')
  if day_messages > 0 then
    redis.call('HSET', KEYS[3], digits(day), digits(day_messages))
  end
else
  redis.call('UNLINK', KEYS[3])
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[4])
redis.call('HSET', KEYS[2], 'epoch', digits(DELETED))
redis.call('EXPIRE', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return #subscriptions
