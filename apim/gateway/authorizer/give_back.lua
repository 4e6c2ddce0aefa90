-- Returns calls that nobody made to the window that they were taken from, or adds what a call cost
-- beyond its estimate. A window that is over keeps what it counted.
--
-- KEYS: counters, windows with their start. ARGV: calls (below 0 adds), then for each counter its
-- kind (w, s, c) and its mark (s: the part that counted; c: the slot).
local calls, done = tonumber(ARGV[1]), {}
for i, name in ipairs(KEYS) do
  local kind, mark = ARGV[2 * i], ARGV[2 * i + 1]
  if not done[name] then
    done[name] = true
    if kind == 'w' then
      local used = tonumber(redis.call('GET', name))
      if used then redis.call('DECRBY', name, math.min(calls, used)) end
    elseif kind == 's' then
      local used = tonumber(redis.call('HGET', name, mark))
      if used then redis.call('HINCRBY', name, mark, -math.min(calls, used)) end
    else
      redis.call('ZREM', name, mark)
    end
  end
end
