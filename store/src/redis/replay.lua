-- Reads the head and the log after a version.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones, 7 grouped
-- ARGV    1 "(" and the version, 2 entries at most, 3 bytes of values after which no further entry is read
-- Result  {head, entries in the log after the version, {conversation, value or false, …}}

local ids = redis.call('ZRANGE', KEYS[4], ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[2])
local entries, bytes, bytes_max = {}, 0, tonumber(ARGV[3])
for i, id in ipairs(ids) do
  if i > 1 and bytes >= bytes_max then
    break
  end
  local value = redis.call('HGET', KEYS[2], id)
  entries[#entries + 1] = id
  entries[#entries + 1] = value
  bytes = bytes + #(value or '')
end
return { redis.call('HGET', KEYS[1], 'head'), redis.call('ZCOUNT', KEYS[4], ARGV[1], '+inf'), entries }
