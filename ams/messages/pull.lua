-- Reads the next messages of a subscription, from its offset, which stays where it is.
--
-- KEYS  1 log  2 topic hash  3 subscription hash  4 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
--       4 the most messages to return
--       5 the most bytes to return; one message is returned however large it is
--       6 1 = the caller waits: if there is no message ask for a wake-up, change nothing else
--       7 the right to push by which the caller pulls, '' for other pulls
-- Returns what `read` does, or STALE, or LOST.

local log, topic, sub = KEYS[1], KEYS[2], KEYS[3]
local most, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
go_on_when_full(sub)
local offset, _, _, next_ =
  open_subscription(topic, sub, KEYS[4], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
if not offset then
  return STALE
end
if is_lost(sub, ARGV[#ARGV]) then
  return LOST
end

local count = math.min(most, next_ - offset)
if count < 1 and ARGV[6] == '1' then
  redis.call('HSET', topic, 'waiting', 1)
  return {offset, 0}
end
count = math.max(count, 0)

if count > 1 then
  count = fitting(log, topic, offset, count, most_bytes)
end
local answer, data = read(log, offset, count)

local now = now_microseconds()
local last_consume = numbers(sub, 'last_consume')
local seconds = last_consume > 0 and (now - last_consume) / 1000000 or 1
if seconds <= 0 then
  seconds = 1
end
redis.call('HSET', sub,
  'next_offset', digits(offset + count),
  'pending_ack', digits(math.floor(now / 1000000)),
  'last_consume', digits(now),
  'rate', tostring(count / seconds))
if count > 0 then
  redis.call('HINCRBY', sub, 'messages', count)
  redis.call('HINCRBY', sub, 'bytes', data)
end
return answer
