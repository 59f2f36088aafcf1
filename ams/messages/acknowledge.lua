-- Acknowledges everything up to one offset: the last pull's batch, or a beginning of it.
--
-- KEYS  1 topic hash  2 subscription hash  3 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
--       4 the highest offset acknowledged
--       5 deadline, seconds; both ends count in whole seconds
-- Returns 'ok', 'nothing pending', 'out of range', 'too late', or STALE.

local sub = KEYS[2]
local highest = tonumber(ARGV[4])
go_on_when_full(sub)
local offset, next_offset =
  open_subscription(KEYS[1], sub, KEYS[3], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
if not offset then
  return STALE
end
if next_offset == 0 then
  return 'nothing pending'
end
if highest + 1 <= offset or highest + 1 > next_offset then
  return 'out of range'
end
local now = now_microseconds()
local elapsed = math.floor(now / 1000000) - numbers(sub, 'pending_ack')
if elapsed > tonumber(ARGV[5]) then
  return 'too late'
end
redis.call('HSET', sub, 'offset', digits(highest + 1), 'next_offset', '0', 'pending_ack', '0',
  'last_ack', digits(now))
return 'ok'
