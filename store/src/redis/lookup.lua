-- Reads what a step needs of one user; stands before load.lua and commit.lua.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones
-- ARGV    from `at`: "ids" and the number of the last id's argument, or "unread" and how many at most;
--         how many tombstones; the ids
-- Result  {TIME, head, ids (if "unread"), a row or false per id, {tombstone, version, …}}
--
-- Clocks are strings here and stay strings: Lua would round them.

local function lookup(at)
  local ids, found = {}, {}
  if ARGV[at] == 'unread' then
    found = redis.call('SRANDMEMBER', KEYS[5], ARGV[at + 1])
    ids = found
  else
    for i = at + 3, tonumber(ARGV[at + 1]) do
      ids[#ids + 1] = ARGV[i]
    end
  end
  local rows = {}
  for i, id in ipairs(ids) do
    rows[i] = redis.call('HGET', KEYS[2], id)
  end
  local tombstones = {}
  if ARGV[at + 2] ~= '0' then
    tombstones = redis.call(
      'ZRANGE', KEYS[6], '-inf', '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[at + 2], 'WITHSCORES')
  end
  return { redis.call('TIME'), redis.call('HGET', KEYS[1], 'head'), found, rows, tombstones }
end
