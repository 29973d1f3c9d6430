-- Reads what a step needs of one user; stands before load.lua and commit.lua.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones, 7 grouped
-- ARGV    from `at`: "ids" and the number of the last id's argument, or the number of a set's key and how many at most;
--         how many tombstones; how many of the lowest rows, of how many rows at least the list must have for it, and
--         how many tombstones then; the ids
-- Result  {TIME, head, ids (if of a set), a row or false per id, {tombstone, version, …}, {lowest row's id, row, …}}
--
-- Clocks are strings here and stay strings: Lua would round them.

local function lookup(at)
  local rows, found, count, lowest, tombstones = {}, {}, ARGV[at + 2], {}, {}
  if ARGV[at] == 'ids' then
    for i = at + 6, tonumber(ARGV[at + 1]) do
      rows[#rows + 1] = redis.call('HGET', KEYS[2], ARGV[i])
    end
  else
    found = redis.call('SRANDMEMBER', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
    for i, id in ipairs(found) do
      rows[i] = redis.call('HGET', KEYS[2], id)
    end
  end
  if ARGV[at + 3] ~= '0' and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[at + 4]) then
    count = ARGV[at + 5]
    for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, ARGV[at + 3] - 1)) do
      lowest[#lowest + 1] = id
      lowest[#lowest + 1] = redis.call('HGET', KEYS[2], id)
    end
  end
  if count ~= '0' then
    tombstones = redis.call('ZRANGE', KEYS[6], '-inf', '+inf', 'BYSCORE', 'LIMIT', 0, count, 'WITHSCORES')
  end
  return { redis.call('TIME'), redis.call('HGET', KEYS[1], 'head'), found, rows, tombstones, lowest }
end
