-- Tells what the topic hash says of a topic, all 0 if there is none.
--
-- KEYS  1 topic hash
-- Returns {end of the log, oldest kept, data bytes ever published, bytes kept, publish time of the
-- oldest kept, time of the last publish; 0 = there is none; rate as text; day of the last publish
-- since 1970 in UTC, messages of that day}.

local topic = KEYS[1]
local first, first_time, first_bytes = numbers(topic, 'first', 'first_time', 'first_bytes')
local next_, end_bytes, data_bytes, last_publish, day, day_messages, rate = tail_of(topic)
return {next_, first, data_bytes, end_bytes - first_bytes, first < next_ and first_time or 0,
  last_publish, tostring(rate), day, day_messages}
