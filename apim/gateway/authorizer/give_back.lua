-- Returns calls that nobody made to the window that they were taken from, or adds what a call cost
-- beyond its estimate. A window that is over keeps what it counted.
--
-- KEYS: counters, windows with their start. ARGV: calls (below 0 adds), then for each counter its
-- kind (w, s, c) and its mark (s: the part that counted; c: the slot), and the epoch in which they
-- were counted: what was counted before counters were lost is not in those that were restored.
local calls, done = tonumber(ARGV[1]), {}
local is_other = redis.call('GET', 'g:counters') ~= ARGV[2 * #KEYS + 2]
for i, name in ipairs(KEYS) do
  local kind, mark = ARGV[2 * i], ARGV[2 * i + 1]
  if not done[name] and (kind == 'c' or calls < 0 or not is_other) then
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
