-- Appends messages to the logs of one or more topics, and wakes the pulls that wait for them. Whole
-- or not at all: a full Redis refuses the first write of the script, and then nothing is written.
--
-- KEYS  per topic: log, topic hash, days (hash: day number since 1970 -> messages of a past day).
--         Each is named: were one on its way to another server of a cluster, a script that came upon it
--         in the middle would end there
-- ARGV  1 wake-up channel
--       then per topic:
--         in one argument, as each takes its time, big-endian: epoch of the topic; retention,
--           microseconds, 0 = for ever; retention, bytes, 0 = no limit; number of entries; 8 bytes
--           each
--         per entry: the JSON of its messages, the lengths of their data, how many messages, how
--         many bytes of data
-- Returns per topic: offset of its first message, publish time in microseconds; STALE, 0 for a
-- topic whose epoch is old: nothing is appended to that one.

-- One call trims at most this many messages of a topic, and lets a log grow past its limits by
-- 1/64 before it trims: so trimming costs little per message. The sweeper trims to the limits.
local TRIM_MESSAGES = 1000
local SLACK = 65 / 64
local TOPIC = '>I8I8I8I8'

local clock = now_microseconds()

-- Appends the `entries` entries that stand in ARGV from `start` on.
local function append(log, topic, days, epoch, age, size, entries, start)
  local known = redis.call('HMGET', topic, 'epoch', 'first', 'first_time', 'first_bytes', 'waiting',
    'tail')
  local known_epoch, first = tonumber(known[1] or 0), tonumber(known[2] or 0)
  local next_, end_bytes, data_bytes, last_publish, day, day_messages = unpack_tail(known[6])
  if epoch < known_epoch then
    return STALE, 0
  end

  local now = math.max(clock, last_publish)
  local offset = next_
  for i = start, start + 4 * entries - 4, 4 do
    local entry = ARGV[i]
    local id = digits(offset + 1)
    redis.call('XADD', log, id .. '-0', 'm', entry)
    redis.call('XADD', log, id .. '-1', 'm',
      struct.pack(LABEL, now, end_bytes, #entry, data_bytes) .. ARGV[i + 1])
    end_bytes = end_bytes + #entry
    data_bytes = data_bytes + tonumber(ARGV[i + 3])
    offset = offset + tonumber(ARGV[i + 2])
  end
  local count = offset - next_

  local seconds = last_publish > 0 and (now - last_publish) / 1000000 or 1
  if seconds <= 0 then
    seconds = 1
  end
  local today = math.floor(now / 86400000000)
  if today ~= day then
    if day > 0 then
      redis.call('HSET', days, digits(day), digits(day_messages))
    end
    day_messages = 0
  end
  local tail = struct.pack(TAIL, offset, end_bytes, data_bytes, now, today, day_messages + count,
    count / seconds)
  local first_time = tonumber(known[3] or 0)
  if first == next_ then
    first_time = now
  end
  if first == next_ or epoch > known_epoch then
    redis.call('HSET', topic, 'tail', tail, 'epoch', digits(epoch), 'first', digits(first),
      'first_time', digits(first_time))
  else
    redis.call('HSET', topic, 'tail', tail)
  end
  if known[5] and count > 0 then
    redis.call('HDEL', topic, 'waiting')
    redis.call('PUBLISH', ARGV[1], string.match(log, '{(.*)}'))
  end
  if (age > 0 and first_time < now - age * SLACK)
      or (size > 0 and end_bytes - tonumber(known[4] or 0) > size * SLACK) then
    trim(log, topic, now, age, size, TRIM_MESSAGES)
  end
  return next_, now
end

local answer = {}
local at = 2
for key = 1, #KEYS, 3 do
  local epoch, age, size, entries = struct.unpack(TOPIC, ARGV[at])
  local offset, time = append(KEYS[key], KEYS[key + 1], KEYS[key + 2], epoch, age, size, entries,
    at + 1)
  answer[#answer + 1] = offset
  answer[#answer + 1] = time
  at = at + 1 + 4 * entries
end
return answer
