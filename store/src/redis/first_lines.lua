-- Reads the first lines of rows; stands before facets.lua and unread.lua.
--
-- KEYS    as there
-- Result  a first line per id

local function first_lines(ids)
  local lines = {}
  -- More arguments at once would be too many for Lua.
  for from = 1, #ids, 1000 do
    local rows = redis.call('HMGET', KEYS[2], unpack(ids, from, math.min(#ids, from + 999)))
    for _, row in ipairs(rows) do
      lines[#lines + 1] = row and row:sub(1, row:find('\n', 1, true) - 1)
    end
  end
  return lines
end
