-- Adds up what was published to a topic from one day to another. A topic that was dropped has its
-- days.
--
-- KEYS  1 topic hash  2 days
-- ARGV  1 first day, counted since 1970 in UTC  2 last day
-- Returns {on how many of these days something was published, messages}.

local first, last = tonumber(ARGV[1]), tonumber(ARGV[2])
local days, messages = 0, 0
local all = days_of(KEYS[1], KEYS[2])
for i = 1, #all, 2 do
  local day = tonumber(all[i])
  if first <= day and day <= last then
    days = days + 1
    messages = messages + tonumber(all[i + 1])
  end
end
return {days, messages}
