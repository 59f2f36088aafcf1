-- Appends messages to the logs of one or more topics, and wakes the pulls that wait for them. Whole
-- or not at all: a full Redis refuses the first write of the script, and then nothing is written.
--
-- KEYS  per topic: log, topic hash
-- ARGV  1 wake-up channel
--       then one per topic, as each argument takes its time. Numbers are big-endian.
--         8 bytes each: epoch of the topic; retention, microseconds, 0 = for ever; retention, bytes,
--           0 = no limit; number of entries
--         then per entry: how many messages, how many bytes of data, 4 bytes each; how long the text
--           is that follows, 2 bytes; the lengths of their data
--       then one per entry, topic after topic: the JSON of its messages
-- Returns per topic: offset of its first message, publish time in microseconds; STALE, 0 for a
-- topic whose epoch is old: nothing is appended to that one.

-- One call trims at most this many messages of a topic, and lets a log grow past its limits by
-- 1/64 before it trims: so trimming costs little per message. The sweeper trims to the limits.
local TRIM_MESSAGES = 1000
local SLACK = 65 / 64
-- Most bytes of an entry that has its label with it. That takes a third less than to store it apart,
-- but who looks at the label gets all of the entry, which takes longer the longer it is.
local SHORT = 2000
local TOPIC = '>I8I8I8I8'
local ENTRY = '>I4I4I2c0'

local clock = now_microseconds()

-- Appends the entries of one topic, the first of which is in ARGV at `at`. Returns what is to be
-- returned of it, and where the next topic's are.
local function append(log, topic, about, at)
  local epoch, age, size, entries, next_entry = struct.unpack(TOPIC, about)
  local known_epoch, first, first_time, first_bytes, waiting, next_, end_bytes, data_bytes,
    last_publish, day_messages = unpack_state(redis.call('HGET', topic, 'state'))
  if epoch < known_epoch then
    return STALE, 0, at + entries
  end

  local now = math.max(clock, last_publish)
  local offset = next_
  for i = at, at + entries - 1 do
    local entry, messages, data, lengths = ARGV[i]
    messages, data, lengths, next_entry = struct.unpack(ENTRY, about, next_entry)
    local label = struct.pack(LABEL, now, end_bytes, #entry, data_bytes) .. lengths
    if #entry <= SHORT then
      redis.call('XADD', log, entry_id(offset), 'm', entry, 'l', label)
    else
      redis.call('XADD', log, entry_id(offset), 'm', entry)
      redis.call('XADD', log, digits(offset + 1) .. '-1', 'm', label)
    end
    end_bytes = end_bytes + #entry
    data_bytes = data_bytes + data
    offset = offset + messages
  end
  local count = offset - next_

  local seconds = last_publish > 0 and (now - last_publish) / 1000000 or 1
  if seconds <= 0 then
    seconds = 1
  end
  local day = day_of(last_publish)
  if day ~= day_of(now) then
    if last_publish > 0 then
      redis.call('HSET', topic, digits(day), digits(day_messages))
    end
    day_messages = 0
  end
  if first == next_ then
    first_time = now
  end
  if waiting == 1 and count > 0 then
    waiting = 0
    redis.call('PUBLISH', ARGV[1], string.match(log, '{(.*)}'))
  end
  redis.call('HSET', topic, 'state', struct.pack(STATE, epoch, first, first_time, first_bytes,
    waiting, offset, end_bytes, data_bytes, now, day_messages + count, count / seconds))
  if (age > 0 and first_time < now - age * SLACK)
      or (size > 0 and end_bytes - first_bytes > size * SLACK) then
    trim(log, topic, now, age, size, TRIM_MESSAGES)
  end
  return next_, now, at + entries
end

local answer = {}
local at = 2 + #KEYS / 2
for key = 1, #KEYS, 2 do
  answer[key], answer[key + 1], at = append(KEYS[key], KEYS[key + 1], ARGV[(key + 3) / 2], at)
end
return answer
