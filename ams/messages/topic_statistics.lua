-- Tells what the topic hash says of a topic, all 0 if there is none.
--
-- KEYS  1 topic hash
-- Returns {end of the log, oldest kept, data bytes ever published, bytes kept, publish time of the
-- oldest kept, time of the last publish; 0 = there is none; rate as text; day of the last publish
-- since 1970 in UTC, messages of that day}.

local topic = KEYS[1]
local next_, first, first_time, data_bytes, first_bytes, end_bytes, last_publish, day,
  day_messages = numbers(topic, 'next', 'first', 'first_time', 'data_bytes', 'first_bytes',
    'end_bytes', 'last_publish', 'day', 'day_messages')
return {next_, first, data_bytes, end_bytes - first_bytes, first < next_ and first_time or 0,
  last_publish, redis.call('HGET', topic, 'rate') or '0', day, day_messages}
