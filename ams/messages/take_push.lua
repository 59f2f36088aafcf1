-- Takes the right to push a subscription, unless another worker has it. Whoever had it can from now
-- on neither pull nor acknowledge by it.
--
-- KEYS  1 topic hash  2 subscription hash  3 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
--       4 uuid of the worker
--       5 digest of the settings by which it pushes; with other ones than before, it is forgotten why
--         the last request failed
--       6 uuid of a worker that is dead, from which it may be taken; '' = of none is that known
-- Returns the right, worker:fence; the uuid of the worker that has it; or STALE.

local sub = KEYS[2]
go_on_when_full(sub)
if not open_subscription(KEYS[1], sub, KEYS[3], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2])) then
  return STALE
end
local holder = string.match(redis.call('HGET', sub, 'pusher') or '', '^[^:]*')
if holder ~= '' and holder ~= ARGV[4] and holder ~= ARGV[6] then
  return holder
end
local pusher = ARGV[4] .. ':' .. redis.call('HINCRBY', sub, 'fence', 1)
if redis.call('HGET', sub, 'push_settings') ~= ARGV[5] then
  redis.call('HDEL', sub, 'push_error', 'push_error_time')
end
redis.call('HSET', sub, 'pusher', pusher, 'push_settings', ARGV[5])
return pusher
