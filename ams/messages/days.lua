-- Tells how many messages were published to a topic a day. A topic that was dropped has its days.
--
-- KEYS  1 topic hash  2 days
-- ARGV  1 how many days to tell at most, the newest ones; 0 = all
-- Returns {day since 1970 in UTC, messages, and so on}, in no order.

local most = tonumber(ARGV[1])
local all = days_of(KEYS[1], KEYS[2])
if most == 0 or #all <= 2 * most then
  return all
end
local days, messages = {}, {}
for i = 1, #all, 2 do
  local day = tonumber(all[i])
  days[#days + 1] = day
  messages[day] = all[i + 1]
end
table.sort(days, function(one, other) return one > other end)
local answer = {}
for i = 1, most do
  answer[2 * i - 1] = digits(days[i])
  answer[2 * i] = messages[days[i]]
end
return answer
