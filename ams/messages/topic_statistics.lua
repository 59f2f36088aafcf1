-- Tells what the topic hash says of a topic, all 0 if there is none.
--
-- KEYS  1 topic hash
-- Returns {end of the log, oldest kept, data bytes ever published, bytes kept, publish time of the
-- oldest kept, time of the last publish; 0 = there is none; rate as text}.

local topic = KEYS[1]
local next_, first, first_time, data_bytes, first_bytes, end_bytes, last_publish =
  numbers(topic, 'next', 'first', 'first_time', 'data_bytes', 'first_bytes', 'end_bytes',
    'last_publish')
return {next_, first, data_bytes, end_bytes - first_bytes, first < next_ and first_time or 0,
  last_publish, redis.call('HGET', topic, 'rate') or '0'}
