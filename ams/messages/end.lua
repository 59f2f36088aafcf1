-- Tells where a topic's log ends.
--
-- KEYS  1 topic hash
-- Returns the offset that the topic's next message will get.

return state_of(KEYS[1]).next
