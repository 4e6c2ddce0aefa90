-- Takes calls from any number of limits at once: all of them count the calls, or none does.
--
-- KEYS: one counter per limit, without the window.
-- ARGV: least (cost of the first call that waits), waiting (cost of all calls that wait), want
--   (cost of all calls expected while the block is valid; 0 only asks), the block's longest life
--   in milliseconds, name of the slot for concurrent limits; then six values for each limit:
--   kind (w window, s sliding, c concurrent), quota, soft (1 or 0) and
--     w: start, end of the window, end of the next one, in unix seconds
--     s: length of the window, of its parts, in milliseconds; 0
--     c: milliseconds after which a slot that nobody released is free again; 0; 0
--   and at last the epoch of the counters, as last heard.
-- Answer: calls taken, milliseconds since 1970, the block's life in milliseconds; then four values
--   for each limit: calls left before (below 0 beyond a soft quota), milliseconds until reset,
--   1 if these calls are overage, and the part of the counter that counted them, to give back.
--   Taken -1: this clock is outside of the windows that were named. -2: the counters are of another
--   epoch, which follows; empty while they are not restored, and nothing may be counted.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local least, waiting, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local life, slot = tonumber(ARGV[4]), ARGV[5]
local epoch = redis.call('GET', 'g:counters') or ''
if epoch == '' or epoch ~= ARGV[6 * #KEYS + 6] then return {-2, now, epoch} end

local limits, is_refused, left_most, left_soft, lent = {}, false, math.huge, math.huge, math.huge
for i, counter in ipairs(KEYS) do
  local at = 6 * i
  local kind, quota, soft = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2] == '1'
  local a, b, c = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local limit = {kind = kind, soft = soft, name = counter}
  if kind == 'w' then
    if now < a * 1000 or now >= c * 1000 then return {-1, now, 0} end
    local is_first = now < b * 1000
    limit.mark = is_first and ARGV[at + 3] or ARGV[at + 4]
    limit.stop = is_first and b or c
    limit.name = counter .. ':' .. limit.mark
    limit.used = tonumber(redis.call('GET', limit.name) or 0)
    limit.reset = limit.stop * 1000 - now
    life = math.min(life, limit.reset)
  elseif kind == 's' then
    limit.length, limit.part = a, b
    limit.first = math.floor((now - a) / b)
    limit.used, limit.parts, limit.gone = 0, {}, {}
    local stored = redis.call('HGETALL', counter)
    for j = 1, #stored, 2 do
      local part, calls = tonumber(stored[j]), tonumber(stored[j + 1])
      if part < limit.first then
        limit.gone[#limit.gone + 1] = stored[j]
      elseif calls > 0 then
        limit.used = limit.used + calls
        limit.parts[#limit.parts + 1] = {part, calls}
      end
    end
    life = math.min(life, b)
  else
    redis.call('ZREMRANGEBYSCORE', counter, '-inf', now)
    limit.used = redis.call('ZCARD', counter)
    limit.mark, limit.reset, limit.life = '', 0, a
  end
  limit.left = quota - limit.used
  if kind ~= 'c' and limit.left > 0 then
    -- What a holder falls silent with is lost until the window ends: less of a long one.
    local is_long = (limit.reset or limit.length) > 60000
    lent = math.min(lent, math.floor(limit.left / (is_long and 256 or 64)))
  end
  if soft then
    if limit.left > 0 then left_soft = math.min(left_soft, limit.left) end
    if limit.left > 0 and limit.left * 10 < quota then life = math.min(life, 1000) end
  elseif kind == 'c' then
    is_refused = is_refused or limit.left < 1
  else
    is_refused = is_refused or limit.left < least
    left_most = math.min(left_most, limit.left)
    -- Near its end a limit is not lent for long: what a holder leaves unused, others may need.
    if limit.left * 10 < quota then life = math.min(life, 1000) end
  end
  limits[i] = limit
end

-- What nobody waits for yet is a small share of what is left, also of a soft quota: others would be
-- marked as overage, and charged, for what one holder leaves unused. A block lies within a soft
-- quota or beyond it, so that every call of it is overage or none is.
local taken = 0
if want > 0 and not is_refused then
  taken = math.min(want, math.max(waiting, lent), left_most, left_soft)
  taken = math.max(taken, least)
end

-- Whole again part by part: when enough has left the window for the call that waits.
local function sliding_reset(limit)
  table.sort(limit.parts, function(one, other) return one[1] < other[1] end)
  local missing, freed = math.max(least - limit.left, 1), 0
  for _, part in ipairs(limit.parts) do
    freed = freed + part[2]
    if freed >= missing then return (part[1] + 1) * limit.part + limit.length - now end
  end
  return limit.length + limit.part
end

-- A millisecond less than counted with: `now` is rounded down.
local answer, counted = {taken, now, math.max(life - 1, 0)}, {}
for _, limit in ipairs(limits) do
  if limit.kind == 's' then
    -- Calls count from the last moment at which they may be made, so that they leave late enough.
    limit.mark = string.format('%d', math.floor((now + life) / limit.part))
    limit.reset = sliding_reset(limit)
  end
  if taken > 0 and not counted[limit.name] then
    counted[limit.name] = true
    if limit.kind == 'w' then
      redis.call('INCRBY', limit.name, taken)
      -- A minute longer than the window, for what is given back and for those who look.
      if limit.used == 0 then redis.call('EXPIREAT', limit.name, limit.stop + 60) end
    elseif limit.kind == 's' then
      if #limit.gone > 0 then redis.call('HDEL', limit.name, unpack(limit.gone)) end
      redis.call('HINCRBY', limit.name, limit.mark, taken)
      redis.call('PEXPIRE', limit.name, limit.length + 2 * limit.part + 60000)
    else
      redis.call('ZADD', limit.name, now + limit.life, slot)
      redis.call('PEXPIRE', limit.name, 86400000)
    end
  end
  answer[#answer + 1] = limit.left
  answer[#answer + 1] = limit.reset
  answer[#answer + 1] = limit.soft and limit.left < math.max(taken, least) and 1 or 0
  answer[#answer + 1] = limit.mark
end
return answer
