-- Reads the head and what filter totals are summed up from.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones, 7 grouped
-- Result  {head, {conversation, first line of the row or false, …}}

local rows = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[5])) do
  local row = redis.call('HGET', KEYS[2], id)
  rows[#rows + 1] = id
  rows[#rows + 1] = row and row:match('^[^\n]*')
end
return { redis.call('HGET', KEYS[1], 'head'), rows }
