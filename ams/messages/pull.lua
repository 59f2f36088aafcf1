-- Delivers the next messages of a subscription, from its offset, which stays where it is: counts
-- them, and names the range of the log that holds them or, if it is short, returns it.
--
-- KEYS  1 log  2 topic hash  3 subscription hash  4 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
--       4 the most messages to deliver
--       5 the most bytes to deliver; one message is delivered however large it is
--       6 1 = the caller waits: if there is no message ask for a wake-up, change nothing else
--       7 the most bytes of entries to return here
--       8 messages, and
--       9 bytes of their data, that an earlier call of this pull has counted, but that were removed
--         before they could be read: this call delivers in its stead
--       10 the right to push by which the caller pulls, '' for other pulls
-- Returns {offset, how many messages, bytes of their data, offset of the first message of the first
-- entry that holds some of them, bytes of these entries, the label of the last, and the entries if
-- they are returned here, as `read` does}, or STALE, or LOST.

local log, topic, sub = KEYS[1], KEYS[2], KEYS[3]
local most, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local lost, lost_bytes = tonumber(ARGV[8]), tonumber(ARGV[9])
go_on_when_full(sub)
local offset, _, _, next_ =
  open_subscription(topic, sub, KEYS[4], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
if not offset then
  return STALE
end
if is_lost(sub, ARGV[10]) then
  return LOST
end

local messages, bytes, last_consume = numbers(sub, 'messages', 'bytes', 'last_consume')
local count = math.max(0, math.min(most, next_ - offset))
if count == 0 and ARGV[6] == '1' then
  if lost > 0 then
    redis.call('HSET', sub, 'messages', digits(messages - lost), 'bytes', digits(bytes - lost_bytes))
  end
  local state = state_of(topic)
  if state.waiting == 0 then
    state.waiting = 1
    put_state(topic, state)
  end
  return {offset, 0, 0, offset, 0, '', {}}
end

local answer = {offset, 0, 0, offset, 0, '', {}}
if count > 0 then
  local head, last
  count, head, last = fitting(log, offset, count, most_bytes)
  local data = data_before(last, offset + count) - data_before(head, offset)
  answer = {offset, count, data, head.first, last.start + last.size - head.start, last.text}
  if answer[5] <= tonumber(ARGV[7]) then
    answer[7] = read(log, head, offset + count - 1)
  end
end

local now = now_microseconds()
local seconds = last_consume > 0 and (now - last_consume) / 1000000 or 1
if seconds <= 0 then
  seconds = 1
end
local rate = tostring(count / seconds)
if lost > 0 then  -- The earlier call has noted when this pull was, and its rate.
  now, rate = last_consume, redis.call('HGET', sub, 'rate') or '0'
end
redis.call('HSET', sub,
  'next_offset', digits(offset + count),
  'pending_ack', digits(math.floor(now / 1000000)),
  'last_consume', digits(now),
  'rate', rate,
  'messages', digits(messages + count - lost),
  'bytes', digits(bytes + answer[3] - lost_bytes))
if ARGV[10] ~= '' then
  redis.call('HSET', sub, 'push_end', digits(offset + count))
end
return answer
