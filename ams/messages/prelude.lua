-- Shared by every script here: it is put in front of each of them before loading.
--
-- The topic hash `ams:{T}:topic` (T: the topic's uuid; absent until the first publish or change):
--   epoch        version of the topic's metadata that scripts accept; DELETED once it is dropped
--   next         offset of the next message = number of messages ever published
--   first        offset of the oldest message kept; equals `next` when none is
--   first_time   publish time of the oldest message kept, microseconds since 1970
--   end_bytes    bytes ever stored; the `p` of the newest entry
--   first_bytes  bytes ever stored before the oldest entry kept
--   data_bytes   sum of the lengths of all `data` ever published
--   last_publish time of the last publish, microseconds; an empty one counts. Times never go back
--                in a log
--   rate         messages per second between the last two publishes
--   day, day_messages   day of the last publish, counted since 1970 in UTC, and messages that day;
--                days before it are in the hash `ams:{T}:days`, which outlives the topic
--   waiting      1 while a pull waits for the next message
--
-- The log `ams:{T}:log` is a stream. An entry holds one message, or some that were appended
-- together; that of offsets n... has the ID (n+1)-0 and the fields
--   m  the JSON of its messages, a line each
--   t  their publish time, microseconds
--   d  the lengths of their `data` in bytes, separated by blanks
--   p  bytes stored in the log up to the end of this entry (sizes of `m`, added up)
-- Trimming removes whole entries, so `first` is always the first offset of one.
--
-- The subscription hash `ams:{T}:sub:S` (S: the subscription's uuid):
--   epoch        as for the topic
--   offset       next message to deliver; everything below is done
--   next_offset  just after the last pull's batch; 0 = nothing awaits acknowledgement
--   pending_ack  second at which the last pull was answered
--   messages, bytes   delivered so far; redeliveries count again
--   last_consume time of the last pull, microseconds; an empty one counts
--   rate         messages per second between the last two pulls
--   last_ack     time of the last acknowledgement, microseconds
--   fence        how often the right to push its messages has been taken
--   pusher       who has that right: worker:fence; absent if nobody has
--   push_settings   digest of the settings by which it is pushed
--   pushed, push_requests   messages that a receiver has accepted, and in how many requests
--   push_failures, push_retries   requests that were not accepted; requests that followed such
--   push_latency how long an accepted request takes, microseconds; the latest count most
--   last_push    time at which a receiver last accepted something, microseconds
--   push_error   why the last request was not accepted, and
--   push_error_time   when that was, microseconds; both absent after an accepted one
--
-- `ams:{T}:subs` is the set of the S that have a hash.
--
-- The history, of the topic `ams:{T}:hour` and `ams:{T}:week`, and of a subscription
-- `ams:{T}:hour:S` and `ams:{T}:week:S`, is lists of samples: see sample.lua.

local DELETED = 9007199254740991  -- 2^53 - 1: no epoch is newer
local STALE = -1                  -- answer: the caller's metadata is older than `epoch`

-- Lua prints large numbers with an exponent; Redis wants plain digits.
local function digits(number)
  return string.format('%.0f', number)
end

local function entry_id(offset)
  return digits(offset + 1) .. '-0'
end

local function now_microseconds()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Numbers of a hash, 0 for those that are absent.
local function numbers(key, ...)
  local values = redis.call('HMGET', key, ...)
  for i = 1, #values do
    values[i] = tonumber(values[i] or 0) or 0
  end
  return unpack(values)
end

-- With maxmemory reached Redis refuses a script's first write if it may need memory, and lets the
-- script finish once it has written. Readers of the log must go on, so they begin with a write
-- that never needs memory.
local function go_on_when_full(key)
  redis.call('HDEL', key, '')
end

-- True if the caller works from metadata that has been replaced. A caller that knows more than
-- Redis (who changed it died before telling) raises the epoch for everyone.
local function is_stale(key, epoch)
  local known = numbers(key, 'epoch')
  if epoch < known then
    return true
  end
  if epoch > known then
    redis.call('HSET', key, 'epoch', digits(epoch))
  end
  return false
end

-- An entry as a table of its fields and `first`, the offset of its first message.
local function as_entry(reply)
  local fields = reply[2]
  return {
    first = tonumber(string.match(reply[1], '^%d+')) - 1,
    m = fields[2], t = tonumber(fields[4]), d = fields[6], p = tonumber(fields[8]),
  }
end

-- The entry that holds the message of an offset, which must not be below the oldest kept.
local function entry_at(log, offset)
  return as_entry(redis.call('XREVRANGE', log, entry_id(offset), '-', 'COUNT', 1)[1])
end

-- The lowest offset in [low, high) whose entry satisfies `holds`, or `high`. `holds` must be
-- false up to some entry and true from there on.
local function first_where(log, low, high, holds)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if holds(entry_at(log, middle)) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

-- Removes the entries before the one that holds `offset`, or all if that is the end of the log.
-- Returns how many messages that were.
local function cut(log, topic, offset)
  local first, next_, end_bytes = numbers(topic, 'first', 'next', 'end_bytes')
  local oldest = offset < next_ and entry_at(log, offset)
  if oldest then
    offset = oldest.first
  end
  if offset <= first then
    return 0
  end
  redis.call('XTRIM', log, 'MINID', '=', entry_id(offset))
  redis.call('HSET', topic, 'first', digits(offset),
    'first_time', digits(oldest and oldest.t or 0),
    'first_bytes', digits(oldest and oldest.p - #oldest.m or end_bytes))
  return offset - first
end

-- Removes messages older than `age` microseconds, then the oldest entries until the rest is within
-- `size` bytes (0 = no limit), at most `limit` messages. Returns how many were removed.
local function trim(log, topic, now, age, size, limit)
  local first, next_, first_time, first_bytes, end_bytes =
    numbers(topic, 'first', 'next', 'first_time', 'first_bytes', 'end_bytes')
  if first >= next_ then
    return 0
  end
  local high = math.min(next_, first + limit)
  local low = first
  if age > 0 and first_time < now - age then
    low = first_where(log, low, high, function(entry) return entry.t >= now - age end)
  end
  if size > 0 and end_bytes - first_bytes > size then
    low = first_where(log, low, high, function(entry)
      return end_bytes - entry.p + #entry.m <= size
    end)
  end
  return low == first and 0 or cut(log, topic, low)
end

-- How many of the `count` messages from `offset` on to read, so that their entries fit into
-- `most_bytes`; one always does. Halves their number until they fit: `p` tells the size of any range
-- without reading it, and where the whole log fits nothing is looked at.
local function fitting(log, topic, offset, count, most_bytes)
  local first_bytes, end_bytes = numbers(topic, 'first_bytes', 'end_bytes')
  if count > 1 and end_bytes - first_bytes > most_bytes then
    local head = entry_at(log, offset)
    local start = head.p - #head.m
    while count > 1 and entry_at(log, offset + count - 1).p - start > most_bytes do
      count = math.floor(count / 2)
    end
  end
  return count
end

-- Reads `count` messages from `offset` on. Returns {offset, count, then per entry that holds some
-- of them: offset of its first message, m, t}, and the bytes of their data. The first and the last
-- entry may hold others, too.
local function read(log, offset, count)
  local answer, data = {offset, count}, 0
  if count > 0 then
    local from = entry_id(entry_at(log, offset).first)
    for _, reply in ipairs(redis.call('XRANGE', log, from, entry_id(offset + count - 1))) do
      local entry = as_entry(reply)
      answer[#answer + 1] = entry.first
      answer[#answer + 1] = entry.m
      answer[#answer + 1] = entry.t
      local at = entry.first
      for length in string.gmatch(entry.d, '%d+') do
        if at >= offset and at < offset + count then
          data = data + tonumber(length)
        end
        at = at + 1
      end
    end
  end
  return answer, data
end

-- Makes sure that the subscription has its hash, and that its offset is not below the oldest
-- message kept. Returns false if the caller's metadata is stale, else
-- offset, next_offset, first, next.
local function open_subscription(topic, sub, subs, uuid, epoch, start)
  local topic_epoch, first, next_ = numbers(topic, 'epoch', 'first', 'next')
  if topic_epoch == DELETED or is_stale(sub, epoch) then
    return false
  end
  local offset = tonumber(redis.call('HGET', sub, 'offset') or -1)
  local next_offset = numbers(sub, 'next_offset')
  if offset < 0 then
    offset = math.min(start, next_)
    redis.call('SADD', subs, uuid)
    redis.call('HSET', sub, 'offset', digits(offset), 'next_offset', '0')
  end
  if offset < first then
    offset = first
    next_offset = 0
    redis.call('HSET', sub, 'offset', digits(offset), 'next_offset', '0')
  end
  return offset, next_offset, first, next_
end

local LOST = -2  -- answer: the caller has not, or no longer, the right to push

-- True if the caller claims a right to push the subscription that it has not. Those who don't push
-- claim none: ''.
local function is_lost(sub, pusher)
  return pusher ~= '' and redis.call('HGET', sub, 'pusher') ~= pusher
end
