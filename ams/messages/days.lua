-- Tells how many messages were published to a topic a day. A topic that was dropped has its days.
--
-- KEYS  1 topic hash  2 days
-- Returns {day since 1970 in UTC, messages, and so on}, in no order.

local answer = redis.call('HGETALL', KEYS[2])
local day, day_messages = numbers(KEYS[1], 'day', 'day_messages')
if day > 0 then
  answer[#answer + 1] = digits(day)
  answer[#answer + 1] = digits(day_messages)
end
return answer
