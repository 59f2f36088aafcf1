-- Shared by every script here: it is put in front of each of them before loading.
--
-- The topic hash `ams:{T}:topic` (T: the topic's uuid; absent until the first publish or change):
--   state        numbers, packed, big-endian: as fields of their own they would take Redis longer
--                than the message. They are 64 bytes, the most that Redis has in a small hash
--     epoch        version of the topic's metadata that scripts accept; DELETED once it is dropped;
--                  6 bytes
--     first        offset of the oldest message kept; equals `next` when none is; 6 bytes
--     first_time   publish time of the oldest message kept, microseconds since 1970; 7 bytes
--     first_bytes  bytes ever stored before the oldest entry kept; 6 bytes
--     waiting      1 while a pull waits for the next message; 1 byte
--     next         offset of the next message = number of messages ever published; 6 bytes
--     end_bytes    bytes ever stored; 6 bytes
--     data_bytes   sum of the lengths of all `data` ever published; 6 bytes
--     last_publish time of the last publish, microseconds; an empty one counts. Times never go back
--                  in a log; 7 bytes
--     day_messages messages published on the day of the last publish, in UTC; 5 bytes
--     rate         messages per second between the last two publishes; a double of 8 bytes
--   and a field for each day before that of the last publish, counted since 1970: how many messages
--   were published. The hash `ams:{T}:days` has these when the topic is dropped
--
-- The log `ams:{T}:log` is a stream. An entry holds the JSON of one message, or of some that were
-- appended together, each a line with its line break; that of offsets n... has the ID (n+1)-0. Its
-- label tells
--   time     when they were published, microseconds; 7 bytes, big-endian as all of these
--   start    bytes stored in the log before this entry; 6 bytes
--   size     bytes of the entry; 4 bytes
--   data     bytes of all `data` in the log before this entry; 6 bytes
--   lengths  those of the messages' `data`, text separated by blanks
-- Lua hashes every byte it gets to see, so scripts look at labels and leave the entries alone where
-- they can. A short entry has its label with it, in a field `l` behind its own `m`, which takes
-- less than to store it apart. That of a long one follows it, in a field `m` with the ID (n+1)-1.
-- Trimming removes both, so `first` is always the first offset of an entry.
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
--   push_end     just after the batch that is on its way to a receiver; absent if there is none, or
--                somebody has moved the subscription meanwhile
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

local DELETED = 281474976710655   -- 2^48 - 1: no epoch is newer
local STALE = -1                  -- answer: the caller's metadata is older than `epoch`
local LABEL = '>I7I6I4I6'         -- a label's numbers
local STATE = '>I6I6I7I6BI6I6I6I7I5d'  -- a state's, and their names:
local NAMES = {'epoch', 'first', 'first_time', 'first_bytes', 'waiting', 'next', 'end_bytes',
  'data_bytes', 'last_publish', 'day_messages', 'rate'}

-- Lua prints large numbers with an exponent; Redis wants plain digits.
local function digits(number)
  return string.format('%.0f', number)
end

-- The ID of the entry whose first message has this offset.
local function entry_id(offset)
  return string.format('%d-0', offset + 1)
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

-- The numbers of a topic's state, in their order; all 0 if it has none.
local function unpack_state(text)
  if not text then
    return 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
  end
  return struct.unpack(STATE, text)
end

-- A table of them, by name.
local function state_of(topic)
  local numbers, state = {unpack_state(redis.call('HGET', topic, 'state'))}, {}
  for i, name in ipairs(NAMES) do
    state[name] = numbers[i]
  end
  return state
end

local function put_state(topic, state)
  local numbers = {}
  for i, name in ipairs(NAMES) do
    numbers[i] = state[name]
  end
  redis.call('HSET', topic, 'state', struct.pack(STATE, unpack(numbers)))
end

-- The day of a time, counted since 1970 in UTC.
local function day_of(microseconds)
  return math.floor(microseconds / 86400000000)
end

-- How many messages were published to a topic a day: {day, messages, and so on}, in no order.
local function days_of(topic, days)
  local all, fields = redis.call('HGETALL', days), redis.call('HGETALL', topic)
  for i = 1, #fields, 2 do
    if fields[i] ~= 'state' then
      all[#all + 1] = fields[i]
      all[#all + 1] = fields[i + 1]
    end
  end
  local state = state_of(topic)
  if state.last_publish > 0 then
    all[#all + 1] = digits(day_of(state.last_publish))
    all[#all + 1] = digits(state.day_messages)
  end
  return all
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

-- The label of the entry that holds the message of an offset, which must not be below the oldest
-- kept: a table of what it tells, `first`, the offset of the entry's first message, and its `text`.
local function label_at(log, offset)
  local reply = redis.call('XREVRANGE', log, digits(offset + 1), '-', 'COUNT', 1)[1]
  local fields = reply[2]
  local text = fields[#fields]
  local time, start, size, data, lengths = struct.unpack(LABEL, text)
  return {
    first = tonumber(string.match(reply[1], '^%d+')) - 1,
    time = time, start = start, size = size, data = data, lengths = string.sub(text, lengths),
    text = text,
  }
end

-- The lowest offset in [low, high) whose label satisfies `holds`, or `high`. `holds` must be
-- false up to some entry and true from there on.
local function first_where(log, low, high, holds)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if holds(label_at(log, middle)) then
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
  local state = state_of(topic)
  local oldest = offset < state.next and label_at(log, offset)
  if oldest then
    offset = oldest.first
  end
  local removed = offset - state.first
  if removed <= 0 then
    return 0
  end
  redis.call('XTRIM', log, 'MINID', '=', entry_id(offset))
  state.first = offset
  state.first_time = oldest and oldest.time or 0
  state.first_bytes = oldest and oldest.start or state.end_bytes
  put_state(topic, state)
  return removed
end

-- Removes messages older than `age` microseconds, then the oldest entries until the rest is within
-- `size` bytes (0 = no limit), at most `limit` messages. Returns how many were removed.
local function trim(log, topic, now, age, size, limit)
  local state = state_of(topic)
  local low, high = state.first, math.min(state.next, state.first + limit)
  if low >= high then
    return 0
  end
  if age > 0 and state.first_time < now - age then
    low = first_where(log, low, high, function(label) return label.time >= now - age end)
  end
  if size > 0 and state.end_bytes - state.first_bytes > size then
    low = first_where(log, low, high, function(label)
      return state.end_bytes - label.start <= size
    end)
  end
  return low == state.first and 0 or cut(log, topic, low)
end

-- How many of the `count` messages from `offset` on, 1 at least, to read, so that their entries fit
-- into `most_bytes`; one always does. Returns it, and the labels of the first and the last entry.
local function fitting(log, offset, count, most_bytes)
  local head = label_at(log, offset)
  local function exceeds(label)
    return label.start + label.size - head.start > most_bytes
  end
  local last = count == 1 and head or label_at(log, offset + count - 1)
  if count > 1 and exceeds(last) then
    count = first_where(log, offset + 1, offset + count - 1, exceeds) - offset
    last = label_at(log, offset + count - 1)
  end
  return count, head, last
end

-- Bytes of all `data` in the log before the message of an offset, which the entry of that label
-- holds or is followed by.
local function data_before(label, offset)
  local data, at = label.data, label.first
  for length in string.gmatch(label.lengths, '%d+') do
    if at == offset then
      break
    end
    data = data + tonumber(length)
    at = at + 1
  end
  return data
end

-- The entries with their labels, from that of label `head` to that of the message `last`.
local function read(log, head, last)
  return redis.call('XRANGE', log, entry_id(head.first), digits(last + 1))
end

-- Makes sure that the subscription has its hash, and that its offset is not below the oldest
-- message kept. Returns false if the caller's metadata is stale, else
-- offset, next_offset, first, next.
local function open_subscription(topic, sub, subs, uuid, epoch, start)
  local topic_epoch, first, _, _, _, next_ = unpack_state(redis.call('HGET', topic, 'state'))
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

-- What a worker that pushes has said of itself, "expiry lease shares endpoint": the time at which it
-- counts as dead, and for how long it said that it lives, microseconds; 1 if it takes subscriptions,
-- 0 if it only finishes; and where it can be asked for its health. Returns the last two, or nil if
-- it is dead. An expiry that is too far away is of a clock that went ahead of this one.
local function live_pusher(text, now)
  local expiry, lease, shares, endpoint = string.match(text, '^(%d+) (%d+) (%d) (.*)$')
  if not expiry or tonumber(expiry) <= now or tonumber(expiry) > now + 2 * tonumber(lease) then
    return nil
  end
  return shares, endpoint
end
