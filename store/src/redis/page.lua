-- Reads the head and the rows of the list below an orderKey.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones, 7 grouped
-- ARGV    1 "(" and the orderKey, or "+inf"; 2 how many rows; 3 one more than that
-- Result  {head, {conversation, orderKey, row or false, …}, 1 if something lies below, else 0}

local found = redis.call('ZRANGE', KEYS[3], ARGV[1], '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
local rows, last = {}, math.min(#found, 2 * tonumber(ARGV[2]))
for i = 1, last, 2 do
  rows[#rows + 1] = found[i]
  rows[#rows + 1] = found[i + 1]
  rows[#rows + 1] = redis.call('HGET', KEYS[2], found[i])
end
return { redis.call('HGET', KEYS[1], 'head'), rows, #found > last and 1 or 0 }
