-- Commits one step on a user, if nobody else wrote the user meanwhile.
--
-- KEYS    1 head, 2 rows, 3 order, 4 log, 5 unread, 6 tombstones, 7 grouped
-- ARGV    1 the expected clock ("0": no head; "none": whatever there is, it is a conflict), 2 the new clock, 3 the new head, 4 the channel, 5 the hint,
--         6 the number of the first command's argument, 7 after how many seconds without a commit all is forgotten ("0": never),
--         8… what to read in case of a conflict (lookup.lua),
--         then the commands: name, number of its key, number of its arguments, its arguments
-- Result  1, or in case of a conflict, which changes nothing, what lookup.lua reads

if (redis.call('HGET', KEYS[1], 'clock') or '0') ~= ARGV[1] then
  return lookup(8)
end
local at = tonumber(ARGV[6])
while at <= #ARGV do
  local last = at + 2 + tonumber(ARGV[at + 2])
  redis.call(ARGV[at], KEYS[tonumber(ARGV[at + 1])], unpack(ARGV, at + 3, last))
  at = last + 1
end
redis.call('HSET', KEYS[1], 'clock', ARGV[2], 'head', ARGV[3])
if ARGV[7] ~= '0' then
  -- All at the same moment: a script sees one time.
  for _, key in ipairs(KEYS) do
    redis.call('EXPIRE', key, ARGV[7])
  end
end
redis.call('SPUBLISH', ARGV[4], ARGV[5])
return 1
