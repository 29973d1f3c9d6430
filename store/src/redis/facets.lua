-- Reads the head and what filters need to know of the rows of the list below an orderKey.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones, 7 grouped
-- ARGV    1 "(" and the orderKey, or "+inf"; 2 how many rows; 3 one more than that
-- Result  {head, {conversation, …}, {orderKey, …}, {first line of the row or false, …}, 1 if something lies below, else 0}

local found = redis.call('ZRANGE', KEYS[3], ARGV[1], '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
local ids, keys, last = {}, {}, math.min(#found, 2 * tonumber(ARGV[2]))
for i = 1, last, 2 do
  ids[#ids + 1] = found[i]
  keys[#keys + 1] = found[i + 1]
end
return { redis.call('HGET', KEYS[1], 'head'), ids, keys, first_lines(ids), #found > last and 1 or 0 }
