-- Tells where a subscription stands and what was delivered to it, without making its hash.
--
-- KEYS  1 log  2 topic hash  3 subscription hash
-- ARGV  1 offset to start at if the subscription is new here
-- Returns {offset, next_offset, oldest kept, end of the log, messages, bytes, publish time of the
-- message at offset, time of the last pull, time of the last acknowledgement; 0 = there is none;
-- rate as text}.

local log, topic, sub = KEYS[1], KEYS[2], KEYS[3]
local state = state_of(topic)
local first, next_ = state.first, state.next
local next_offset, messages, bytes, last_consume, last_ack =
  numbers(sub, 'next_offset', 'messages', 'bytes', 'last_consume', 'last_ack')
local offset = tonumber(redis.call('HGET', sub, 'offset') or -1)
if offset < 0 then
  offset = math.min(tonumber(ARGV[1]), next_)
end
if offset < first then
  offset = first  -- What lay between has been trimmed; the next use of the subscription moves it.
  next_offset = 0
end
local oldest = offset < next_ and label_at(log, offset).time or 0
return {offset, next_offset, first, next_, messages, bytes, oldest, last_consume, last_ack,
  redis.call('HGET', sub, 'rate') or '0'}
