-- Reads the head and what filter totals are summed up from.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones, 7 grouped
-- Result  {head, {conversation, …}, {first line of the row or false, …}}

local ids = redis.call('SMEMBERS', KEYS[5])
return { redis.call('HGET', KEYS[1], 'head'), ids, first_lines(ids) }
