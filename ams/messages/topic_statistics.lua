-- Tells what the topic hash says of a topic, all 0 if there is none.
--
-- KEYS  1 topic hash
-- Returns {end of the log, oldest kept, data bytes ever published, bytes kept, publish time of the
-- oldest kept, time of the last publish; 0 = there is none; rate as text; day of the last publish
-- since 1970 in UTC, messages of that day}.

local state = state_of(KEYS[1])
return {state.next, state.first, state.data_bytes, state.end_bytes - state.first_bytes,
  state.first < state.next and state.first_time or 0, state.last_publish, tostring(state.rate),
  day_of(state.last_publish), state.day_messages}
