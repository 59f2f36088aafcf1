-- Adds up what was published to a topic from one day to another. A topic that was dropped has its
-- days.
--
-- KEYS  1 topic hash  2 days
-- ARGV  1 first day, counted since 1970 in UTC  2 last day
-- Returns {on how many of these days something was published, messages}.

local first, last = tonumber(ARGV[1]), tonumber(ARGV[2])
local days, messages = 0, 0

local function add(day, count)
  if first <= day and day <= last then
    days = days + 1
    messages = messages + count
  end
end

local counts = redis.call('HGETALL', KEYS[2])
for i = 1, #counts, 2 do
  add(tonumber(counts[i]), tonumber(counts[i + 1]))
end
local _, _, _, _, today, day_messages = tail_of(KEYS[1])
if today > 0 then
  add(today, day_messages)
end
return {days, messages}
