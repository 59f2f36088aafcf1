-- Acknowledges a batch that a receiver has accepted, without a deadline, and counts it.
--
-- KEYS  1 topic hash  2 subscription hash  3 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
--       4 the right to push by which it was done
--       5 offset of the first message of the batch, and
--       6 of the last one
--       7 how long the request took, microseconds
--       8 1 if it followed one that failed, else 0
-- Returns 1; 0 if nothing was acknowledged because somebody has moved the subscription or
-- acknowledged meanwhile; or STALE, or LOST.

local sub = KEYS[2]
local first, last = tonumber(ARGV[5]), tonumber(ARGV[6])
go_on_when_full(sub)
local offset =
  open_subscription(KEYS[1], sub, KEYS[3], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
if not offset then
  return STALE
end
if is_lost(sub, ARGV[4]) then
  return LOST
end
local now = now_microseconds()
local requests, latency, push_end = numbers(sub, 'push_requests', 'push_latency', 'push_end')
local took = tonumber(ARGV[7])
redis.call('HSET', sub,
  'push_requests', digits(requests + 1),
  'push_latency', digits(requests == 0 and took or latency + (took - latency) / 8),
  'last_push', digits(now))
redis.call('HINCRBY', sub, 'pushed', last - first + 1)
redis.call('HINCRBY', sub, 'push_retries', ARGV[8])
redis.call('HDEL', sub, 'push_error', 'push_error_time', 'push_end')
-- Trimming and other acknowledgements move an offset on, perhaps past the batch.
if push_end ~= last + 1 or offset > last then
  return 0
end
redis.call('HSET', sub, 'offset', digits(last + 1), 'next_offset', '0', 'pending_ack', '0',
  'last_ack', digits(now))
return 1
